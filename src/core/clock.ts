/** Time that has passed, of which every runtime has a clock. */

const { performance } = globalThis as unknown as { performance: { now(): number } };

/** Milliseconds since some moment, with fractions. */
export function milliseconds(): number {
  return performance.now();
}
