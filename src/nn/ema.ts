/** Exponential moving averages of weights. */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { checkNoOptions } from '../core/options.js';
import { type NoOptions, rangeError, typeError } from '../core/validation.js';
import { checkTensor } from './check.js';
import { Module } from './module.js';
import { sameShape } from './tensor-data.js';

/**
 * Moves a module towards another: target = decay target + (1 − decay) online, parameter by
 * parameter and buffer by buffer, as momentum encoders do.
 *
 * @param target module that is written
 * @param online module of the same state that is read
 * @param decay from 0 to 1 (default 0.996)
 * @param options none
 * @throws {TypeError | RangeError} before anything is written, if the states differ
 */
export function emaUpdate(
  target: Module,
  online: Module,
  decay = 0.996,
  options?: NoOptions,
): void {
  checkNoOptions('emaUpdate', options);
  for (const [argument, module] of Object.entries({ target, online })) {
    if (!(module instanceof Module)) typeError('emaUpdate', argument, 'a module', module);
  }
  if (typeof decay !== 'number') typeError('emaUpdate', 'decay', 'a number', decay);
  if (!(decay >= 0 && decay <= 1)) rangeError('emaUpdate', 'decay', 'from 0 to 1', decay);
  const from = online.stateDict();
  const pairs = [...target.stateDict()].map(([name, to]) => {
    const source = from.get(name);
    if (source === undefined || !sameShape(source.shape, to.shape)) {
      rangeError('emaUpdate', 'online', `a module with ${name} like target's`, source?.shape);
    }
    return [checkTensor('emaUpdate', name, to), checkTensor('emaUpdate', name, source)] as const;
  });
  const core = kernels(nnCode);
  for (const [to, source] of pairs) {
    core.scaleTo(to.at, to.at, to.size, decay);
    core.addScaled(to.at, source.at, to.size, 1 - decay);
    to.markChanged();
  }
}
