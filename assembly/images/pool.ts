/**
 * Pooling of planes (height x width): the maximum or the mean of each window, windows a stride
 * apart, in a border that no maximum sees and that counts as zeros for means.
 */

/** One element of four windows, a stride apart, or of one window and zeros. */
@inline
function windows(x: usize, count: i32, stride: i32): v128 {
  if (count == 1) return v128.load32_zero(x);
  if (stride == 1) return v128.load(x);
  // The second load ends with the last of the four.
  if (stride == 2) return v128.shuffle<f32>(v128.load(x), v128.load(x, 12), 0, 2, 5, 7);
  const step = <usize>stride << 2;
  let y = v128.load32_zero(x);
  y = v128.load_lane<f32>(x + step, y, 1);
  y = v128.load_lane<f32>(x + 2 * step, y, 2);
  return v128.load_lane<f32>(x + 3 * step, y, 3);
}

/**
 * y (planes x rows x columns) = the maximum of each window, and its index in the plane (i32; the
 * first of equals); NaN is larger than all.
 */
export function maxPool2d(
  y: usize, indices: usize, x: usize, planes: i32, height: i32, width: i32, rows: i32, columns: i32,
  size: i32, stride: i32, padding: i32,
): void {
  const plane = <usize>(height * width) << 2;
  const steps = i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(stride));
  for (let p = 0; p < planes; p++, x += plane) {
    for (let r = 0; r < rows; r++) {
      const top = max(r * stride - padding, 0);
      const bottom = min(r * stride - padding + size, height);
      let step = 1;
      for (let c = 0; c < columns; c += step, y += <usize>step << 2, indices += <usize>step << 2) {
        const left = max(c * stride - padding, 0);
        const right = min(c * stride - padding + size, width);
        // Four windows at a time where none of them reaches over the edge.
        const whole = right - left == size && left + 3 * stride + size <= width;
        step = whole && c + 4 <= columns ? 4 : 1;
        let index = i32x4.add(i32x4.splat(top * width + left), steps);
        let largest = windows(x + (<usize>(top * width + left) << 2), step, stride);
        for (let i = top; i < bottom; i++) {
          for (let j = left; j < right; j++) {
            const at = i * width + j;
            const value = windows(x + (<usize>at << 2), step, stride);
            const first = v128.and(f32x4.ne(value, value), f32x4.eq(largest, largest));
            const larger = v128.or(f32x4.gt(value, largest), first);
            largest = v128.bitselect(value, largest, larger);
            index = v128.bitselect(i32x4.add(i32x4.splat(at), steps), index, larger);
          }
        }
        if (step == 4) {
          v128.store(y, largest);
          v128.store(indices, index);
        } else {
          v128.store_lane<f32>(y, largest, 0);
          v128.store_lane<i32>(indices, index, 0);
        }
      }
    }
  }
}

/** dx (planes x plane), cleared before, += dy at the index of each window's maximum. */
export function maxPool2dBackward(
  dx: usize, dy: usize, indices: usize, planes: i32, plane: i32, windows: i32,
): void {
  for (let p = 0; p < planes; p++, dx += <usize>plane << 2) {
    for (let i = 0; i < windows; i++, dy += 4, indices += 4) {
      const to = dx + (<usize>load<u32>(indices) << 2);
      store<f32>(to, load<f32>(to) + load<f32>(dy));
    }
  }
}

/** y = the sum of each window over size^2. */
export function avgPool2d(
  y: usize, x: usize, planes: i32, height: i32, width: i32, rows: i32, columns: i32, size: i32,
  stride: i32, padding: i32,
): void {
  const plane = <usize>(height * width) << 2, count = <f64>(size * size);
  for (let p = 0; p < planes; p++, x += plane) {
    for (let r = 0; r < rows; r++) {
      const top = max(r * stride - padding, 0);
      const bottom = min(r * stride - padding + size, height);
      for (let c = 0; c < columns; c++, y += 4) {
        const left = max(c * stride - padding, 0);
        const right = min(c * stride - padding + size, width);
        let sum: f64 = 0;
        for (let i = top; i < bottom; i++) {
          for (let j = left; j < right; j++) {
            sum += <f64>load<f32>(x + (<usize>(i * width + j) << 2));
          }
        }
        store<f32>(y, <f32>(sum / count));
      }
    }
  }
}

/** dx, cleared before, += dy / size^2 over each window. */
export function avgPool2dBackward(
  dx: usize, dy: usize, planes: i32, height: i32, width: i32, rows: i32, columns: i32, size: i32,
  stride: i32, padding: i32,
): void {
  const plane = <usize>(height * width) << 2, count = <f32>(size * size);
  for (let p = 0; p < planes; p++, dx += plane) {
    for (let r = 0; r < rows; r++) {
      const top = max(r * stride - padding, 0);
      const bottom = min(r * stride - padding + size, height);
      for (let c = 0; c < columns; c++, dy += 4) {
        const left = max(c * stride - padding, 0);
        const right = min(c * stride - padding + size, width);
        const part: f32 = load<f32>(dy) / count;
        for (let i = top; i < bottom; i++) {
          for (let j = left; j < right; j++) {
            const to = dx + (<usize>(i * width + j) << 2);
            store<f32>(to, load<f32>(to) + part);
          }
        }
      }
    }
  }
}
