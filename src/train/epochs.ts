/** Passes through data, each in an order of its own. */

import { Random } from '../core/random.js';

/**
 * The order of the rows in each pass, as a function of seed and pass alone; asked for again and
 * again, the last one is made once.
 */
function epochs(count: number, seed: number, stream: number): (pass: number) => readonly number[] {
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

/** Rows in turn, pass after pass without a gap: so many from a place on. */
export function shuffledOrder(
  count: number,
  seed: number,
  stream: number,
): (from: number, length: number) => number[] {
  const order = epochs(count, seed, stream);
  return (from, length) =>
    Array.from({ length }, (_, i) => {
      const at = from + i;
      return order(Math.floor(at / count))[at % count] as number;
    });
}

/** The rows of each step, all of one pass: what is left over at its end waits for the next one. */
export function fullBatches(
  count: number,
  size: number,
  seed: number,
  stream: number,
): (step: number) => readonly number[] {
  const order = epochs(count, seed, stream);
  const perPass = Math.floor(count / size);
  return (step) => {
    const from = (step % perPass) * size;
    return order(Math.floor(step / perPass)).slice(from, from + size);
  };
}
