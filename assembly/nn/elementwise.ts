/**
 * Arithmetic on arrays of n floats, forward next to backward. The arrays are whole buffers, padded
 * to 16 bytes, so every loop runs over full vectors; y (or dx) may be any of the inputs. Gradients
 * are stored, not added: `accumulate` does that.
 */

/** y = a + b. */
export function addArray(y: usize, a: usize, b: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(a + i), v128.load(b + i)));
  }
}

/** y = a - b. */
export function subArray(y: usize, a: usize, b: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.sub(v128.load(a + i), v128.load(b + i)));
  }
}

/** y = a b. */
export function mulArray(y: usize, a: usize, b: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.mul(v128.load(a + i), v128.load(b + i)));
  }
}

/** y = a / b. */
export function divArray(y: usize, a: usize, b: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.div(v128.load(a + i), v128.load(b + i)));
  }
}

/** da = dy / b and db = -dy (a / b) / b, either of them 0 if not wanted. */
export function divArrayBackward(
  da: usize, db: usize, dy: usize, a: usize, b: usize, n: i32,
): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const d = v128.load(dy + i), under = v128.load(b + i);
    // All is read before anything is written: da may be a, db may be b.
    const ratio = f32x4.div(f32x4.div(v128.load(a + i), under), under);
    if (da != 0) v128.store(da + i, f32x4.div(d, under));
    if (db != 0) v128.store(db + i, f32x4.mul(f32x4.neg(d), ratio));
  }
}

/** y = the larger of a and b; NaN if either is. */
export function maximumArray(y: usize, a: usize, b: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.max(v128.load(a + i), v128.load(b + i)));
  }
}

/** dy goes to the larger of a and b, half to each where they are equal; da or db may be 0. */
export function maximumArrayBackward(
  da: usize, db: usize, dy: usize, a: usize, b: usize, n: i32,
): void {
  const half = f32x4.splat(0.5);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const d = v128.load(dy + i), va = v128.load(a + i), vb = v128.load(b + i);
    const shared = v128.bitselect(f32x4.mul(d, half), d, f32x4.eq(va, vb));
    if (da != 0) v128.store(da + i, v128.andnot(shared, f32x4.lt(va, vb)));
    if (db != 0) v128.store(db + i, v128.andnot(shared, f32x4.gt(va, vb)));
  }
}

/** y = a where c is not 0, else b. */
export function whereArray(y: usize, c: usize, a: usize, b: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const taken = f32x4.ne(v128.load(c + i), zero);
    v128.store(y + i, v128.bitselect(v128.load(a + i), v128.load(b + i), taken));
  }
}

/** y = x where c is not 0 (with `negate`: where it is 0), else 0: the backward of `whereArray`. */
export function whereArrayBackward(y: usize, c: usize, x: usize, n: i32, negate: bool): void {
  const zero = f32x4.splat(0);
  const flip = i32x4.splat(negate ? -1 : 0);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const taken = v128.xor(f32x4.ne(v128.load(c + i), zero), flip);
    v128.store(y + i, v128.and(v128.load(x + i), taken));
  }
}

/** y += x. */
export function accumulate(y: usize, x: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(y + i), v128.load(x + i)));
  }
}

/** y = factor x. */
export function scaleTo(y: usize, x: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.mul(v128.load(x + i), f));
  }
}

/** y += factor x. */
export function addScaled(y: usize, x: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(v128.load(x + i), f)));
  }
}

/** y = value. */
export function fillArray(y: usize, n: i32, value: f32): void {
  const v = f32x4.splat(value);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) v128.store(y + i, v);
}

/** y[r][c] = x[r][c] + b[c] (y, x: rows x cols; b: cols); y may be x. */
export function addRows(y: usize, x: usize, b: usize, rows: i32, cols: i32): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, y += stride, x += stride) {
    let i: usize = 0;
    for (; i + 16 <= stride; i += 16) {
      v128.store(y + i, f32x4.add(v128.load(x + i), v128.load(b + i)));
    }
    for (; i < stride; i += 4) store<f32>(y + i, load<f32>(x + i) + load<f32>(b + i));
  }
}

/** dx = dy y, where y = exp(x). */
export function expArrayBackward(dx: usize, dy: usize, y: usize, n: i32): void {
  mulArray(dx, dy, y, n);
}

/** dx = dy / x, where y = log(x). */
export function logArrayBackward(dx: usize, dy: usize, x: usize, n: i32): void {
  divArray(dx, dy, x, n);
}

/** y = the square root of x. */
export function sqrtArray(y: usize, x: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.sqrt(v128.load(x + i)));
  }
}

/** dx = dy / 2y, where y = sqrt(x). */
export function sqrtArrayBackward(dx: usize, dy: usize, y: usize, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const v = v128.load(y + i);
    v128.store(dx + i, f32x4.div(v128.load(dy + i), f32x4.add(v, v)));
  }
}

/** dx = dy (1 - y^2), where y = tanh(x). */
export function tanhArrayBackward(dx: usize, dy: usize, y: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const v = v128.load(y + i);
    // Two factors: 1 - |y| is exact where 1 - y^2 would lose its digits.
    const grad = f32x4.mul(f32x4.sub(one, v), f32x4.add(one, v));
    v128.store(dx + i, f32x4.mul(v128.load(dy + i), grad));
  }
}

/** y = x where it is positive, else 0; NaN stays. */
export function reluArray(y: usize, x: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(y + i, f32x4.pmax(v128.load(x + i), zero));
  }
}

/** dx = dy where x is positive, else 0. */
export function reluArrayBackward(dx: usize, dy: usize, x: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    v128.store(dx + i, v128.andnot(v128.load(dy + i), f32x4.le(v128.load(x + i), zero)));
  }
}
