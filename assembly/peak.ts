/**
 * Not part of the package: the peak rate of 128-bit products and sums on one core, for benchmarks
 * to compare kernels with. Six products and six sums, none of which waits for another, are as many
 * as two units for each need at a latency of three cycles. Chains of a product and a sum each would
 * wait: kernels reached more than they do.
 */

/** Floating-point operations of one iteration. */
const ITERATION: i32 = 12 * 4;

/** Factor and summand: V8 of Node 20 makes a splat again in each turn of a loop, but no load. */
const CONSTANTS = memory.data(32, 16);

/** Number of floating-point operations of a call with so many iterations. */
export function flops(iterations: i32): f64 {
  return <f64>iterations * <f64>ITERATION;
}

/**
 * Factor and summand come from outside: constants would be made again at each use.
 *
 * @param factor about 1, so that products neither vanish nor overflow
 * @returns a number that depends on all of them
 */
export function peak(iterations: i32, factor: f32, summand: f32): f32 {
  v128.store(CONSTANTS, f32x4.splat(factor));
  v128.store(CONSTANTS, f32x4.splat(summand), 16);
  const f = v128.load(CONSTANTS), d = v128.load(CONSTANTS, 16);
  let p0 = f32x4.splat(1.0);
  let p1 = f32x4.splat(1.1);
  let p2 = f32x4.splat(1.2);
  let p3 = f32x4.splat(1.3);
  let p4 = f32x4.splat(1.4);
  let p5 = f32x4.splat(1.5);
  let s0 = f32x4.splat(1.0);
  let s1 = f32x4.splat(1.1);
  let s2 = f32x4.splat(1.2);
  let s3 = f32x4.splat(1.3);
  let s4 = f32x4.splat(1.4);
  let s5 = f32x4.splat(1.5);
  for (let i = 0; i < iterations; i++) {
    p0 = f32x4.mul(p0, f);
    s0 = f32x4.add(s0, d);
    p1 = f32x4.mul(p1, f);
    s1 = f32x4.add(s1, d);
    p2 = f32x4.mul(p2, f);
    s2 = f32x4.add(s2, d);
    p3 = f32x4.mul(p3, f);
    s3 = f32x4.add(s3, d);
    p4 = f32x4.mul(p4, f);
    s4 = f32x4.add(s4, d);
    p5 = f32x4.mul(p5, f);
    s5 = f32x4.add(s5, d);
  }
  const products = f32x4.add(f32x4.add(f32x4.add(p0, p1), f32x4.add(p2, p3)), f32x4.add(p4, p5));
  const sums = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(s4, s5));
  const all = f32x4.add(products, sums);
  return f32x4.extract_lane(all, 0) + f32x4.extract_lane(all, 3);
}
