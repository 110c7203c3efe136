/**
 * Not part of the package: the peak rate of 128-bit products and sums on one core, for benchmarks
 * to compare kernels with. Twelve accumulators are as many as a product and a sum of three cycles
 * each need to keep two units of each busy; with the two constants they fit into the registers.
 */

/** Floating-point operations of one iteration. */
const ITERATION: i32 = 12 * 4 * 2;

/** Number of floating-point operations of a call with so many iterations. */
export function flops(iterations: i32): f64 {
  return <f64>iterations * <f64>ITERATION;
}

/**
 * Each lane goes towards summand / (1 - factor). These two come from outside: constants would be
 * made again at each use.
 * @returns a number that depends on all of them
 */
export function peak(iterations: i32, factor: f32, summand: f32): f32 {
  const shrink = f32x4.splat(factor);
  const summands = f32x4.splat(summand);
  let a = f32x4.splat(0.1);
  let b = f32x4.splat(0.2);
  let c = f32x4.splat(0.3);
  let d = f32x4.splat(0.4);
  let e = f32x4.splat(0.5);
  let f = f32x4.splat(0.6);
  let g = f32x4.splat(0.7);
  let h = f32x4.splat(0.8);
  let i = f32x4.splat(0.9);
  let j = f32x4.splat(1.1);
  let k = f32x4.splat(1.2);
  let l = f32x4.splat(1.3);
  for (let iteration = 0; iteration < iterations; iteration++) {
    a = f32x4.add(f32x4.mul(a, shrink), summands);
    b = f32x4.add(f32x4.mul(b, shrink), summands);
    c = f32x4.add(f32x4.mul(c, shrink), summands);
    d = f32x4.add(f32x4.mul(d, shrink), summands);
    e = f32x4.add(f32x4.mul(e, shrink), summands);
    f = f32x4.add(f32x4.mul(f, shrink), summands);
    g = f32x4.add(f32x4.mul(g, shrink), summands);
    h = f32x4.add(f32x4.mul(h, shrink), summands);
    i = f32x4.add(f32x4.mul(i, shrink), summands);
    j = f32x4.add(f32x4.mul(j, shrink), summands);
    k = f32x4.add(f32x4.mul(k, shrink), summands);
    l = f32x4.add(f32x4.mul(l, shrink), summands);
  }
  const ab = f32x4.add(f32x4.add(a, b), f32x4.add(c, d));
  const ef = f32x4.add(f32x4.add(e, f), f32x4.add(g, h));
  const all = f32x4.add(f32x4.add(ab, ef), f32x4.add(f32x4.add(i, j), f32x4.add(k, l)));
  return f32x4.extract_lane(all, 0) + f32x4.extract_lane(all, 3);
}
