/**
 * Micro-kernels, with BLIS's names: a tile of MR x NR sums that stay in registers over all steps of
 * k, of two sides in slivers (pack.ts).
 *
 * Sixteen registers hold the sums, two vectors of the right side, a number of the left side and one
 * product. Four rows do so on all machines; five are 2 to 6 % faster, but do not divide blocks of a
 * power of two, so that only whole products and attention have them.
 *
 * A step of five takes the rows from the last to the first: V8 of Node 20 and 22 schedules the body
 * of a loop from its end, beginning with the first sum. In the order of the sums it would load the
 * numbers of all rows before it multiplies one of them, and spill. Newer ones keep the order.
 *
 * The first step stands before the loop. V8 adds the offset of a splat to the memory's base in an
 * instruction of its own: used before the loop, those sums are kept, where in the loop they would be
 * taken again at each step, and decoding instructions is the limit. That is worth a tenth.
 *
 * A turn of a loop costs two checks, of its end and of the stack, so that it takes more than one step.
 * Nothing may mix the steps, which would take more registers than there are: four rows leave the loop
 * between two steps. Five rows take four, each but the last in an `if` of its own. Where paths meet, V8
 * lets neither loads nor sums pass; and it is a use for the `if`: the first turn leaves out so many
 * steps that their number is a multiple of four. That is worth 4 %.
 */

/** Rows of a tile. */
export const MR: i32 = 4;
/** Columns of a tile. */
export const NR: i32 = 8;
/** Rows of a tile of whole products. */
export const TALL: i32 = 5;

/** c (MR x NR, ldc bytes per row) = or += left sliver x right sliver over k steps, which may be 0. */
export function microKernel(
  c: usize, ldc: usize, a: usize, b: usize, k: i32, accumulate: bool,
): void {
  if (k <= 0) {
    const none = f32x4.splat(0);
    storeTile(c, ldc, accumulate, none, none, none, none, none, none, none, none);
    return;
  }
  const zero = f32x4.splat(0);
  let b0 = v128.load(b), b1 = v128.load(b, 16);
  let s: v128;
  s = v128.load32_splat(a, 12);
  let c30 = f32x4.add(zero, f32x4.mul(s, b0));
  let c31 = f32x4.add(zero, f32x4.mul(s, b1));
  s = v128.load32_splat(a, 8);
  let c20 = f32x4.add(zero, f32x4.mul(s, b0));
  let c21 = f32x4.add(zero, f32x4.mul(s, b1));
  s = v128.load32_splat(a, 4);
  let c10 = f32x4.add(zero, f32x4.mul(s, b0));
  let c11 = f32x4.add(zero, f32x4.mul(s, b1));
  s = v128.load32_splat(a);
  let c00 = f32x4.add(zero, f32x4.mul(s, b0));
  let c01 = f32x4.add(zero, f32x4.mul(s, b1));
  const end = a + <usize>(k << 4);
  a += 16;
  b += 32;
  while (a < end) {
    b0 = v128.load(b);
    b1 = v128.load(b, 16);
    s = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(s, b0));
    c01 = f32x4.add(c01, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(s, b0));
    c11 = f32x4.add(c11, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(s, b0));
    c21 = f32x4.add(c21, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(s, b0));
    c31 = f32x4.add(c31, f32x4.mul(s, b1));
    a += 16;
    if (a >= end) break;
    b0 = v128.load(b, 32);
    b1 = v128.load(b, 48);
    s = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(s, b0));
    c01 = f32x4.add(c01, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(s, b0));
    c11 = f32x4.add(c11, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(s, b0));
    c21 = f32x4.add(c21, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(s, b0));
    c31 = f32x4.add(c31, f32x4.mul(s, b1));
    a += 16;
    b += 64;
  }
  storeTile(c, ldc, accumulate, c00, c01, c10, c11, c20, c21, c30, c31);
}

/**
 * c (TALL x NR, ldc bytes per row) = left sliver x right sliver over k steps, at least 1, plus `sums`
 * (TALL x NR, ldSums bytes per row) and `bias` (NR floats), each where it is not 0.
 */
export function tallMicroKernel(
  c: usize, ldc: usize, a: usize, b: usize, k: i32, sums: usize, ldSums: usize, bias: usize,
): void {
  const zero = f32x4.splat(0);
  let b0 = v128.load(b), b1 = v128.load(b, 16);
  let s: v128;
  s = v128.load32_splat(a, 16);
  let c40 = f32x4.add(zero, f32x4.mul(s, b0));
  let c41 = f32x4.add(zero, f32x4.mul(s, b1));
  s = v128.load32_splat(a, 12);
  let c30 = f32x4.add(zero, f32x4.mul(s, b0));
  let c31 = f32x4.add(zero, f32x4.mul(s, b1));
  s = v128.load32_splat(a, 8);
  let c20 = f32x4.add(zero, f32x4.mul(s, b0));
  let c21 = f32x4.add(zero, f32x4.mul(s, b1));
  s = v128.load32_splat(a, 4);
  let c10 = f32x4.add(zero, f32x4.mul(s, b0));
  let c11 = f32x4.add(zero, f32x4.mul(s, b1));
  s = v128.load32_splat(a);
  let c00 = f32x4.add(zero, f32x4.mul(s, b0));
  let c01 = f32x4.add(zero, f32x4.mul(s, b1));
  // All steps but the first, in turns of four: the first turn begins before them.
  const end = a + <usize>(k * 20), start = a + 20;
  const skipped = (1 - k) & 3;
  a = start - <usize>(skipped * 20);
  b += 32 - <usize>(skipped << 5);
  while (a < end) {
    if (a >= start) {
      b0 = v128.load(b);
      b1 = v128.load(b, 16);
      s = v128.load32_splat(a, 16);
      c40 = f32x4.add(c40, f32x4.mul(s, b0));
      c41 = f32x4.add(c41, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 12);
      c30 = f32x4.add(c30, f32x4.mul(s, b0));
      c31 = f32x4.add(c31, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 8);
      c20 = f32x4.add(c20, f32x4.mul(s, b0));
      c21 = f32x4.add(c21, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 4);
      c10 = f32x4.add(c10, f32x4.mul(s, b0));
      c11 = f32x4.add(c11, f32x4.mul(s, b1));
      s = v128.load32_splat(a);
      c00 = f32x4.add(c00, f32x4.mul(s, b0));
      c01 = f32x4.add(c01, f32x4.mul(s, b1));
    }
    a += 20;
    if (a >= start) {
      b0 = v128.load(b, 32);
      b1 = v128.load(b, 48);
      s = v128.load32_splat(a, 16);
      c40 = f32x4.add(c40, f32x4.mul(s, b0));
      c41 = f32x4.add(c41, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 12);
      c30 = f32x4.add(c30, f32x4.mul(s, b0));
      c31 = f32x4.add(c31, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 8);
      c20 = f32x4.add(c20, f32x4.mul(s, b0));
      c21 = f32x4.add(c21, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 4);
      c10 = f32x4.add(c10, f32x4.mul(s, b0));
      c11 = f32x4.add(c11, f32x4.mul(s, b1));
      s = v128.load32_splat(a);
      c00 = f32x4.add(c00, f32x4.mul(s, b0));
      c01 = f32x4.add(c01, f32x4.mul(s, b1));
    }
    a += 20;
    if (a >= start) {
      b0 = v128.load(b, 64);
      b1 = v128.load(b, 80);
      s = v128.load32_splat(a, 16);
      c40 = f32x4.add(c40, f32x4.mul(s, b0));
      c41 = f32x4.add(c41, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 12);
      c30 = f32x4.add(c30, f32x4.mul(s, b0));
      c31 = f32x4.add(c31, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 8);
      c20 = f32x4.add(c20, f32x4.mul(s, b0));
      c21 = f32x4.add(c21, f32x4.mul(s, b1));
      s = v128.load32_splat(a, 4);
      c10 = f32x4.add(c10, f32x4.mul(s, b0));
      c11 = f32x4.add(c11, f32x4.mul(s, b1));
      s = v128.load32_splat(a);
      c00 = f32x4.add(c00, f32x4.mul(s, b0));
      c01 = f32x4.add(c01, f32x4.mul(s, b1));
    }
    a += 20;
    b0 = v128.load(b, 96);
    b1 = v128.load(b, 112);
    s = v128.load32_splat(a, 16);
    c40 = f32x4.add(c40, f32x4.mul(s, b0));
    c41 = f32x4.add(c41, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(s, b0));
    c31 = f32x4.add(c31, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(s, b0));
    c21 = f32x4.add(c21, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(s, b0));
    c11 = f32x4.add(c11, f32x4.mul(s, b1));
    s = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(s, b0));
    c01 = f32x4.add(c01, f32x4.mul(s, b1));
    a += 20;
    b += 128;
  }
  if (sums != 0) {
    const s1 = sums + ldSums, s2 = s1 + ldSums, s3 = s2 + ldSums, s4 = s3 + ldSums;
    c00 = f32x4.add(v128.load(sums), c00);
    c01 = f32x4.add(v128.load(sums, 16), c01);
    c10 = f32x4.add(v128.load(s1), c10);
    c11 = f32x4.add(v128.load(s1, 16), c11);
    c20 = f32x4.add(v128.load(s2), c20);
    c21 = f32x4.add(v128.load(s2, 16), c21);
    c30 = f32x4.add(v128.load(s3), c30);
    c31 = f32x4.add(v128.load(s3, 16), c31);
    c40 = f32x4.add(v128.load(s4), c40);
    c41 = f32x4.add(v128.load(s4, 16), c41);
  }
  if (bias != 0) {
    const b0 = v128.load(bias), b1 = v128.load(bias, 16);
    c00 = f32x4.add(c00, b0);
    c01 = f32x4.add(c01, b1);
    c10 = f32x4.add(c10, b0);
    c11 = f32x4.add(c11, b1);
    c20 = f32x4.add(c20, b0);
    c21 = f32x4.add(c21, b1);
    c30 = f32x4.add(c30, b0);
    c31 = f32x4.add(c31, b1);
    c40 = f32x4.add(c40, b0);
    c41 = f32x4.add(c41, b1);
  }
  const r1 = c + ldc, r2 = r1 + ldc, r3 = r2 + ldc, r4 = r3 + ldc;
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(r1, c10);
  v128.store(r1, c11, 16);
  v128.store(r2, c20);
  v128.store(r2, c21, 16);
  v128.store(r3, c30);
  v128.store(r3, c31, 16);
  v128.store(r4, c40);
  v128.store(r4, c41, 16);
}

/** c = or += squared distances: sum over k of (a - b)^2, without cancellation. */
export function distanceMicroKernel(
  c: usize, ldc: usize, a: usize, b: usize, k: i32, accumulate: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  for (const end = a + (<usize>k << 4); a < end; a += 16, b += 32) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    let d = f32x4.sub(s, b0), e = f32x4.sub(s, b1);
    c00 = f32x4.add(c00, f32x4.mul(d, d));
    c01 = f32x4.add(c01, f32x4.mul(e, e));
    s = v128.load32_splat(a, 4);
    d = f32x4.sub(s, b0); e = f32x4.sub(s, b1);
    c10 = f32x4.add(c10, f32x4.mul(d, d));
    c11 = f32x4.add(c11, f32x4.mul(e, e));
    s = v128.load32_splat(a, 8);
    d = f32x4.sub(s, b0); e = f32x4.sub(s, b1);
    c20 = f32x4.add(c20, f32x4.mul(d, d));
    c21 = f32x4.add(c21, f32x4.mul(e, e));
    s = v128.load32_splat(a, 12);
    d = f32x4.sub(s, b0); e = f32x4.sub(s, b1);
    c30 = f32x4.add(c30, f32x4.mul(d, d));
    c31 = f32x4.add(c31, f32x4.mul(e, e));
  }
  storeTile(c, ldc, accumulate, c00, c01, c10, c11, c20, c21, c30, c31);
}

@inline
function storeTile(
  c: usize, ldc: usize, accumulate: bool,
  c00: v128, c01: v128, c10: v128, c11: v128, c20: v128, c21: v128, c30: v128, c31: v128,
): void {
  const r1 = c + ldc, r2 = r1 + ldc, r3 = r2 + ldc;
  if (accumulate) {
    c00 = f32x4.add(v128.load(c), c00);
    c01 = f32x4.add(v128.load(c, 16), c01);
    c10 = f32x4.add(v128.load(r1), c10);
    c11 = f32x4.add(v128.load(r1, 16), c11);
    c20 = f32x4.add(v128.load(r2), c20);
    c21 = f32x4.add(v128.load(r2, 16), c21);
    c30 = f32x4.add(v128.load(r3), c30);
    c31 = f32x4.add(v128.load(r3, 16), c31);
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(r1, c10);
  v128.store(r1, c11, 16);
  v128.store(r2, c20);
  v128.store(r2, c21, 16);
  v128.store(r3, c30);
  v128.store(r3, c31, 16);
}
