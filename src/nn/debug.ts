/** The search for NaN and infinity in the results of operations and in their gradients. */

import { kernels } from '../core/kernels.js';
import { f32, type Pointer } from '../core/memory.js';
import { checkNoOptions } from '../core/options.js';
import { checkFlag, type NoOptions } from '../core/validation.js';
import { type Shape, showShape } from './tensor-data.js';

let isOn = false;

/**
 * Turns the search for NaN and infinity on or off: with `true` the first operation whose result, or
 * gradient, holds one throws an error that names it. Costs a pass over all results.
 *
 * @param on whether to search
 * @param options none
 * @throws {TypeError} if it is not a boolean
 */
export function debug(on: boolean, options?: NoOptions): void {
  checkNoOptions('debug', options);
  isOn = checkFlag('debug', 'on', on);
}

/** Refuses a tensor that is not finite, while the search is on. */
export function checkFinite(
  name: string,
  { at, size, shape }: { at: Pointer; size: number; shape: Shape },
): void {
  if (!isOn) return;
  const bad = kernels().firstNonFinite(at, size);
  if (bad < 0) return;
  const value = f32()[at / 4 + bad] as number;
  throw new Error(`${name} made ${value} at index ${bad} of ${showShape(shape)}`);
}
