/** Rows of a table by index: the look-up of tokens, and its backward, which adds in their order. */

/** y[i] (count x cols) = row ids[i] (i32, count) of the table (vocabulary x cols). */
export function gatherRows(y: usize, table: usize, ids: usize, count: i32, cols: i32): void {
  const stride = <usize>cols << 2;
  for (let k = 0; k < count; k++, y += stride, ids += 4) {
    const row = table + <usize>load<u32>(ids) * stride;
    let i: usize = 0;
    for (; i + 16 <= stride; i += 16) v128.store(y + i, v128.load(row + i));
    for (; i < stride; i += 4) store<f32>(y + i, load<f32>(row + i));
  }
}

/**
 * Row ids[i] (i32, count) of dTable += dy[i], one i after the other, of `cols` columns of rows of
 * `ld` floats.
 */
export function scatterAddRows(
  dTable: usize, dy: usize, ids: usize, count: i32, cols: i32, ld: i32,
): void {
  const width = <usize>cols << 2, stride = <usize>ld << 2;
  for (let k = 0; k < count; k++, dy += stride, ids += 4) {
    const row = dTable + <usize>load<u32>(ids) * stride;
    let i: usize = 0;
    for (; i + 16 <= width; i += 16) {
      v128.store(row + i, f32x4.add(v128.load(row + i), v128.load(dy + i)));
    }
    for (; i < width; i += 4) store<f32>(row + i, load<f32>(row + i) + load<f32>(dy + i));
  }
}
