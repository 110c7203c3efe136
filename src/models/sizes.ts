/** Checks of the sizes of networks, before memory is taken. */

import { integerIn, rangeError } from '../core/validation.js';

/** Checks a width, a number of layers or of heads, a context. */
export const checkSize = integerIn(1, 2 ** 24, 'as large as memory allows');

/** Refuses a width that its heads do not divide. */
export function checkHeads(name: string, width: number, heads: number, argument = 'width'): void {
  if (width % heads !== 0) rangeError(name, argument, `a multiple of ${heads} heads`, width);
}
