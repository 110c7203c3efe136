/**
 * Eigenvectors of a symmetric matrix of f64: Householder's reduction to a tridiagonal one and
 * implicit QL steps (Golub and Van Loan, Matrix Computations, section 8.3). A matrix of order n has
 * `ld` doubles per row, n rounded up to 4.
 */

import { sum2 } from '../core/lanes';
import { padded } from '../core/pack';

/** Address of the i-th double. */
@inline
export function at64(base: usize, i: i32): usize {
  return base + (<usize>i << 3);
}

/** x . y of n doubles. */
export function dot64(x: usize, y: usize, n: i32): f64 {
  let sum = f64x2.splat(0);
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    sum = f64x2.add(sum, f64x2.mul(v128.load(at64(x, i)), v128.load(at64(y, i))));
  }
  let total = sum2(sum);
  if (i < n) total += load<f64>(at64(x, i)) * load<f64>(at64(y, i));
  return total;
}

/** y += a x of n doubles. */
export function add64(y: usize, x: usize, a: f64, n: i32): void {
  const f = f64x2.splat(a);
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    const to = at64(y, i);
    v128.store(to, f64x2.add(v128.load(to), f64x2.mul(f, v128.load(at64(x, i)))));
  }
  if (i < n) store<f64>(at64(y, i), load<f64>(at64(y, i)) + a * load<f64>(at64(x, i)));
}

/**
 * Eigenvalues (n doubles, in no order) and eigenvectors (the rows of `vectors`, n x ld) of the
 * symmetric g (n x ld), which is overwritten. `scratch` has room for 2 ld doubles.
 */
export function symmetricEigen(
  values: usize, vectors: usize, g: usize, n: i32, scratch: usize,
): void {
  const ld = padded(n, 4);
  const offDiagonal = scratch, work = at64(scratch, ld);
  tridiagonalize(values, offDiagonal, g, n, ld, work);
  reflectBack(vectors, g, n, ld);
  implicitQl(values, offDiagonal, vectors, n, ld);
}

/**
 * g = Q T Q' with T's diagonal d and its off-diagonal e. Reflection k, I - v v', is kept in
 * row k of g right of the diagonal, with v scaled so that |v|^2 = 2 (or all 0).
 */
function tridiagonalize(d: usize, e: usize, g: usize, n: i32, ld: i32, w: usize): void {
  for (let k = 0; k < n; k++) {
    const row = at64(g, k * ld);
    store<f64>(at64(d, k), load<f64>(at64(row, k)));
    if (k + 1 == n) break;
    const size = n - k - 1;
    const v = at64(row, k + 1);
    const head = load<f64>(v);
    const length = sqrt(dot64(v, v, size));
    if (size == 1 || length == abs(head)) {
      // Nothing beyond the first element: no reflection.
      store<f64>(at64(e, k), head);
      memory.fill(v, 0, <usize>size << 3);
      continue;
    }
    const alpha = head > 0 ? -length : length;
    store<f64>(at64(e, k), alpha);
    store<f64>(v, head - alpha);
    const scale = 1 / sqrt(alpha * (alpha - head));
    for (let i = 0; i < size; i++) store<f64>(at64(v, i), load<f64>(at64(v, i)) * scale);
    for (let i = 0; i < size; i++) {
      store<f64>(at64(w, i), dot64(at64(g, (k + 1 + i) * ld + k + 1), v, size));
    }
    add64(w, v, -0.5 * dot64(w, v, size), size);
    for (let i = 0; i < size; i++) {
      const to = at64(g, (k + 1 + i) * ld + k + 1);
      add64(to, w, -load<f64>(at64(v, i)), size);
      add64(to, v, -load<f64>(at64(w, i)), size);
    }
  }
}

/** z = Q', from the reflections that `tridiagonalize` left in g, the last one first. */
function reflectBack(z: usize, g: usize, n: i32, ld: i32): void {
  memory.fill(z, 0, (<usize>n * <usize>ld) << 3);
  for (let i = 0; i < n; i++) store<f64>(at64(z, i * ld + i), 1);
  for (let k = n - 2; k >= 0; k--) {
    const size = n - k - 1;
    const v = at64(g, k * ld + k + 1);
    for (let i = k + 1; i < n; i++) {
      const row = at64(z, i * ld + k + 1);
      add64(row, v, -dot64(row, v, size), size);
    }
  }
}

/** Diagonalizes the tridiagonal (d, e), turning the rows of z with it. */
function implicitQl(d: usize, e: usize, z: usize, n: i32, ld: i32): void {
  store<f64>(at64(e, n - 1), 0);
  for (let l = 0; l < n; l++) {
    // A shift as good as Wilkinson's converges in a few steps; the bound only stops what can't be.
    for (let step = 0; step < 64; step++) {
      let m = l;
      for (; m < n - 1; m++) {
        const near = abs(load<f64>(at64(d, m))) + abs(load<f64>(at64(d, m + 1)));
        if (abs(load<f64>(at64(e, m))) <= 2.220446049250313e-16 * near) break;
      }
      if (m == l) break;
      const el = load<f64>(at64(e, l)), dl = load<f64>(at64(d, l));
      let q = (load<f64>(at64(d, l + 1)) - dl) / (2 * el);
      let r = sqrt(q * q + 1);
      q = load<f64>(at64(d, m)) - dl + el / (q + (q < 0 ? -r : r));
      let s: f64 = 1, c: f64 = 1, p: f64 = 0;
      let i = m - 1;
      for (; i >= l; i--) {
        const f = s * load<f64>(at64(e, i)), b = c * load<f64>(at64(e, i));
        r = sqrt(f * f + q * q);
        store<f64>(at64(e, i + 1), r);
        if (r == 0) {
          store<f64>(at64(d, i + 1), load<f64>(at64(d, i + 1)) - p);
          store<f64>(at64(e, m), 0);
          break;
        }
        s = f / r;
        c = q / r;
        q = load<f64>(at64(d, i + 1)) - p;
        const t = (load<f64>(at64(d, i)) - q) * s + 2 * c * b;
        p = s * t;
        store<f64>(at64(d, i + 1), q + p);
        q = c * t - b;
        rotate(at64(z, (i + 1) * ld), at64(z, i * ld), c, s, n);
      }
      if (i >= l) continue;
      store<f64>(at64(d, l), load<f64>(at64(d, l)) - p);
      store<f64>(at64(e, l), q);
      store<f64>(at64(e, m), 0);
    }
  }
}

/** (x, y) = (c x + s y, c y - s x) for n doubles. */
function rotate(x: usize, y: usize, c: f64, s: f64, n: i32): void {
  const cc = f64x2.splat(c), ss = f64x2.splat(s);
  let i = 0;
  for (; i + 2 <= n; i += 2) {
    const u = v128.load(at64(x, i)), v = v128.load(at64(y, i));
    v128.store(at64(x, i), f64x2.add(f64x2.mul(cc, u), f64x2.mul(ss, v)));
    v128.store(at64(y, i), f64x2.sub(f64x2.mul(cc, v), f64x2.mul(ss, u)));
  }
  if (i == n) return;
  const u = load<f64>(at64(x, i)), v = load<f64>(at64(y, i));
  store<f64>(at64(x, i), c * u + s * v);
  store<f64>(at64(y, i), c * v - s * u);
}
