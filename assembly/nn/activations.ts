/**
 * Functions of each number by itself, forward next to backward. As in elementwise.ts the arrays are
 * whole buffers padded to 16 bytes, y (or dx) may be any of the inputs, and gradients are stored.
 */

import { expRaised, lowered } from '../core/math';

/**
 * 1 / (1 + e^-x) of four lanes, from e^-|x|: it never overflows, and a small result keeps its
 * digits.
 */
function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = lowered(expRaised(f32x4.neg(f32x4.abs(x))));
  const above = v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0)));
  return f32x4.div(above, f32x4.add(one, e));
}

/** y = 1 / (1 + e^-x). */
export function sigmoidArray(y: usize, x: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, sigmoid4(v128.load(x + i)));
  }
}

/** dx = dy y (1 - y), where y = sigmoid(x). */
export function sigmoidArrayBackward(dx: usize, dy: usize, y: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const s = v128.load(y + i);
    v128.store(dx + i, f32x4.mul(v128.load(dy + i), f32x4.mul(s, f32x4.sub(one, s))));
  }
}

/** y = x sigmoid(x). */
export function siluArray(y: usize, x: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const v = v128.load(x + i);
    v128.store(y + i, f32x4.mul(v, sigmoid4(v)));
  }
}

/** dx = dy s (1 + x (1 - s)), where s = sigmoid(x). */
export function siluArrayBackward(dx: usize, dy: usize, x: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const v = v128.load(x + i), s = sigmoid4(v);
    const grad = f32x4.mul(s, f32x4.add(one, f32x4.mul(v, f32x4.sub(one, s))));
    v128.store(dx + i, f32x4.mul(v128.load(dy + i), grad));
  }
}

/** y = |x|. */
export function absArray(y: usize, x: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.abs(v128.load(x + i)));
  }
}

/** dx = dy times the sign of x, which is 0 at 0. */
export function absArrayBackward(dx: usize, dy: usize, x: usize, n: i32): void {
  const zero = f32x4.splat(0), sign = f32x4.splat(-0.0);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const v = v128.load(x + i);
    const signed = v128.xor(v128.load(dy + i), v128.and(v, sign));
    v128.store(dx + i, v128.andnot(signed, f32x4.eq(v, zero)));
  }
}

/** y = x, at least low and at most high; high where they cross. NaN stays. */
export function clampArray(y: usize, x: usize, n: i32, low: f32, high: f32): void {
  const l = f32x4.splat(low), h = f32x4.splat(high);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.min(f32x4.max(v128.load(x + i), l), h));
  }
}

/** dx = dy where x is from low to high, both included, else 0. */
export function clampArrayBackward(
  dx: usize, dy: usize, x: usize, n: i32, low: f32, high: f32,
): void {
  const l = f32x4.splat(low), h = f32x4.splat(high);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const v = v128.load(x + i);
    const inside = v128.and(f32x4.ge(v, l), f32x4.le(v, h));
    v128.store(dx + i, v128.and(v128.load(dy + i), inside));
  }
}

/** y = 0, 1, 2, … */
export function fillRange(y: usize, n: i32): void {
  for (let i = 0; i < n; i++) store<f32>(y + (<usize>i << 2), <f32>i);
}
