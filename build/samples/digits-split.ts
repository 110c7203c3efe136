/** Splits the package's sample of digits: the last ones are held out. */

/** Number of digits that are held out. */
export const HELD_OUT = 1000;

/** Rows to train on, and held-out ones, of so many digits. */
export function digitRows(count: number): { training: number[]; heldOut: number[] } {
  const rows = Array.from({ length: count }, (_, row) => row);
  return { training: rows.slice(0, count - HELD_OUT), heldOut: rows.slice(count - HELD_OUT) };
}
