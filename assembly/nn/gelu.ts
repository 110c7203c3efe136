/**
 * GELU (https://arxiv.org/abs/1606.08415), x times the normal distribution's P(X <= x), and GPT-2's
 * form of it with tanh. Both are taken as max(x, 0) - |x| tail(|x|), where the tail falls from 1/2
 * to 0: nothing cancels, and a negative x keeps its digits down to where the result is below f32.
 *
 * The exact tail is exp(-t^2/2) times a rational function that is 5e-9 from the true one on
 * [0, 13.2]; past that the exponential is 0.
 */

import { expNegative } from '../core/math';

// Each constant fills one vector: TABLE + 16 * index.
// prettier-ignore
const TABLE = memory.data<f32>([
  14.0, 14.0, 14.0, 14.0, //                                         0 every tail is 0 from here
  0.004010355, 0.004010355, 0.004010355, 0.004010355, //            16 numerator: t^4 ...
  0.039918642, 0.039918642, 0.039918642, 0.039918642, //            32
  0.1811133, 0.1811133, 0.1811133, 0.1811133, //                    48
  0.43542647, 0.43542647, 0.43542647, 0.43542647, //                64
  0.5, 0.5, 0.5, 0.5, //                                            80 ... t^0
  0.010052323, 0.010052323, 0.010052323, 0.010052323, //            96 denominator: t^5 ...
  0.100068666, 0.100068666, 0.100068666, 0.100068666, //           112
  0.46386927, 0.46386927, 0.46386927, 0.46386927, //               128
  1.1936828, 1.1936828, 1.1936828, 1.1936828, //                   144
  1.6687379, 1.6687379, 1.6687379, 1.6687379, //                   160
  1.0, 1.0, 1.0, 1.0, //                                           176 ... t^0
  0.39894228, 0.39894228, 0.39894228, 0.39894228, //               192 1 / sqrt(2 pi)
  -1.5957691216, -1.5957691216, -1.5957691216, -1.5957691216, //   208 -2 sqrt(2 / pi)
  -0.0713548163, -0.0713548163, -0.0713548163, -0.0713548163, //   224 that times 0.044715
  -0.2140644488, -0.2140644488, -0.2140644488, -0.2140644488, //   240 three times that
  -0.5, -0.5, -0.5, -0.5, //                                       256
], 16);

/** |x|, at most 14. */
@inline
function absClamped(x: v128): v128 {
  return f32x4.pmin(f32x4.abs(x), v128.load(TABLE));
}

/** exp(-t^2/2) for 0 <= t <= 14. */
@inline
function gaussian(t: v128): v128 {
  // The rounding of t^2 counts in the exponent, so it is found (Dekker) and taken back.
  const square = f32x4.mul(t, t);
  const head = v128.and(t, i32x4.splat(0xfffff000));
  const tail = f32x4.sub(t, head);
  const low = f32x4.add(
    f32x4.add(
      f32x4.sub(f32x4.mul(head, head), square), f32x4.mul(f32x4.add(head, head), tail),
    ),
    f32x4.mul(tail, tail),
  );
  const e = expNegative(f32x4.mul(square, v128.load(TABLE, 256)));
  return f32x4.add(e, f32x4.mul(e, f32x4.mul(low, v128.load(TABLE, 256))));
}

/** P(X > t) of the normal distribution, where e = exp(-t^2/2). */
@inline
function normalTail(t: v128, e: v128): v128 {
  let p = f32x4.add(f32x4.mul(v128.load(TABLE, 16), t), v128.load(TABLE, 32));
  p = f32x4.add(f32x4.mul(p, t), v128.load(TABLE, 48));
  p = f32x4.add(f32x4.mul(p, t), v128.load(TABLE, 64));
  p = f32x4.add(f32x4.mul(p, t), v128.load(TABLE, 80));
  let q = f32x4.add(f32x4.mul(v128.load(TABLE, 96), t), v128.load(TABLE, 112));
  q = f32x4.add(f32x4.mul(q, t), v128.load(TABLE, 128));
  q = f32x4.add(f32x4.mul(q, t), v128.load(TABLE, 144));
  q = f32x4.add(f32x4.mul(q, t), v128.load(TABLE, 160));
  q = f32x4.add(f32x4.mul(q, t), v128.load(TABLE, 176));
  return f32x4.div(f32x4.mul(e, p), q);
}

/** e of the other tail e / (1 + e), which is (1 - tanh(sqrt(2/pi) (t + 0.044715 t^3))) / 2. */
@inline
function tanhExponential(t: v128, square: v128): v128 {
  const inner = f32x4.add(f32x4.mul(square, v128.load(TABLE, 224)), v128.load(TABLE, 208));
  return expNegative(f32x4.mul(t, inner));
}

/** max(x, 0) - t tail. */
@inline
function geluFromTail(x: v128, t: v128, tail: v128): v128 {
  return f32x4.sub(f32x4.pmax(x, f32x4.splat(0)), f32x4.mul(t, tail));
}

/** dy times the derivative of GELU: `grad`, that of t tail(t), where x < 0, and 1 - grad elsewhere. */
@inline
function timesDerivative(dy: v128, x: v128, grad: v128): v128 {
  const above = f32x4.sub(v128.load(TABLE, 176), grad);
  return f32x4.mul(dy, v128.bitselect(grad, above, f32x4.lt(x, f32x4.splat(0))));
}

/** y = GELU(x) of n floats, a whole buffer; y may be x. */
export function geluArray(y: usize, x: usize, n: i32, tanhForm: bool): void {
  const end = <usize>n << 2;
  if (tanhForm) {
    for (let i: usize = 0; i < end; i += 16) {
      const v = v128.load(x + i), t = absClamped(v);
      const e = tanhExponential(t, f32x4.mul(t, t));
      const tail = f32x4.div(e, f32x4.add(e, v128.load(TABLE, 176)));
      v128.store(y + i, geluFromTail(v, t, tail));
    }
  } else {
    for (let i: usize = 0; i < end; i += 16) {
      const v = v128.load(x + i), t = absClamped(v);
      v128.store(y + i, geluFromTail(v, t, normalTail(t, gaussian(t))));
    }
  }
}

/** dx = dy times the derivative of GELU at x; dx may be dy or x. */
export function geluArrayBackward(dx: usize, dy: usize, x: usize, n: i32, tanhForm: bool): void {
  const end = <usize>n << 2;
  if (tanhForm) {
    for (let i: usize = 0; i < end; i += 16) {
      const v = v128.load(x + i), t = absClamped(v);
      const one = v128.load(TABLE, 176);
      const square = f32x4.mul(t, t);
      const e = tanhExponential(t, square);
      const other = f32x4.div(one, f32x4.add(e, one));
      // d log(tail) / dt = `other` times the derivative of e's exponent.
      const exponentGrad = f32x4.add(
        f32x4.mul(square, v128.load(TABLE, 240)), v128.load(TABLE, 208),
      );
      const grad = f32x4.mul(
        f32x4.mul(e, other), f32x4.add(one, f32x4.mul(f32x4.mul(t, other), exponentGrad)),
      );
      v128.store(dx + i, timesDerivative(v128.load(dy + i), v, grad));
    }
  } else {
    for (let i: usize = 0; i < end; i += 16) {
      const v = v128.load(x + i), t = absClamped(v);
      const e = gaussian(t);
      const density = f32x4.mul(e, v128.load(TABLE, 192));
      const grad = f32x4.sub(normalTail(t, e), f32x4.mul(t, density));
      v128.store(dx + i, timesDerivative(v128.load(dy + i), v, grad));
    }
  }
}
