/**
 * Between a contiguous array y and a view of x, which is read or written at the sum of index_k
 * strides_k: the one mechanism behind broadcasting, transposing, slicing and joining. `dims` and
 * `strides` are i32[rank], strides in floats and not negative; 0 repeats an axis. x and y are
 * different arrays.
 *
 * Axes that run on without a gap become one. The last two of those make a plane, for which
 * there are fast loops; a call goes into itself once for each axis before them, so no offset is
 * ever divided.
 */

import { columnSums, sumArray } from '../core/reduce';

const GATHER: i32 = 0;
const SCATTER: i32 = 1;
const SCATTER_ADD: i32 = 2;

/** y (contiguous, dims) = the view of x. */
export function gatherStrided(y: usize, x: usize, dims: usize, strides: usize, rank: i32): void {
  enter(y, x, dims, strides, rank, GATHER);
}

/** The view of x = y (contiguous, dims); no element of x may stand twice in the view. */
export function scatterStrided(x: usize, y: usize, dims: usize, strides: usize, rank: i32): void {
  enter(y, x, dims, strides, rank, SCATTER);
}

/** The view of x += y (contiguous, dims). */
export function scatterAddStrided(
  x: usize, y: usize, dims: usize, strides: usize, rank: i32,
): void {
  enter(y, x, dims, strides, rank, SCATTER_ADD);
}

@inline
function at(list: usize, index: i32): i32 {
  return load<i32>(list + (<usize>index << 2));
}

/** Number of axes before `end` without those of length 1 that end there. */
function trimmed(dims: usize, end: i32): i32 {
  while (end > 0 && at(dims, end - 1) == 1) end--;
  return end;
}

/** The first of the axes that run on, without a gap, into the last before `end`. */
function runStart(dims: usize, strides: usize, end: i32): i32 {
  if (end == 0) return 0;
  let k = end - 1;
  let size = at(dims, k) * at(strides, k);
  while (k > 0 && (at(dims, k - 1) == 1 || at(strides, k - 1) == size)) {
    k--;
    size *= at(dims, k);
  }
  return k;
}

function count(dims: usize, start: i32, end: i32): i32 {
  let n = 1;
  for (let k = start; k < end; k++) n *= at(dims, k);
  return n;
}

function enter(y: usize, x: usize, dims: usize, strides: usize, rank: i32, mode: i32): void {
  const inner = trimmed(dims, rank);
  const innerStart = runStart(dims, strides, inner);
  const outer = trimmed(dims, innerStart);
  const outerStart = runStart(dims, strides, outer);
  const n = count(dims, innerStart, inner);
  const s = inner == 0 ? 1 : at(strides, inner - 1);
  const m = count(dims, outerStart, outer);
  const t = outer == 0 ? 0 : at(strides, outer - 1);
  walk(y, x, dims, strides, outerStart, m, t, n, s, mode);
}

/** Planes (m x n, strides t and s) over the `rank` axes before them; returns where y ends. */
function walk(
  y: usize, x: usize, dims: usize, strides: usize, rank: i32, m: i32, t: i32, n: i32, s: i32,
  mode: i32,
): usize {
  if (rank > 0) {
    const length = load<i32>(dims), step = <usize>load<i32>(strides) << 2;
    for (let k = 0; k < length; k++, x += step) {
      y = walk(y, x, dims + 4, strides + 4, rank - 1, m, t, n, s, mode);
    }
    return y;
  }
  const blocks = t == 1 && s > 1 && m >= 4 && n >= 4;
  if (mode == GATHER) {
    if (blocks) transpose(y, n, x, s, n, m, false);
    else gatherPlane(y, x, m, t, n, s);
  } else if (mode == SCATTER) {
    if (blocks) transpose(x, s, y, n, m, n, false);
    else scatterPlane(x, y, m, t, n, s);
  } else if (blocks) {
    transpose(x, s, y, n, m, n, true);
  } else {
    scatterAddPlane(x, y, m, t, n, s);
  }
  return y + ((<usize>m * <usize>n) << 2);
}

@inline
function copyRow(y: usize, x: usize, n: i32): void {
  const end = <usize>n << 2;
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) v128.store(y + i, v128.load(x + i));
  for (; i < end; i += 4) store<f32>(y + i, load<f32>(x + i));
}

@inline
function fillRow(y: usize, value: f32, n: i32): void {
  const end = <usize>n << 2, v = f32x4.splat(value);
  let i: usize = 0;
  for (; i + 16 <= end; i += 16) v128.store(y + i, v);
  for (; i < end; i += 4) store<f32>(y + i, value);
}

function gatherPlane(y: usize, x: usize, m: i32, t: i32, n: i32, s: i32): void {
  const row = <usize>n << 2, outer = <usize>t << 2, inner = <usize>s << 2;
  for (let r = 0; r < m; r++, y += row, x += outer) {
    if (s == 1) {
      copyRow(y, x, n);
    } else if (s == 0) {
      fillRow(y, load<f32>(x), n);
    } else {
      let from = x;
      for (let i: usize = 0; i < row; i += 4, from += inner) store<f32>(y + i, load<f32>(from));
    }
  }
}

function scatterPlane(x: usize, y: usize, m: i32, t: i32, n: i32, s: i32): void {
  const row = <usize>n << 2, outer = <usize>t << 2, inner = <usize>s << 2;
  for (let r = 0; r < m; r++, y += row, x += outer) {
    if (s == 1) {
      copyRow(x, y, n);
    } else {
      let to = x;
      for (let i: usize = 0; i < row; i += 4, to += inner) store<f32>(to, load<f32>(y + i));
    }
  }
}

function scatterAddPlane(x: usize, y: usize, m: i32, t: i32, n: i32, s: i32): void {
  // What was broadcast comes back as sums, which are taken in f64.
  if (t == 0 && s == 1) {
    columnSums(x, y, m, n, n, true);
    return;
  }
  const row = <usize>n << 2, outer = <usize>t << 2, inner = <usize>s << 2;
  for (let r = 0; r < m; r++, y += row, x += outer) {
    if (s == 0) {
      store<f32>(x, <f32>(<f64>load<f32>(x) + sumArray(y, n)));
    } else if (s == 1) {
      let i: usize = 0;
      for (; i + 16 <= row; i += 16) {
        v128.store(x + i, f32x4.add(v128.load(x + i), v128.load(y + i)));
      }
      for (; i < row; i += 4) store<f32>(x + i, load<f32>(x + i) + load<f32>(y + i));
    } else {
      let to = x;
      for (let i: usize = 0; i < row; i += 4, to += inner) {
        store<f32>(to, load<f32>(to) + load<f32>(y + i));
      }
    }
  }
}

@inline
function put(to: usize, x: v128, add: bool): void {
  // Each vector is read and written by itself, for a view's rows may overlap.
  v128.store(to, add ? f32x4.add(v128.load(to), x) : x);
}

/**
 * to[c][r] = from[r][c] (or += with `add`) for rows x cols, ldTo and ldFrom floats per row, in
 * blocks of 4 x 4. Four blocks in a column of `from` come after each other, so that a cache line
 * of `to` is filled at once.
 */
function transpose(
  to: usize, ldTo: i32, from: usize, ldFrom: i32, rows: i32, cols: i32, add: bool,
): void {
  const down = <usize>ldFrom << 2, across = <usize>ldTo << 2;
  for (let start = 0; start < rows; start += 16) {
    const end = min(start + 16, rows);
    let c = 0;
    for (; c + 4 <= cols; c += 4) {
      const source = from + (<usize>c << 2), target = to + <usize>c * across;
      let r = start;
      for (; r + 4 <= end; r += 4) {
        const x = source + <usize>r * down, y = target + (<usize>r << 2);
        const a = v128.load(x), b = v128.load(x + down);
        const d = v128.load(x + 2 * down), e = v128.load(x + 3 * down);
        const lowAB = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
        const highAB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
        const lowDE = v128.shuffle<f32>(d, e, 0, 4, 1, 5);
        const highDE = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
        put(y, v128.shuffle<f32>(lowAB, lowDE, 0, 1, 4, 5), add);
        put(y + across, v128.shuffle<f32>(lowAB, lowDE, 2, 3, 6, 7), add);
        put(y + 2 * across, v128.shuffle<f32>(highAB, highDE, 0, 1, 4, 5), add);
        put(y + 3 * across, v128.shuffle<f32>(highAB, highDE, 2, 3, 6, 7), add);
      }
      for (; r < end; r++) {
        const x = source + <usize>r * down, y = target + (<usize>r << 2);
        for (let k: usize = 0; k < 4; k++) putOne(y + k * across, load<f32>(x + (k << 2)), add);
      }
    }
    for (; c < cols; c++) {
      const source = from + (<usize>c << 2), target = to + <usize>c * across;
      for (let r = start; r < end; r++) {
        putOne(target + (<usize>r << 2), load<f32>(source + <usize>r * down), add);
      }
    }
  }
}

@inline
function putOne(to: usize, x: f32, add: bool): void {
  store<f32>(to, add ? load<f32>(to) + x : x);
}
