/** Networks: parameters, buffers and modules inside modules, found by walking an object's fields. */

import { readOptions } from '../core/options.js';
import { checkFlag, isMap, rangeError, typeError } from '../core/validation.js';
import { checkTensor } from './check.js';
import { Tensor } from './tensor.js';
import { sameShape, showShape } from './tensor-data.js';

/** Something in a module's state: a parameter or buffer, or a module inside it. */
type Member = Tensor | Module;

/** Options of `loadStateDict`. */
export interface LoadStateDictOptions {
  /**
   * Refuse a state that lacks names or has unknown ones.
   * @default true
   */
  strict?: boolean | undefined;
}

/**
 * Base class of layers and networks, as PyTorch's `nn.Module`: fields that hold tensors are its
 * state, fields that hold modules, or arrays of either, are parts of it.
 *
 * @example class Net extends Module { layer = new Linear(4, 2); forward(x) { return relu(this.layer.forward(x)); } }
 */
export class Module {
  /** Mode: true while dropout and batch norms behave as in training. */
  training = true;

  /** Lists fields that hold tensors or modules, those in arrays by number. */
  *#members(): Iterable<[name: string, member: Member]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Tensor || value instanceof Module) yield [name, value];
      if (!Array.isArray(value)) continue;
      for (const [i, part] of value.entries()) {
        if (part instanceof Tensor || part instanceof Module) yield [`${name}.${i}`, part];
      }
    }
  }

  /** Lists members, and those of every module inside, each module before what it holds. */
  *#descendants(path = '', around: readonly Module[] = []): Iterable<[string, Member]> {
    if (around.includes(this)) {
      throw new Error(`Module: ${path.slice(0, -1)} is a module that contains itself`);
    }
    for (const [name, member] of this.#members()) {
      yield [path + name, member];
      if (member instanceof Module)
        yield* member.#descendants(`${path}${name}.`, [...around, this]);
    }
  }

  /**
   * Iterates over this module and all modules in it, each once.
   *
   * @returns iterator over the modules, this one first
   */
  *modules(): Iterable<Module> {
    const found = new Set<Module>([this]);
    for (const module of found) {
      yield module;
      for (const [, member] of module.#members()) if (member instanceof Module) found.add(member);
    }
  }

  /**
   * Lists parameters and buffers by their paths, each once however often it is used.
   *
   * @returns the tensors themselves, in the order of the fields
   * @throws {Error} if a module contains itself
   */
  stateDict(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    const seen = new Set<Tensor>();
    for (const [path, member] of this.#descendants()) {
      if (member instanceof Module || seen.has(member)) continue;
      seen.add(member);
      state.set(path, member);
    }
    return state;
  }

  /**
   * Lists what is trained, by its path.
   *
   * @returns the tensors of the state that require gradients
   * @example new AdamW(model.parameters());
   */
  parameters(): Map<string, Tensor> {
    return new Map([...this.stateDict()].filter(([, { requiresGrad }]) => requiresGrad));
  }

  /**
   * Overwrites parameters and buffers with those of the same names.
   *
   * @param state tensors by path, of the same shapes
   * @param options strict: refuse names that are missing or not known
   * @throws {TypeError | RangeError} before anything is written, if a name or a shape does not fit
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>, options?: LoadStateDictOptions): void {
    if (!isMap(state)) typeError('loadStateDict', 'state', 'a Map of tensors', state);
    const read = readOptions('loadStateDict', options);
    const strict = read.read('strict', checkFlag, true);
    read.done();
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
      if (sameShape(to.shape, from.shape)) continue;
      rangeError('loadStateDict', name, `of shape ${showShape(to.shape)}`, showShape(from.shape));
    }
    for (const { to, from } of pairs) {
      to.data.set(from.data);
      to.markChanged();
    }
  }

  /**
   * Sets this module and the modules inside it to training, or to evaluation.
   *
   * @param on whether to train
   * @returns this module
   * @throws {TypeError} if it is not a boolean
   */
  train(on = true): this {
    checkFlag('train', 'on', on);
    const modules = [...this.#descendants()].flatMap(([, m]) => (m instanceof Module ? [m] : []));
    for (const module of [this, ...modules]) module.training = on;
    return this;
  }

  /**
   * Sets this module and the modules inside it to evaluation: dropout does nothing.
   *
   * @returns this module
   */
  eval(): this {
    return this.train(false);
  }

  /** Frees all parameters and buffers. */
  dispose(): void {
    for (const tensor of this.stateDict().values()) tensor.dispose();
  }
}
