/**
 * Steps of optimizers over one block of n parameters p with gradients g, in place. f32 in the order
 * of PyTorch's single-tensor implementation, so that a step differs from PyTorch's in the last bit
 * at most.
 */

/**
 * AdamW (https://arxiv.org/abs/1711.05101): p, g, m, v (n), where m and v are the running means of
 * the gradient and of its square; `correction1` and `correction2` are 1 - beta^t at step t.
 */
export function adamWStep(
  p: usize, g: usize, m: usize, v: usize, n: i32, lr: f64, beta1: f64, beta2: f64, eps: f64,
  weightDecay: f64, correction1: f64, correction2: f64,
): void {
  const kept = f32x4.splat(<f32>(1 - lr * weightDecay));
  const b1 = f32x4.splat(<f32>beta1), new1 = f32x4.splat(<f32>(1 - beta1));
  const b2 = f32x4.splat(<f32>beta2), new2 = f32x4.splat(<f32>(1 - beta2));
  const root = f32x4.splat(<f32>sqrt(correction2)), floor = f32x4.splat(<f32>eps);
  const step = f32x4.splat(<f32>(-lr / correction1));
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const grad = v128.load(g + i);
    const mean = f32x4.add(f32x4.mul(v128.load(m + i), b1), f32x4.mul(grad, new1));
    const square = f32x4.add(
      f32x4.mul(v128.load(v + i), b2), f32x4.mul(f32x4.mul(new2, grad), grad),
    );
    const under = f32x4.add(f32x4.div(f32x4.sqrt(square), root), floor);
    const weight = f32x4.mul(v128.load(p + i), kept);
    v128.store(m + i, mean);
    v128.store(v + i, square);
    v128.store(p + i, f32x4.add(weight, f32x4.div(f32x4.mul(step, mean), under)));
  }
}

/**
 * Stochastic gradient descent: p, g, velocity (n), with weight decay added to the gradient,
 * momentum (none where the pointer `velocity` is 0) and Nesterov's look-ahead.
 */
export function sgdStep(
  p: usize, g: usize, velocity: usize, n: i32, lr: f64, momentum: f64, weightDecay: f64,
  nesterov: bool,
): void {
  const step = f32x4.splat(<f32>-lr), decay = f32x4.splat(<f32>weightDecay);
  const kept = f32x4.splat(<f32>momentum);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const weight = v128.load(p + i);
    let d = f32x4.add(v128.load(g + i), f32x4.mul(weight, decay));
    if (velocity != 0) {
      const moving = f32x4.add(f32x4.mul(v128.load(velocity + i), kept), d);
      v128.store(velocity + i, moving);
      d = nesterov ? f32x4.add(d, f32x4.mul(moving, kept)) : moving;
    }
    v128.store(p + i, f32x4.add(weight, f32x4.mul(d, step)));
  }
}
