/** Passes through data, each in an order of its own. */

import { Random } from '../random.js';

/**
 * The order of the rows in each pass, as a function of seed and pass alone; asked for again and
 * again, the last one is made once.
 */
export function passes(
  count: number,
  seed: number,
  stream: number,
): (pass: number) => readonly number[] {
  let order: number[] = [];
  let last = -1;
  return (pass) => {
    if (pass !== last) {
      const rows = Array.from({ length: count }, (_, row) => row);
      order = new Random(seed, stream, pass).shuffle(rows);
      last = pass;
    }
    return order;
  };
}
