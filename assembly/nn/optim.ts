/**
 * Steps of optimizers over one block of n parameters p with gradients g, in place. f32 in the order
 * of PyTorch's single-tensor implementation, so that a step differs from PyTorch's in the last bit
 * at most.
 */

/**
 * AdamW (https://arxiv.org/abs/1711.05101): p, g, m, v (n), where m and v are the running means of
 * the gradient and of its square; `biasCorrection1` and `biasCorrection2` are 1 - beta^t at step t.
 */
export function adamWStep(
  p: usize, g: usize, m: usize, v: usize, n: i32, lr: f64, beta1: f64, beta2: f64, eps: f64,
  weightDecay: f64, biasCorrection1: f64, biasCorrection2: f64,
): void {
  const decayed = <f32>(1 - lr * weightDecay), stepSize = <f32>(-lr / biasCorrection1);
  const rootCorrection2 = <f32>sqrt(biasCorrection2);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    adam4(
      p + i, g + i, m + i, v + i, decayed, stepSize, beta1, beta2, rootCorrection2, <f32>eps,
    );
  }
}

/** The step of four numbers; returns the new parameters. */
@inline
function adam4(
  p: usize, g: usize, m: usize, v: usize, decayed: f32, stepSize: f32, beta1: f64, beta2: f64,
  rootCorrection2: f32, eps: f32,
): v128 {
  const grad = v128.load(g);
  const mean = f32x4.add(
    f32x4.mul(v128.load(m), f32x4.splat(<f32>beta1)),
    f32x4.mul(grad, f32x4.splat(<f32>(1 - beta1))),
  );
  const meanSquare = f32x4.add(
    f32x4.mul(v128.load(v), f32x4.splat(<f32>beta2)),
    f32x4.mul(f32x4.mul(f32x4.splat(<f32>(1 - beta2)), grad), grad),
  );
  const denominator = f32x4.add(
    f32x4.div(f32x4.sqrt(meanSquare), f32x4.splat(rootCorrection2)), f32x4.splat(eps),
  );
  const weight = f32x4.mul(v128.load(p), f32x4.splat(decayed));
  v128.store(m, mean);
  v128.store(v, meanSquare);
  const step = f32x4.div(f32x4.mul(f32x4.splat(stepSize), mean), denominator);
  const changed = f32x4.add(weight, step);
  v128.store(p, changed);
  return changed;
}

/** Reads one number of each line of a row of three tables, which no cache holds, all at once. */
@inline
function touchRow(p: usize, m: usize, v: usize, width: usize): i32 {
  let all = 0;
  for (let i: usize = 0; i < width; i += 64) {
    all |= <i32>load<u8>(p + i) | <i32>load<u8>(m + i) | <i32>load<u8>(v + i);
  }
  return all;
}

/**
 * `adamWStep` of some rows of a table: p, m, v (…, cols), of which `rows` (i32, count) names each
 * once, and g (count, cols). All other rows stay as they are, and so do their moments. Returns 1
 * if all new numbers of p are finite, else 0.
 */
export function adamWRows(
  p: usize, g: usize, m: usize, v: usize, rows: usize, count: i32, cols: i32, lr: f64, beta1: f64,
  beta2: f64, eps: f64, weightDecay: f64, biasCorrection1: f64, biasCorrection2: f64,
): i32 {
  const decayed = <f32>(1 - lr * weightDecay), stepSize = <f32>(-lr / biasCorrection1);
  const rootCorrection2 = <f32>sqrt(biasCorrection2);
  const width = <usize>cols << 2;
  // Sums of x - x: 0, or NaN where an x is not finite.
  let zeros = f32x4.splat(0), zero: f32 = 0;
  let touched = 0;
  for (let k = 0; k < count; k++, rows += 4, g += width) {
    const from = <usize>load<u32>(rows) * width;
    if (k + 1 < count) {
      const next = <usize>load<u32>(rows, 4) * width;
      touched |= touchRow(p + next, m + next, v + next, width);
    }
    let i: usize = 0;
    for (; i + 16 <= width; i += 16) {
      const at = from + i;
      const changed = adam4(
        p + at, g + i, m + at, v + at, decayed, stepSize, beta1, beta2, rootCorrection2, <f32>eps,
      );
      zeros = f32x4.add(zeros, f32x4.sub(changed, changed));
    }
    for (; i < width; i += 4) {
      const at = from + i, grad = load<f32>(g + i);
      const mean = load<f32>(m + at) * <f32>beta1 + grad * <f32>(1 - beta1);
      const meanSquare = load<f32>(v + at) * <f32>beta2 + <f32>(1 - beta2) * grad * grad;
      const denominator = sqrt(meanSquare) / rootCorrection2 + <f32>eps;
      const changed = load<f32>(p + at) * decayed + (stepSize * mean) / denominator;
      store<f32>(m + at, mean);
      store<f32>(v + at, meanSquare);
      store<f32>(p + at, changed);
      zero += changed - changed;
    }
  }
  const isFinite = v128.any_true(f32x4.ne(zeros, zeros)) ? false : zero == 0;
  // Used, so that no compiler leaves the reading out: bytes are never -1.
  return i32(touched != -1 && isFinite);
}

/**
 * Stochastic gradient descent: p, g, velocity (n), with weight decay added to the gradient,
 * momentum (none if `velocity` is 0) and, if wanted, Nesterov's momentum.
 */
export function sgdStep(
  p: usize, g: usize, velocity: usize, n: i32, lr: f64, momentum: f64, weightDecay: f64,
  nesterov: bool,
): void {
  const minusLr = f32x4.splat(<f32>-lr), decay = f32x4.splat(<f32>weightDecay);
  const mu = f32x4.splat(<f32>momentum);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const weight = v128.load(p + i);
    let d = f32x4.add(v128.load(g + i), f32x4.mul(weight, decay));
    if (velocity != 0) {
      const buffer = f32x4.add(f32x4.mul(v128.load(velocity + i), mu), d);
      v128.store(velocity + i, buffer);
      d = nesterov ? f32x4.add(d, f32x4.mul(buffer, mu)) : buffer;
    }
    v128.store(p + i, f32x4.add(weight, f32x4.mul(d, minusLr)));
  }
}
