/**
 * GELU (https://arxiv.org/abs/1606.08415), x times the normal distribution's P(X <= x), and GPT-2's
 * form of it with tanh. Both are taken as max(x, 0) - |x| tail(|x|), where the tail falls from 1/2
 * to 0: nothing cancels, and a negative x keeps its digits down to where the result is below f32.
 *
 * The exact tail is exp(-t^2/2) times a rational function that is 1.3e-7 from the true one on
 * [0, 13.2]. The rounding of t^2 stays in the exponent: 1e-6 of the tail at t = 4, 8e-6 at 13, where
 * the tail is 1e-37.
 */

// Each constant fills one vector: TABLE + 16 * index.
// prettier-ignore
const TABLE = memory.data<f32>([
  15.0, 15.0, 15.0, 15.0, // 0 every tail is 0 from here
  1.3055783613501877e-26, 1.3055783613501877e-26, 1.3055783613501877e-26, 1.3055783613501877e-26, // 16 numerator, times 2^-64: t^4 ...
  7.777228459762004e-22, 7.777228459762004e-22, 7.777228459762004e-22, 7.777228459762004e-22, // 32
  5.829362437637792e-21, 5.829362437637792e-21, 5.829362437637792e-21, 5.829362437637792e-21, // 48
  1.841643856729039e-20, 1.841643856729039e-20, 1.841643856729039e-20, 1.841643856729039e-20, // 64
  2.7105050896900768e-20, 2.7105050896900768e-20, 2.7105050896900768e-20, 2.7105050896900768e-20, // 80 ... t^0
  0.03598952, 0.03598952, 0.03598952, 0.03598952, // 96 denominator: t^4 ...
  0.26898252, 0.26898252, 0.26898252, 0.26898252, // 112
  0.89385961, 0.89385961, 0.89385961, 0.89385961, // 128
  1.47732436, 1.47732436, 1.47732436, 1.47732436, // 144
  1.0, 1.0, 1.0, 1.0, // 160 ... t^0
  2.162670435537773e-20, 2.162670435537773e-20, 2.162670435537773e-20, 2.162670435537773e-20, // 176 2^-64 / sqrt(2 pi)
  -0.7213475204444817, -0.7213475204444817, -0.7213475204444817, -0.7213475204444817, // 192 -log2(e) / 2
  -2.302208198, -2.302208198, -2.302208198, -2.302208198, // 208 -2 sqrt(2 / pi) log2(e)
  -0.1029432397, -0.1029432397, -0.1029432397, -0.1029432397, // 224 that times 0.044715
  -1.5957691216, -1.5957691216, -1.5957691216, -1.5957691216, // 240 -2 sqrt(2 / pi)
  -0.2140644488, -0.2140644488, -0.2140644488, -0.2140644488, // 256 that times 0.134145
  -191.0, -191.0, -191.0, -191.0, // 272 here 2^64 exp2 is 0
  12583103.0, 12583103.0, 12583103.0, 12583103.0, // 288 1.5 * 2^23 + 127 + 64
  0.0013264591107144952, 0.0013264591107144952, 0.0013264591107144952, 0.0013264591107144952, // 304 exp2: f^5 ...
  0.009671619161963463, 0.009671619161963463, 0.009671619161963463, 0.009671619161963463, // 320
  0.0555073507130146, 0.0555073507130146, 0.0555073507130146, 0.0555073507130146, // 336
  0.24022240936756134, 0.24022240936756134, 0.24022240936756134, 0.24022240936756134, // 352
  0.6931470036506653, 0.6931470036506653, 0.6931470036506653, 0.6931470036506653, // 368 ... f^1
  5.421010862427522e-20, 5.421010862427522e-20, 5.421010862427522e-20, 5.421010862427522e-20, // 384 2^-64
], 16);

/** All bits but the sign: V8 makes them again at every `f32x4.abs`. */
const MAGNITUDE = memory.data<i32>([0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff], 16);

/** |x|, at most 15. */
@inline
function absClamped(x: v128): v128 {
  return f32x4.pmin(v128.and(x, v128.load(MAGNITUDE)), v128.load(TABLE));
}

/** 2^64 2^x of four lanes that are at most 0, 1e-7 from it times that of the rounding of x. */
@inline
function exp2Raised(x: v128): v128 {
  // As in expRaised of math.ts; without a remainder of ln 2 there is nothing to reduce twice.
  const raise = v128.load(TABLE, 288);
  const bits = f32x4.add(x, raise);
  const f = f32x4.sub(x, f32x4.sub(bits, raise));
  const square = f32x4.mul(f, f);
  const low = f32x4.add(f32x4.mul(f, v128.load(TABLE, 368)), v128.load(TABLE, 160));
  const middle = f32x4.add(f32x4.mul(f, v128.load(TABLE, 336)), v128.load(TABLE, 352));
  const high = f32x4.add(f32x4.mul(f, v128.load(TABLE, 304)), v128.load(TABLE, 320));
  const p = f32x4.add(low, f32x4.mul(square, f32x4.add(middle, f32x4.mul(square, high))));
  return f32x4.mul(p, i32x4.shl(bits, 23));
}

/** 2^64 exp(-t^2/2) for 0 <= t <= 15. */
@inline
function gaussian(square: v128): v128 {
  return exp2Raised(f32x4.mul(square, v128.load(TABLE, 192)));
}

/** 2^-64 P(X > t) / exp(-t^2/2) of the normal distribution. */
@inline
function tailRatio(t: v128, square: v128): v128 {
  const n0 = f32x4.add(f32x4.mul(t, v128.load(TABLE, 64)), v128.load(TABLE, 80));
  const n2 = f32x4.add(f32x4.mul(t, v128.load(TABLE, 32)), v128.load(TABLE, 48));
  const n = f32x4.add(n0, f32x4.mul(square, f32x4.add(n2, f32x4.mul(square, v128.load(TABLE, 16)))));
  const d0 = f32x4.add(f32x4.mul(t, v128.load(TABLE, 144)), v128.load(TABLE, 160));
  const d2 = f32x4.add(f32x4.mul(t, v128.load(TABLE, 112)), v128.load(TABLE, 128));
  const d = f32x4.add(d0, f32x4.mul(square, f32x4.add(d2, f32x4.mul(square, v128.load(TABLE, 96)))));
  return f32x4.div(n, d);
}

/** e of the other tail e / (1 + e), which is (1 - tanh(sqrt(2/pi) (t + 0.044715 t^3))) / 2. */
@inline
function tanhExponential(t: v128, square: v128): v128 {
  const inner = f32x4.add(f32x4.mul(square, v128.load(TABLE, 224)), v128.load(TABLE, 208));
  const e = exp2Raised(f32x4.pmax(f32x4.mul(t, inner), v128.load(TABLE, 272)));
  return f32x4.mul(e, v128.load(TABLE, 384));
}

/** max(x, 0) - t tail. */
@inline
function geluFromTail(x: v128, t: v128, tail: v128): v128 {
  return f32x4.sub(f32x4.pmax(x, f32x4.splat(0)), f32x4.mul(t, tail));
}

/** GELU of four lanes. */
@inline
function gelu4(x: v128): v128 {
  const t = absClamped(x), square = f32x4.mul(t, t);
  return geluFromTail(x, t, f32x4.mul(tailRatio(t, square), gaussian(square)));
}

@inline
function geluTanh4(x: v128): v128 {
  const t = absClamped(x), one = v128.load(TABLE, 160);
  const e = tanhExponential(t, f32x4.mul(t, t));
  return geluFromTail(x, t, f32x4.div(e, f32x4.add(e, one)));
}

/** The derivative of GELU: `grad`, that of t tail(t), where x < 0, and 1 - grad elsewhere. */
@inline
function derivative(x: v128, grad: v128): v128 {
  const above = f32x4.sub(v128.load(TABLE, 160), grad);
  return v128.bitselect(grad, above, f32x4.lt(x, f32x4.splat(0)));
}

/** Derivative of t tail(t), tail(t) - t density(t): both have the exponential e as a factor. */
@inline
function tailGrad(t: v128, ratio: v128, e: v128): v128 {
  return f32x4.mul(f32x4.sub(ratio, f32x4.mul(t, v128.load(TABLE, 176))), e);
}

/** Derivative of t times the other tail, e `other`, where `other` is 1 / (1 + e). */
@inline
function tanhTailGrad(t: v128, square: v128, e: v128, other: v128): v128 {
  // d log(tail) / dt = `other` times the derivative of e's exponent.
  const exponentGrad = f32x4.add(f32x4.mul(square, v128.load(TABLE, 256)), v128.load(TABLE, 240));
  return f32x4.mul(
    f32x4.mul(e, other),
    f32x4.add(v128.load(TABLE, 160), f32x4.mul(f32x4.mul(t, other), exponentGrad)),
  );
}

// Two vectors at a time, as in math.ts.

/** y = GELU(x) of n floats, a whole buffer; y may be x. */
export function geluArray(y: usize, x: usize, n: i32, tanhForm: bool): void {
  const end = <usize>n << 2, last = (end - 1) & ~15;
  if (tanhForm) {
    for (let i: usize = 0; i < end; i += 32) {
      const j = min(i + 16, last);
      const a = geluTanh4(v128.load(x + i)), b = geluTanh4(v128.load(x + j));
      v128.store(y + i, a);
      v128.store(y + j, b);
    }
  } else {
    for (let i: usize = 0; i < end; i += 32) {
      const j = min(i + 16, last);
      const a = gelu4(v128.load(x + i)), b = gelu4(v128.load(x + j));
      v128.store(y + i, a);
      v128.store(y + j, b);
    }
  }
}

/**
 * y = GELU(x) as `geluArray`, and `grad` its derivative there, with which the backward is a product;
 * `grad` may be x. Both have the exponential and the quotient in common, which are most of the work.
 */
export function geluArrayWithGrad(y: usize, grad: usize, x: usize, n: i32, tanhForm: bool): void {
  const end = <usize>n << 2, last = (end - 1) & ~15;
  const one = v128.load(TABLE, 160);
  for (let i: usize = 0; i < end; i += 32) {
    const j = min(i + 16, last);
    const a = v128.load(x + i), b = v128.load(x + j);
    const ta = absClamped(a), squareA = f32x4.mul(ta, ta);
    const tb = absClamped(b), squareB = f32x4.mul(tb, tb);
    if (tanhForm) {
      const ea = tanhExponential(ta, squareA), eb = tanhExponential(tb, squareB);
      const sumA = f32x4.add(ea, one), sumB = f32x4.add(eb, one);
      v128.store(y + i, geluFromTail(a, ta, f32x4.div(ea, sumA)));
      v128.store(y + j, geluFromTail(b, tb, f32x4.div(eb, sumB)));
      const otherA = f32x4.div(one, sumA), otherB = f32x4.div(one, sumB);
      v128.store(grad + i, derivative(a, tanhTailGrad(ta, squareA, ea, otherA)));
      v128.store(grad + j, derivative(b, tanhTailGrad(tb, squareB, eb, otherB)));
    } else {
      const ratioA = tailRatio(ta, squareA), ratioB = tailRatio(tb, squareB);
      const ea = gaussian(squareA), eb = gaussian(squareB);
      v128.store(y + i, geluFromTail(a, ta, f32x4.mul(ratioA, ea)));
      v128.store(y + j, geluFromTail(b, tb, f32x4.mul(ratioB, eb)));
      v128.store(grad + i, derivative(a, tailGrad(ta, ratioA, ea)));
      v128.store(grad + j, derivative(b, tailGrad(tb, ratioB, eb)));
    }
  }
}
