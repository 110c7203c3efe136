/** Lanes of vectors: floats as f64 and back, sums of f64 lanes, four rows as four columns. */

/** The first two of four floats, as f64. */
@inline
export function lowDoubles(x: v128): v128 {
  return f64x2.promote_low_f32x4(x);
}

/** The last two of four floats, as f64. */
@inline
export function highDoubles(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
}

/** Two pairs of f64 as four f32. */
@inline
export function toFloats(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(
    f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5,
  );
}

/** Sum of the two lanes. */
@inline
export function sum2(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1);
}

/** Stores the columns of four rows of four floats, `step` bytes from one to the next. */
@inline
export function storeColumns(
  to: usize, step: usize, r0: v128, r1: v128, r2: v128, r3: v128,
): void {
  const p0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const p1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const p2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const p3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(p0, p1, 0, 1, 4, 5));
  v128.store(to + step, v128.shuffle<f32>(p0, p1, 2, 3, 6, 7));
  v128.store(to + 2 * step, v128.shuffle<f32>(p2, p3, 0, 1, 4, 5));
  v128.store(to + 3 * step, v128.shuffle<f32>(p2, p3, 2, 3, 6, 7));
}
