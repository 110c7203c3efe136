/**
 * Triplets (anchor, positive, negative): the margin loss of rows, forward and backward, and the
 * sequential update of a table of embeddings. A triplet costs max(0, margin + d(a, p) - d(a, n));
 * distances are taken in f64.
 */

import { dotRow, toF32 } from '../core/rows';

/** Kinds of distance: 1 - cosine (0 with a row of zeros), or Euclidean. */
export const COSINE_DISTANCE: i32 = 0;

@inline
function inverse(norm: f64): f64 {
  return norm == 0 ? 0 : 1 / norm;
}

/** |x - y| in f64. */
function distanceRow(x: usize, y: usize, n: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2;
    const d = <f64>load<f32>(x + at) - <f64>load<f32>(y + at);
    sum += d * d;
  }
  return sqrt(sum);
}

/**
 * Mean of the losses of rows of anchors, positives and negatives (rows x cols each). With
 * `backward` all three are overwritten by their gradients.
 */
export function tripletRows(
  anchors: usize, positives: usize, negatives: usize, rows: i32, cols: i32, margin: f64,
  metric: i32, backward: bool,
): f64 {
  const stride = <usize>cols << 2;
  const mean = 1 / <f64>rows;
  let total: f64 = 0;
  for (let r = 0; r < rows; r++) {
    if (metric == COSINE_DISTANCE) {
      total += cosineTriplet(anchors, positives, negatives, cols, margin, mean, backward);
    } else {
      total += euclideanTriplet(anchors, positives, negatives, cols, margin, mean, backward);
    }
    anchors += stride;
    positives += stride;
    negatives += stride;
  }
  return total * mean;
}

@inline
function clearTriplet(a: usize, p: usize, n: usize, cols: i32): void {
  memory.fill(a, 0, <usize>cols << 2);
  memory.fill(p, 0, <usize>cols << 2);
  memory.fill(n, 0, <usize>cols << 2);
}

function cosineTriplet(
  a: usize, p: usize, n: usize, cols: i32, margin: f64, mean: f64, backward: bool,
): f64 {
  const ia = inverse(sqrt(dotRow(a, a, cols)));
  const ip = inverse(sqrt(dotRow(p, p, cols)));
  const iN = inverse(sqrt(dotRow(n, n, cols)));
  const near = dotRow(a, p, cols) * ia * ip;
  const far = dotRow(a, n, cols) * ia * iN;
  // The ones of 1 - near and 1 - far cancel.
  const loss = margin - near + far;
  if (!backward) return max(0, loss);
  if (loss <= 0) {
    clearTriplet(a, p, n, cols);
    return 0;
  }
  // d cos(a, p) / da = (p/|p| - cos a/|a|) / |a|, and the same from the other side.
  for (let i = 0; i < cols; i++) {
    const at = <usize>i << 2;
    const ua = <f64>load<f32>(a + at) * ia;
    const up = <f64>load<f32>(p + at) * ip;
    const un = <f64>load<f32>(n + at) * iN;
    store<f32>(a + at, toF32(mean * ia * (un - up + (near - far) * ua)));
    store<f32>(p + at, toF32(mean * ip * (near * up - ua)));
    store<f32>(n + at, toF32(mean * iN * (ua - far * un)));
  }
  return loss;
}

function euclideanTriplet(
  a: usize, p: usize, n: usize, cols: i32, margin: f64, mean: f64, backward: bool,
): f64 {
  const near = distanceRow(a, p, cols), far = distanceRow(a, n, cols);
  const loss = margin + near - far;
  if (!backward) return max(0, loss);
  if (loss <= 0) {
    clearTriplet(a, p, n, cols);
    return 0;
  }
  const toNear = mean * inverse(near), toFar = mean * inverse(far);
  for (let i = 0; i < cols; i++) {
    const at = <usize>i << 2;
    const value = <f64>load<f32>(a + at);
    const pull = (value - <f64>load<f32>(p + at)) * toNear;
    const push = (value - <f64>load<f32>(n + at)) * toFar;
    store<f32>(a + at, toF32(pull - push));
    store<f32>(p + at, toF32(-pull));
    store<f32>(n + at, toF32(push));
  }
  return loss;
}

/**
 * Goes through `count` triplets of row indices (i32) in order, writes each one's loss
 * max(0, margin - cos(a, p) + cos(a, n)) and, where that is positive, moves the rows of x:
 * with `allRows` the three of them down the gradient, else the anchor alone by
 * rate (p - n) / |a|. A row of zeros stays. cos and the step have the guards 1e-10 and 1e-8 under
 * the fraction.
 */
export function tripletUpdateRows(
  losses: usize, x: usize, triplets: usize, count: i32, cols: i32, rate: f64, margin: f64,
  allRows: bool,
): void {
  const stride = <usize>cols << 2;
  for (let t = 0; t < count; t++, triplets += 12) {
    const a = x + <usize>load<i32>(triplets) * stride;
    const p = x + <usize>load<i32>(triplets, 4) * stride;
    const n = x + <usize>load<i32>(triplets, 8) * stride;
    const la = sqrt(dotRow(a, a, cols));
    const lp = sqrt(dotRow(p, p, cols));
    const ln = sqrt(dotRow(n, n, cols));
    const underNear = la * lp + 1e-10, underFar = la * ln + 1e-10;
    const near = dotRow(a, p, cols) / underNear;
    const far = dotRow(a, n, cols) / underFar;
    const loss = max(0, margin - near + far);
    store<f32>(losses + (<usize>t << 2), toF32(loss));
    if (!(loss > 0)) continue;
    if (allRows) {
      // d (a.b / u) / da with u = |a||b| + eps is b/u - cos |b|/u a/|a|.
      const aAlong = (far * ln) / underFar * inverse(la) - (near * lp) / underNear * inverse(la);
      const pAlong = ((near * la) / underNear) * inverse(lp);
      const nAlong = ((far * la) / underFar) * inverse(ln);
      for (let i: usize = 0; i < stride; i += 4) {
        const va = <f64>load<f32>(a + i), vp = <f64>load<f32>(p + i), vn = <f64>load<f32>(n + i);
        // The rows may be the same one, so each is read again before it is written.
        if (la > 0) move(a + i, rate * (vp / underNear - vn / underFar + va * aAlong));
        if (lp > 0) move(p + i, rate * (va / underNear - vp * pAlong));
        if (ln > 0) move(n + i, rate * (vn * nAlong - va / underFar));
      }
    } else if (la > 0) {
      const step = rate / (la + 1e-8);
      for (let i: usize = 0; i < stride; i += 4) {
        move(a + i, step * (<f64>load<f32>(p + i) - <f64>load<f32>(n + i)));
      }
    }
  }
}

@inline
function move(at: usize, by: f64): void {
  store<f32>(at, toF32(<f64>load<f32>(at) + by));
}
