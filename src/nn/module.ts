/** What networks are made of: parameters, buffers and parts, found by walking the object. */

import { checkFlag, checkOptions, rangeError, typeError } from '../core/validation.js';
import { checkTensor } from './ops/shape.js';
import { Tensor } from './tensor.js';

/** Something in a module's state: a parameter or buffer, or a part that has some. */
type Member = Tensor | Module;

export class Module {
  /** Whether dropout and the like are on. */
  training = true;

  /** Fields that hold tensors or modules, those of arrays by number. */
  *#members(): Iterable<[name: string, member: Member]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Tensor || value instanceof Module) yield [name, value];
      if (!Array.isArray(value)) continue;
      for (const [i, part] of value.entries()) {
        if (part instanceof Tensor || part instanceof Module) yield [`${name}.${i}`, part];
      }
    }
  }

  /** Parameters and buffers by their paths, each once however often it is used. */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    const seen = new Set<Tensor>();
    const visit = (module: Module, prefix: string): void => {
      for (const [name, member] of module.#members()) {
        if (member instanceof Module) visit(member, `${prefix}${name}.`);
        else if (!seen.has(member)) {
          seen.add(member);
          state.set(prefix + name, member);
        }
      }
    };
    visit(this, '');
    return state;
  }

  /** What is trained, by its path. */
  parameters(): Map<string, Tensor> {
    return new Map([...this.stateDict()].filter(([, { requiresGrad }]) => requiresGrad));
  }

  /**
   * Overwrites parameters and buffers with those of the same names.
   * @param options.strict refuse names that are missing or not known (default true)
   * @throws RangeError before anything is written, if a name or a shape does not fit
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options?: { strict?: boolean }): void {
    if (!(state instanceof Map)) typeError('loadStateDict', 'state', 'a Map of tensors', state);
    checkOptions('loadStateDict', options, ['strict']);
    const strict = checkFlag('loadStateDict', 'strict', options?.strict, true);
    for (const [name, value] of state) checkTensor('loadStateDict', name, value);
    const own = this.stateDict();
    const missing = [...own.keys()].filter((name) => !state.has(name));
    const unknown = [...state.keys()].filter((name) => !own.has(name));
    if (strict && missing.length + unknown.length > 0) {
      const parts = [
        missing.length > 0 ? `lacks ${missing.join(', ')}` : '',
        unknown.length > 0 ? `has unknown ${unknown.join(', ')}` : '',
      ];
      throw new RangeError(`loadStateDict: state ${parts.filter(Boolean).join(' and ')}`);
    }
    const pairs = [...own].flatMap(([name, to]) => {
      const from = state.get(name);
      return from === undefined ? [] : [{ name, to, from }];
    });
    for (const { name, to, from } of pairs) {
      if (String(to.shape) === String(from.shape)) continue;
      rangeError('loadStateDict', name, `of shape [${to.shape}]`, `[${from.shape}]`);
    }
    for (const { to, from } of pairs) to.data.set(from.data);
  }

  /** Sets this module and its parts to training or not. */
  train(on = true): this {
    this.training = on;
    for (const [, member] of this.#members()) if (member instanceof Module) member.train(on);
    return this;
  }

  /** Turns dropout and the like off. */
  eval(): this {
    return this.train(false);
  }

  /** Frees all parameters and buffers. */
  dispose(): void {
    for (const tensor of this.stateDict().values()) tensor.dispose();
  }
}
