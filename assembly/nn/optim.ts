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
  const decayed = f32x4.splat(<f32>(1 - lr * weightDecay));
  const b1 = f32x4.splat(<f32>beta1), oneMinusB1 = f32x4.splat(<f32>(1 - beta1));
  const b2 = f32x4.splat(<f32>beta2), oneMinusB2 = f32x4.splat(<f32>(1 - beta2));
  const rootCorrection2 = f32x4.splat(<f32>sqrt(biasCorrection2)), epsilon = f32x4.splat(<f32>eps);
  const stepSize = f32x4.splat(<f32>(-lr / biasCorrection1));
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const grad = v128.load(g + i);
    const mean = f32x4.add(f32x4.mul(v128.load(m + i), b1), f32x4.mul(grad, oneMinusB1));
    const meanSquare = f32x4.add(
      f32x4.mul(v128.load(v + i), b2), f32x4.mul(f32x4.mul(oneMinusB2, grad), grad),
    );
    const denominator = f32x4.add(f32x4.div(f32x4.sqrt(meanSquare), rootCorrection2), epsilon);
    const weight = f32x4.mul(v128.load(p + i), decayed);
    v128.store(m + i, mean);
    v128.store(v + i, meanSquare);
    v128.store(p + i, f32x4.add(weight, f32x4.div(f32x4.mul(stepSize, mean), denominator)));
  }
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
