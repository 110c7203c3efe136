/**
 * Principal components, in f64 throughout: the Gram matrix of the centered data on its shorter
 * side, its eigenvectors (eigen.ts), and from them the components.
 *
 * Matrices of f64 here have `ld` doubles per row, the order rounded up to 4.
 */

import { add64, at64, dot64 } from './eigen';
import { padded } from '../core/pack';

/** Vectors' elements that are centered at a time, so that a panel of them stays in the cache. */
const PANEL: i32 = 64;

/** Doubles per row of a Gram matrix of order n. */
export function gramStride(n: i32): i32 {
  return padded(n, 4);
}

/** Doubles of scratch that `centeredGram` needs. */
export function gramScratch(order: i32): i32 {
  return padded(order, 4) * PANEL;
}

/** y (f32, n) = x (f64, n). */
export function demote(y: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i++) store<f32>(y + (<usize>i << 2), <f32>load<f64>(at64(x, i)));
}

/** Sum of the diagonal of g (f64, n x ld). */
export function trace(g: usize, n: i32): f64 {
  const ld = padded(n, 4);
  let sum: f64 = 0;
  for (let i = 0; i < n; i++) sum += load<f64>(at64(g, i * ld + i));
  return sum;
}

/** mean[j] (f64, cols) = mean of column j of x (rows x cols, f32). */
export function columnMeans(mean: usize, x: usize, rows: i32, cols: i32): void {
  memory.fill(mean, 0, <usize>cols << 3);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const to = at64(mean, c);
      store<f64>(to, load<f64>(to) + <f64>load<f32>(x));
      x += 4;
    }
  }
  for (let c = 0; c < cols; c++) {
    store<f64>(at64(mean, c), load<f64>(at64(mean, c)) / <f64>rows);
  }
}

/**
 * g = the Gram matrix of x (rows x cols) less its column means: of the columns, of order cols,
 * with `byColumns`, else of the rows, of order rows.
 */
export function centeredGram(
  g: usize, x: usize, mean: usize, rows: i32, cols: i32, byColumns: bool, scratch: usize,
): void {
  const order = byColumns ? cols : rows;
  const length = byColumns ? rows : cols;
  const ld = padded(order, 4);
  memory.fill(g, 0, (<usize>ld * <usize>ld) << 3);
  for (let start = 0; start < length; start += PANEL) {
    const live = min(PANEL, length - start);
    memory.fill(scratch, 0, <usize>(ld * PANEL) << 3);
    for (let v = 0; v < order; v++) {
      const panel = at64(scratch, v * PANEL);
      for (let k = 0; k < live; k++) {
        const r = byColumns ? start + k : v;
        const c = byColumns ? v : start + k;
        const value = <f64>load<f32>(x + ((<usize>r * <usize>cols + <usize>c) << 2));
        store<f64>(at64(panel, k), value - load<f64>(at64(mean, c)));
      }
    }
    for (let i = 0; i < ld; i += 4) {
      for (let j = i; j < ld; j += 2) addGramTile(g, scratch, i, j, ld);
    }
  }
  for (let i = 0; i < order; i++) {
    for (let j = 0; j < i; j++) {
      store<f64>(at64(g, i * ld + j), load<f64>(at64(g, j * ld + i)));
    }
  }
}

/** g[i..i+4][j..j+2] += products of the panel's vectors. */
function addGramTile(g: usize, panel: usize, i: i32, j: i32, ld: i32): void {
  let c00 = f64x2.splat(0), c01 = f64x2.splat(0), c10 = f64x2.splat(0), c11 = f64x2.splat(0);
  let c20 = f64x2.splat(0), c21 = f64x2.splat(0), c30 = f64x2.splat(0), c31 = f64x2.splat(0);
  let a = at64(panel, i * PANEL), b = at64(panel, j * PANEL);
  for (const end = a + (PANEL << 3); a < end; a += 16, b += 16) {
    const b0 = v128.load(b), b1 = v128.load(b, PANEL << 3);
    let v = v128.load(a);
    c00 = f64x2.add(c00, f64x2.mul(v, b0));
    c01 = f64x2.add(c01, f64x2.mul(v, b1));
    v = v128.load(a, PANEL << 3);
    c10 = f64x2.add(c10, f64x2.mul(v, b0));
    c11 = f64x2.add(c11, f64x2.mul(v, b1));
    v = v128.load(a, PANEL << 4);
    c20 = f64x2.add(c20, f64x2.mul(v, b0));
    c21 = f64x2.add(c21, f64x2.mul(v, b1));
    v = v128.load(a, PANEL * 24);
    c30 = f64x2.add(c30, f64x2.mul(v, b0));
    c31 = f64x2.add(c31, f64x2.mul(v, b1));
  }
  addPair(at64(g, i * ld + j), c00, c01);
  addPair(at64(g, (i + 1) * ld + j), c10, c11);
  addPair(at64(g, (i + 2) * ld + j), c20, c21);
  addPair(at64(g, (i + 3) * ld + j), c30, c31);
}

@inline
function addPair(to: usize, x: v128, y: v128): void {
  const low = v128.shuffle<f64>(x, y, 0, 2), high = v128.shuffle<f64>(x, y, 1, 3);
  v128.store(to, f64x2.add(v128.load(to), f64x2.add(low, high)));
}

/**
 * The first `count` principal components (f32, count x cols), their variances and the ratios of
 * these to `total`, the trace of the Gram matrix (f32, count), largest first, from the eigenvalues
 * and eigenvectors (f64) of the Gram matrix, of order min(rows, cols), of x (rows x cols). Where no
 * variance remains it is 0 and the component completes the basis. Each component's largest loading
 * is positive. `basis` has room for count x cols doubles.
 */
export function principalComponents(
  components: usize, variances: usize, ratios: usize, values: usize, vectors: usize, x: usize,
  mean: usize, rows: i32, cols: i32, count: i32, total: f64, basis: usize,
): void {
  const order = min(rows, cols);
  const ld = padded(order, 4);
  const stride = <usize>cols << 3;
  const freedom: f64 = rows > 1 ? <f64>(rows - 1) : 1;
  let noise: f64 = 0;
  for (let k = 0; k < count; k++) {
    let best = 0;
    for (let i = 1; i < order; i++) {
      if (load<f64>(at64(values, i)) > load<f64>(at64(values, best))) best = i;
    }
    const value = load<f64>(at64(values, best));
    store<f64>(at64(values, best), -Infinity);
    if (k == 0) noise = max(0, value) * <f64>order * 2.220446049250313e-16;
    const component = basis + <usize>k * stride;
    const vector = at64(vectors, best * ld);
    const live = value > noise;
    if (!live) completeBasis(component, basis, k, cols);
    else if (cols <= rows) memory.copy(component, vector, stride);
    else combineRows(component, vector, x, mean, rows, cols);
    // Rows' combinations lose their orthogonality as the variance falls towards the noise.
    for (let again = 0; again < 2; again++) {
      for (let i = 0; i < k; i++) {
        const other = basis + <usize>i * stride;
        add64(component, other, -dot64(component, other, cols), cols);
      }
    }
    const length = sqrt(dot64(component, component, cols));
    storeSigned(components + ((<usize>k * <usize>cols) << 2), component, length, cols);
    store<f32>(variances + (<usize>k << 2), live ? <f32>(value / freedom) : 0);
    store<f32>(ratios + (<usize>k << 2), live ? <f32>(value / total) : 0);
  }
}

/** y = sum over rows of weights[r] (x[r] - mean). */
function combineRows(
  y: usize, weights: usize, x: usize, mean: usize, rows: i32, cols: i32,
): void {
  memory.fill(y, 0, <usize>cols << 3);
  for (let r = 0; r < rows; r++) {
    const weight = load<f64>(at64(weights, r));
    for (let c = 0; c < cols; c++) {
      const to = at64(y, c);
      const value = <f64>load<f32>(x) - load<f64>(at64(mean, c));
      store<f64>(to, load<f64>(to) + weight * value);
      x += 4;
    }
  }
}

/**
 * y = the unit vector that the first k rows of the basis cover the least, before orthogonalization.
 */
function completeBasis(y: usize, basis: usize, k: i32, cols: i32): void {
  let best = 0, largest: f64 = -1;
  for (let c = 0; c < cols; c++) {
    let uncovered: f64 = 1;
    for (let i = 0; i < k; i++) {
      const v = load<f64>(at64(basis, i * cols + c));
      uncovered -= v * v;
    }
    if (uncovered > largest) {
      largest = uncovered;
      best = c;
    }
  }
  memory.fill(y, 0, <usize>cols << 3);
  store<f64>(at64(y, best), 1);
}

/** Scales v to length 1 with its largest loading positive, there and as f32 in y. */
function storeSigned(y: usize, v: usize, length: f64, cols: i32): void {
  let largest: f32 = 0, sign: f64 = 1;
  for (let c = 0; c < cols; c++) {
    const loading = <f32>(load<f64>(at64(v, c)) / length);
    if (abs(loading) > largest) {
      largest = abs(loading);
      sign = loading < 0 ? -1 : 1;
    }
  }
  for (let c = 0; c < cols; c++) {
    const loading = (load<f64>(at64(v, c)) / length) * sign;
    store<f64>(at64(v, c), loading);
    store<f32>(y + (<usize>c << 2), <f32>loading);
  }
}

/**
 * y[r][k] (rows x count) = (x[r] - mean) . components[k] (x: rows x cols; mean: cols; components:
 * count x cols; all f32).
 */
export function projectRows(
  y: usize, x: usize, mean: usize, components: usize, rows: i32, cols: i32, count: i32,
): void {
  for (let r = 0; r < rows; r++, x += <usize>cols << 2) {
    for (let k = 0; k < count; k++) {
      const component = components + ((<usize>k * <usize>cols) << 2);
      let sum: f64 = 0;
      for (let c: usize = 0, end = <usize>cols << 2; c < end; c += 4) {
        sum +=
          (<f64>load<f32>(x + c) - <f64>load<f32>(mean + c)) * <f64>load<f32>(component + c);
      }
      store<f32>(y, <f32>sum);
      y += 4;
    }
  }
}
