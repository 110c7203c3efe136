/**
 * Transcendentals: exp, log and tanh of four f32 lanes, at most 2 ulp from the exact value over the
 * whole range (exp at most 1), and the f64 scalars that the last step of a loss is taken in.
 * WebAssembly has none of its own, and JavaScript's differ from engine to engine.
 *
 * Constants stand in a table because a load folds into the instruction that uses it, where a
 * splat takes one of the sixteen registers that the loops need for themselves.
 */

// Each constant fills one vector: TABLE + 16 * index.
// prettier-ignore
const TABLE = memory.data<f32>([
  1.44269504088896341, 1.44269504088896341, 1.44269504088896341, 1.44269504088896341, //   0 log2(e)
  0.693359375, 0.693359375, 0.693359375, 0.693359375, //                                  16 ln 2, its first 9 bits
  -2.12194440e-4, -2.12194440e-4, -2.12194440e-4, -2.12194440e-4, //                      32 ln 2, its further bits
  1.3814173872e-3, 1.3814173872e-3, 1.3814173872e-3, 1.3814173872e-3, //                  48 exp: r^6 ...
  8.3689214662e-3, 8.3689214662e-3, 8.3689214662e-3, 8.3689214662e-3, //                  64
  4.1668407619e-2, 4.1668407619e-2, 4.1668407619e-2, 4.1668407619e-2, //                  80
  1.6666519642e-1, 1.6666519642e-1, 1.6666519642e-1, 1.6666519642e-1, //                  96
  4.9999994040e-1, 4.9999994040e-1, 4.9999994040e-1, 4.9999994040e-1, //                 112 ... r^2
  12583103.0, 12583103.0, 12583103.0, 12583103.0, //                                     128 1.5 * 2^23 + 127 + 64
  1.0, 1.0, 1.0, 1.0, //                                                                 144
  -87.0, -87.0, -87.0, -87.0, //                                                         160 below, expNegative is 0
  7.0376836292e-2, 7.0376836292e-2, 7.0376836292e-2, 7.0376836292e-2, //                 176 log: r^8 ...
  -1.1514610310e-1, -1.1514610310e-1, -1.1514610310e-1, -1.1514610310e-1, //             192
  1.1676998740e-1, 1.1676998740e-1, 1.1676998740e-1, 1.1676998740e-1, //                 208
  -1.2420140846e-1, -1.2420140846e-1, -1.2420140846e-1, -1.2420140846e-1, //             224
  1.4249322787e-1, 1.4249322787e-1, 1.4249322787e-1, 1.4249322787e-1, //                 240
  -1.6668057665e-1, -1.6668057665e-1, -1.6668057665e-1, -1.6668057665e-1, //             256
  2.0000714765e-1, 2.0000714765e-1, 2.0000714765e-1, 2.0000714765e-1, //                 272
  -2.4999993993e-1, -2.4999993993e-1, -2.4999993993e-1, -2.4999993993e-1, //             288
  3.3333331174e-1, 3.3333331174e-1, 3.3333331174e-1, 3.3333331174e-1, //                 304 ... r^0
  -5.70498872745e-3, -5.70498872745e-3, -5.70498872745e-3, -5.70498872745e-3, //         320 tanh: x^11 ...
  2.06390887954e-2, 2.06390887954e-2, 2.06390887954e-2, 2.06390887954e-2, //             336
  -5.37397155531e-2, -5.37397155531e-2, -5.37397155531e-2, -5.37397155531e-2, //         352
  1.33314422036e-1, 1.33314422036e-1, 1.33314422036e-1, 1.33314422036e-1, //             368
  -3.33332819422e-1, -3.33332819422e-1, -3.33332819422e-1, -3.33332819422e-1, //         384 ... x^3
  12582912.0, 12582912.0, 12582912.0, 12582912.0, //                                     400 1.5 * 2^23
  -132.4, -132.4, -132.4, -132.4, //                                                     416 here 2^64 exp is 0
  5.421010862427522e-20, 5.421010862427522e-20, 5.421010862427522e-20, 5.421010862427522e-20, // 432 2^-64
], 16);

/**
 * exp(r) for |r| <= ln(2)/2, 4e-9 from it by the minimax polynomial of degree 6. Its terms are taken
 * in pairs (Estrin), so that half as many operations wait for each other as by Horner's rule.
 */
@inline
function expReduced(r: v128): v128 {
  const square = f32x4.mul(r, r);
  const low = f32x4.add(f32x4.mul(r, v128.load(TABLE, 96)), v128.load(TABLE, 112));
  const high = f32x4.add(f32x4.mul(r, v128.load(TABLE, 64)), v128.load(TABLE, 80));
  const upper = f32x4.add(high, f32x4.mul(square, v128.load(TABLE, 48)));
  const p = f32x4.add(low, f32x4.mul(square, upper));
  return f32x4.add(f32x4.add(r, f32x4.mul(square, p)), v128.load(TABLE, 144));
}

/**
 * x / ln 2 rounded to a whole number n, plus 1.5 * 2^23: there the last bit counts ones, so that
 * the sum's bits end in those of n, and taking 1.5 * 2^23 away gives n itself.
 */
@inline
function rounded(x: v128): v128 {
  return f32x4.add(f32x4.mul(x, v128.load(TABLE, 0)), v128.load(TABLE, 400));
}

/** x - n ln 2, with ln 2 in two parts so that the difference keeps its bits. */
@inline
function reduce(x: v128, n: v128): v128 {
  return f32x4.sub(
    f32x4.sub(x, f32x4.mul(n, v128.load(TABLE, 16))),
    f32x4.mul(n, v128.load(TABLE, 32)),
  );
}

/**
 * exp of four lanes that are at most 0, for the inner loops: what would be below e^-87 (and
 * minus infinity, which stands for a pair left out) is exactly 0.
 */
@inline
export function expNegative(x: v128): v128 {
  const floor = v128.load(TABLE, 160);
  const nonzero = f32x4.gt(x, floor);
  const y = f32x4.pmax(floor, x);
  const bits = rounded(y);
  const p = expReduced(reduce(y, f32x4.sub(bits, v128.load(TABLE, 400))));
  // The exponent of a power of two, added to the bits of p, which lies in [0.7, 1.42].
  return v128.and(i32x4.add(p, i32x4.shl(bits, 23)), nonzero);
}

/**
 * 2^64 exp of four lanes that are at most 44, for {@link lowered}: so raised even what is below f32
 * counts in a sum. -inf gives 0, NaN stays.
 */
@inline
export function expRaised(x: v128): v128 {
  const y = f32x4.pmax(x, v128.load(TABLE, 416));
  // With the exponent's bias added, the last bits are those of 2^(n + 64) as a float, or of 0.
  const raise = v128.load(TABLE, 128);
  const bits = f32x4.add(f32x4.mul(y, v128.load(TABLE, 0)), raise);
  const p = expReduced(reduce(y, f32x4.sub(bits, raise)));
  return f32x4.mul(p, i32x4.shl(bits, 23));
}

/** 2^-64 x. */
@inline
export function lowered(x: v128): v128 {
  return f32x4.mul(x, v128.load(TABLE, 432));
}

/** exp of four lanes over the whole range, denormal results included. */
@inline
export function exp4(x: v128): v128 {
  const y = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89)), f32x4.splat(-104));
  const bits = rounded(y);
  const p = expReduced(reduce(y, f32x4.sub(bits, v128.load(TABLE, 400))));
  // 2^n in two factors, since n runs from -150 to 128.
  const i = i32x4.sub(bits, v128.load(TABLE, 400));
  const half = i32x4.shr_s(i, 1);
  const bias = i32x4.splat(127);
  const first = i32x4.shl(i32x4.add(half, bias), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(i, half), bias), 23);
  return f32x4.mul(f32x4.mul(p, first), second);
}

/** Natural logarithm of four lanes: log 0 = -inf, of a negative number NaN. */
@inline
export function log4(x: v128): v128 {
  // Denormals are brought into the normal range first.
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny);
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)).
  const bits = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.shr_s(bits, 23);
  const m = i32x4.sub(scaled, i32x4.shl(exponent, 23));
  const e = f32x4.convert_i32x4_s(i32x4.sub(exponent, v128.and(tiny, i32x4.splat(23))));
  const r = f32x4.sub(m, v128.load(TABLE, 144));
  let p = f32x4.add(f32x4.mul(v128.load(TABLE, 176), r), v128.load(TABLE, 192));
  p = f32x4.add(f32x4.mul(p, r), v128.load(TABLE, 208));
  p = f32x4.add(f32x4.mul(p, r), v128.load(TABLE, 224));
  p = f32x4.add(f32x4.mul(p, r), v128.load(TABLE, 240));
  p = f32x4.add(f32x4.mul(p, r), v128.load(TABLE, 256));
  p = f32x4.add(f32x4.mul(p, r), v128.load(TABLE, 272));
  p = f32x4.add(f32x4.mul(p, r), v128.load(TABLE, 288));
  p = f32x4.add(f32x4.mul(p, r), v128.load(TABLE, 304));
  const square = f32x4.mul(r, r);
  p = f32x4.mul(f32x4.mul(p, r), square);
  p = f32x4.add(p, f32x4.mul(e, v128.load(TABLE, 32)));
  p = f32x4.sub(p, f32x4.mul(square, f32x4.splat(0.5)));
  let y = f32x4.add(f32x4.add(r, p), f32x4.mul(e, v128.load(TABLE, 16)));
  const infinity = f32x4.splat(Infinity);
  y = v128.bitselect(x, y, v128.or(f32x4.eq(x, infinity), f32x4.ne(x, x)));
  y = v128.bitselect(f32x4.neg(infinity), y, f32x4.eq(x, f32x4.splat(0)));
  return v128.or(y, f32x4.lt(x, f32x4.splat(0)));
}

/** log(1 + x) of four lanes from 0 to 1, accurate near 0: 2 artanh(x / (2 + x)), by its series. */
@inline
export function log1p4(x: v128): v128 {
  const s = f32x4.div(x, f32x4.add(x, f32x4.splat(2)));
  const z = f32x4.mul(s, s);
  let p = f32x4.add(f32x4.mul(z, f32x4.splat(1.0 / 13)), f32x4.splat(1.0 / 11));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 9));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 7));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 5));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.0 / 3));
  return f32x4.mul(f32x4.add(s, s), f32x4.add(f32x4.mul(p, z), f32x4.splat(1)));
}

/** Hyperbolic tangent of four lanes. */
@inline
export function tanh4(x: v128): v128 {
  const sign = v128.and(x, f32x4.splat(-0.0));
  const size = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = f32x4.add(f32x4.mul(v128.load(TABLE, 320), z), v128.load(TABLE, 336));
  p = f32x4.add(f32x4.mul(p, z), v128.load(TABLE, 352));
  p = f32x4.add(f32x4.mul(p, z), v128.load(TABLE, 368));
  p = f32x4.add(f32x4.mul(p, z), v128.load(TABLE, 384));
  const near = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x);
  const one = v128.load(TABLE, 144);
  const e = lowered(expRaised(f32x4.neg(f32x4.add(size, size))));
  // 1 - 2e/(1+e) instead of (1-e)/(1+e): one rounding less near 1.
  const far = f32x4.sub(one, f32x4.div(f32x4.add(e, e), f32x4.add(one, e)));
  return v128.bitselect(near, v128.or(far, sign), f32x4.lt(size, f32x4.splat(0.625)));
}

/** Sum of the four lanes, in the order (0 + 1) + (2 + 3). */
@inline
export function sum4(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) +
    f32x4.extract_lane(x, 1) +
    (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  );
}

/** Largest of the four lanes. */
@inline
export function max4(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

/** exp in f64: e^x = 2^n e^r, |r| <= ln(2)/2, by the series of e^r. */
export function expScalar(x: f64): f64 {
  if (x < -745.2) return 0;
  if (x > 709.8) return Infinity;
  const n = nearest<f64>(x * 1.4426950408889634);
  const r = x - n * 0.6931471803691238 - n * 1.9082149292705877e-10;
  // Written out, as a loop would divide by each factorial again.
  let p = r * (1.0 / 6227020800) + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  // Two factors, so that denormal results come out too.
  const i = <i64>n;
  const half = i >> 1;
  return p * reinterpret<f64>((half + 1023) << 52) * reinterpret<f64>((i - half + 1023) << 52);
}

/** 2 artanh(s) of two f64 for |s| <= 0.172, by its series. */
@inline
function artanhTwice(s: v128): v128 {
  const z = f64x2.mul(s, s);
  let p = f64x2.add(f64x2.mul(z, f64x2.splat(1.0 / 23)), f64x2.splat(1.0 / 21));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 19));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 17));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 15));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 13));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 11));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 9));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 7));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 5));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1.0 / 3));
  p = f64x2.add(f64x2.mul(p, z), f64x2.splat(1));
  return f64x2.mul(f64x2.add(s, s), p);
}

@inline
function artanhTwiceScalar(s: f64): f64 {
  return f64x2.extract_lane(artanhTwice(f64x2.splat(s)), 0);
}

/** Natural logarithm in f64 of a number >= 0: log(m 2^e) = e ln 2 + 2 artanh((m-1)/(m+1)). */
export function logScalar(x: f64): f64 {
  if (x == 0) return -Infinity;
  let e: i64 = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984.0;
    e = -54;
  }
  const bits = reinterpret<i64>(x);
  if (bits >= 0x7ff0000000000000) return x;
  const exponent = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const m = reinterpret<f64>(bits - (exponent << 52));
  const n = <f64>(e + exponent);
  return n * 0.6931471803691238 + (artanhTwiceScalar((m - 1) / (m + 1)) + n * 1.9082149292705877e-10);
}

/** Natural logarithms of two f64 as {@link logScalar}, but neither of 0 nor of what is denormal. */
@inline
export function logDoubles(x: v128): v128 {
  const one = f64x2.splat(1);
  const exponent = i64x2.sub(x, i64x2.splat(0x3fe6a09e667f3bcd));
  const m = i64x2.sub(x, v128.and(exponent, i64x2.splat(0xfff0000000000000)));
  const high = i32x4.shr_s(v128.shuffle<i32>(exponent, exponent, 1, 3, 1, 3), 20);
  const n = f64x2.convert_low_i32x4_s(high);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const small = f64x2.mul(n, f64x2.splat(1.9082149292705877e-10));
  const y = f64x2.add(
    f64x2.mul(n, f64x2.splat(0.6931471803691238)),
    f64x2.add(artanhTwice(s), small),
  );
  return v128.bitselect(x, y, f64x2.eq(x, f64x2.splat(Infinity)));
}

/** log(1 + x) in f64 for x >= 0, accurate near 0. */
export function log1pScalar(x: f64): f64 {
  return x < 0.4 ? artanhTwiceScalar(x / (2 + x)) : logScalar(1 + x);
}

/** log(1 + e^x) in f64, at any x. */
export function softplus(x: f64): f64 {
  return x > 0 ? x + log1pScalar(expScalar(-x)) : log1pScalar(expScalar(x));
}

/** 1 / (1 + e^-x) in f64, at any x. */
export function sigmoid(x: f64): f64 {
  if (x >= 0) return 1 / (1 + expScalar(-x));
  const e = expScalar(x);
  return e / (1 + e);
}

// Arrays of n floats, y and x (n), which may be the same, are padded to 16 bytes. Two vectors at a
// time keep more of the processor busy than one; a last one alone is taken twice.

/** y = exp(x). */
export function expArray(y: usize, x: usize, n: i32): void {
  const end = <usize>n << 2, last = (end - 1) & ~15;
  for (let i: usize = 0; i < end; i += 32) {
    const j = min(i + 16, last);
    const a = exp4(v128.load(x + i)), b = exp4(v128.load(x + j));
    v128.store(y + i, a);
    v128.store(y + j, b);
  }
}

/** y = log(x). */
export function logArray(y: usize, x: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, log4(v128.load(x + i)));
  }
}

/** y = tanh(x). */
export function tanhArray(y: usize, x: usize, n: i32): void {
  const end = <usize>n << 2, last = (end - 1) & ~15;
  for (let i: usize = 0; i < end; i += 32) {
    const j = min(i + 16, last);
    const a = tanh4(v128.load(x + i)), b = tanh4(v128.load(x + j));
    v128.store(y + i, a);
    v128.store(y + j, b);
  }
}
