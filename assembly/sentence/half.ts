/** Numbers of 16 bits (IEEE binary16) to f32, exactly, and back, rounded to the nearest, ties to even. */

/**
 * Four f16 as f32. Exponent and fraction, shifted to where f32 has them, are the number times
 * 2^-112, denormals too.
 */
@inline
export function loadHalf4(at: usize): v128 {
  const bits = i32x4.extend_low_i16x8_u(v128.load64_zero(at));
  const size = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13);
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  return v128.or(f32x4.mul(size, f32x4.splat(5.192296858534828e33)), sign);
}

@inline
export function loadHalf(at: usize): f32 {
  const bits = <u32>load<u16>(at);
  const size = reinterpret<f32>((bits & 0x7fff) << 13) * <f32>5.192296858534828e33;
  return reinterpret<f32>(reinterpret<u32>(size) | ((bits & 0x8000) << 16));
}

/** y (f32) = x (f16) of n finite numbers; y may overlap x only if it begins no later than 2n bytes before it. */
export function halfToFloat(y: usize, x: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4, x += 8, y += 16) v128.store(y, loadHalf4(x));
  for (; i < n; i++, x += 2, y += 4) store<f32>(y, loadHalf(x));
}

/** y (f32) = x (bfloat16) of n numbers: the upper halves of their bits. */
export function brainToFloat(y: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i++, x += 2, y += 4) store<u32>(y, <u32>load<u16>(x) << 16);
}

/** y (f16) = x (f32) of n numbers; what is past f16's range becomes infinite. */
export function floatToHalf(y: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i++, x += 4, y += 2) {
    const bits = load<u32>(x);
    const size = bits & 0x7fffffff;
    let half: u32;
    if (size >= 0x477ff000) {
      half = 0x7c00;
    } else if (size < 0x38800000) {
      // Denormal: 2^-24 is one unit, and adding 0.5 rounds to whole units of it.
      half = reinterpret<u32>(reinterpret<f32>(size) + <f32>0.5) - 0x3f000000;
    } else {
      half = (size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13;
    }
    store<u16>(y, half | ((bits >> 16) & 0x8000));
  }
}

/** Index of the first of n f16 that is infinite or NaN, or -1. */
export function firstNonFiniteHalf(x: usize, n: i32): i32 {
  for (let i = 0; i < n; i++) {
    if ((load<u16>(x + (<usize>i << 1)) & 0x7c00) == 0x7c00) return i;
  }
  return -1;
}

/** y (i8) = x (f32) times factor, rounded to the nearest, ties to even, within -127 to 127. */
export function floatToInt8(y: usize, x: usize, n: i32, factor: f64): void {
  for (let i = 0; i < n; i++, x += 4, y++) {
    store<i8>(y, <i8>min(max(nearest(<f64>load<f32>(x) * factor), -127), 127));
  }
}

/** y (f32) = x (i8) of n numbers. */
export function int8ToFloat(y: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i++, x++, y += 4) store<f32>(y, <f32>load<i8>(x));
}
