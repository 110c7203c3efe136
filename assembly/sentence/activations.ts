/**
 * Activations that a dense layer of another library may have, with PyTorch's default arguments,
 * one number at a time in f64: they run on one row per text.
 */

import { expScalar, sigmoid, softplus } from '../core/math';

@inline
function tanhScalar(x: f64): f64 {
  return 1 - 2 / (1 + expScalar(2 * x));
}

/** e^x - 1 for x <= 0, its digits near 0 lost only below f32's. */
@inline
function expLess1(x: f64): f64 {
  return x > -1e-5 ? x + 0.5 * x * x : expScalar(x) - 1;
}

/** The function with number `kind`; src/models/sentence/activations.ts names them in this order. */
function activation(kind: i32, x: f64): f64 {
  switch (kind) {
    case 0: return x > 0 ? x : 0;
    case 1: return min(max(x, 0), 6);
    case 2: return x > 0 ? x : 0.01 * x;
    case 3: return x > 0 ? x : expLess1(x);
    case 4: return 1.0507009873554804934193349852946 * (x > 0 ? x : 1.6732632423543772848170429916717 * expLess1(x));
    case 5: return x * sigmoid(x);
    case 6: return x * tanhScalar(softplus(x));
    case 7: return sigmoid(x);
    case 8: return -softplus(-x);
    case 9: return tanhScalar(x);
    case 10: return x - tanhScalar(x);
    case 11: return min(max(x, -1), 1);
    case 12: return min(max(x / 6 + 0.5, 0), 1);
    case 13: return x * min(max(x / 6 + 0.5, 0), 1);
    case 14: return abs(x) > 0.5 ? x : 0;
    case 15: return x > 0.5 ? x - 0.5 : x < -0.5 ? x + 0.5 : 0;
    case 16: return x > 20 ? x : softplus(x);
    case 17: return x / (1 + abs(x));
    case 18: return x * sigmoid(1.702 * x);
    default: return x;
  }
}

/** y = the activation of x, n floats; y may be x. */
export function activationArray(y: usize, x: usize, n: i32, kind: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    store<f32>(y + i, <f32>activation(kind, <f64>load<f32>(x + i)));
  }
}

/** The derivative of the function with number `kind`; at a corner PyTorch's. */
function derivative(kind: i32, x: f64): f64 {
  switch (kind) {
    case 0: return x > 0 ? 1 : 0;
    case 1: return x > 0 && x < 6 ? 1 : 0;
    case 2: return x > 0 ? 1 : 0.01;
    case 3: return x > 0 ? 1 : expScalar(x);
    case 4: return 1.0507009873554804934193349852946 * (x > 0 ? 1 : 1.6732632423543772848170429916717 * expScalar(x));
    case 5: return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case 6: {
      const t = tanhScalar(softplus(x));
      return t + x * (1 - t * t) * sigmoid(x);
    }
    case 7: return sigmoid(x) * sigmoid(-x);
    case 8: return sigmoid(-x);
    case 9: return 1 - tanhScalar(x) * tanhScalar(x);
    case 10: return tanhScalar(x) * tanhScalar(x);
    case 11: return x > -1 && x < 1 ? 1 : 0;
    case 12: return x > -3 && x < 3 ? 1.0 / 6 : 0;
    case 13: return x <= -3 ? 0 : x < 3 ? x / 3 + 0.5 : 1;
    case 14: return abs(x) > 0.5 ? 1 : 0;
    case 15: return abs(x) > 0.5 ? 1 : 0;
    case 16: return x > 20 ? 1 : sigmoid(x);
    case 17: return 1 / ((1 + abs(x)) * (1 + abs(x)));
    case 18: {
      const s = sigmoid(1.702 * x);
      return s + 1.702 * x * s * (1 - s);
    }
    default: return 1;
  }
}

/** dx = dy times the derivative of the activation at x, n floats; dx may be dy. */
export function activationArrayBackward(dx: usize, dy: usize, x: usize, n: i32, kind: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    const grad = derivative(kind, <f64>load<f32>(x + i));
    store<f32>(dx + i, <f32>(<f64>load<f32>(dy + i) * grad));
  }
}
