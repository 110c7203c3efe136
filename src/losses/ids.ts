/** Ids of pairs, which keep equal ones from being each other's negatives. */

import { rangeError } from '../core/validation.js';

/** @throws {RangeError} if there is not one id per pair */
export function checkIds(name: string, ids: ArrayLike<number>, pairs: number): void {
  if (ids.length !== pairs) rangeError(name, 'ids', `${pairs} long (one per pair)`, ids.length);
}
