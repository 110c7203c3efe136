/** Powers of each number, forward and backward, over whole buffers padded to 16 bytes. */

import { expScalar, logScalar } from '../core/math';

/**
 * x^e in f64: by repeated squaring where e is a whole number of at most 64 in size, otherwise
 * exp(e log x). Rounded to f32 it is the nearest number but for one case in a million or so.
 */
function power(x: f64, e: f64): f64 {
  const whole = e == floor(e);
  if (whole && abs(e) <= 64) {
    let y: f64 = 1;
    let square = x;
    for (let n = <i32>abs(e); n > 0; n >>= 1, square *= square) if (n & 1) y *= square;
    return e < 0 ? 1 / y : y;
  }
  if (x != x || (x < 0 && !whole)) return NaN;
  const y = expScalar(e * logScalar(abs(x)));
  // A whole e is odd if half of it is not whole.
  return x < 0 && e * 0.5 != floor(e * 0.5) ? -y : y;
}

/** y = x^e. */
export function powArray(y: usize, x: usize, n: i32, e: f64): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    store<f32>(y + i, <f32>power(<f64>load<f32>(x + i), e));
  }
}

/** dx = dy e x^(e - 1), 0 for e = 0. */
export function powArrayBackward(dx: usize, dy: usize, x: usize, n: i32, e: f64): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    const grad = e == 0 ? 0 : e * power(<f64>load<f32>(x + i), e - 1);
    store<f32>(dx + i, <f32>(<f64>load<f32>(dy + i) * grad));
  }
}
