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
