/** The bootstrap: means of samples drawn with replacement. */

import { fillBits } from '../core/philox';

/**
 * y[s] (f64) = the mean of n numbers drawn with replacement from x (f64, n), for each of `samples`
 * draws, s being the step of the random numbers. `bits` has room for n draws.
 */
export function bootstrapMeans(
  y: usize, x: usize, n: i32, samples: i32, bits: usize, seedLow: i32, seedHigh: i32, stream: i32,
): void {
  for (let s = 0; s < samples; s++) {
    fillBits(bits, n, seedLow, seedHigh, stream, s);
    let sum: f64 = 0;
    for (let i = 0; i < n; i++) {
      const word = <u64>load<u32>(bits + (<usize>i << 2));
      sum += load<f64>(x + (<usize>((word * <u64>n) >> 32) << 3));
    }
    store<f64>(y + (<usize>s << 3), sum / <f64>n);
  }
}
