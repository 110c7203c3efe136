/**
 * The part of SupCon (https://arxiv.org/abs/2004.11362) that is its own: the positives of a row are
 * all others of its label, so that their cosines follow from the sum of the label's rows.
 */

import { logScalar } from '../core/math';

/**
 * Sums of the unit rows of each label (labels x cols, f64) and how many there are (i32). Labels
 * are 0 to `count` - 1.
 */
export function sumByLabel(
  sums: usize, counts: usize, x: usize, labels: usize, rows: i32, cols: i32, count: i32,
): void {
  memory.fill(sums, 0, (<usize>count * <usize>cols) << 3);
  memory.fill(counts, 0, <usize>count << 2);
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    const counter = counts + (<usize>label << 2);
    store<i32>(counter, load<i32>(counter) + 1);
    const sum = sums + ((<usize>label * <usize>cols) << 3);
    const row = x + ((<usize>i * <usize>cols) << 2);
    for (let c = 0; c < cols; c++) {
      const at = sum + (<usize>c << 3);
      store<f64>(at, load<f64>(at) + <f64>load<f32>(row + (<usize>c << 2)));
    }
  }
}

/** Counts the rows of labels that have a second row: the anchors of SupCon. */
export function countAnchors(labelCounts: usize, count: i32): i32 {
  let anchors = 0;
  for (let label = 0; label < count; label++) {
    const rows = load<i32>(labelCounts + (<usize>label << 2));
    if (rows > 1) anchors += rows;
  }
  return anchors;
}

/**
 * Computes the loss of SupCon from the sums over all other rows: row i with P others of its label has
 * the loss log(sum_i) + shift_i - scale (mean cosine of the P). Returns the sum over the rows with
 * P > 0 divided by `anchors`, how many of them there are, or 0 if there are none. `coefficients` become the r_i of `contrastiveGradients`, and the
 * positives' part of the gradient is added to dx (ldx floats per row) unless dx is 0.
 */
export function supConRows(
  coefficients: usize, dx: usize, sums: usize, shifts: usize, x: usize, labels: usize,
  labelSums: usize, labelCounts: usize, rows: i32, cols: i32, ldx: i32, scale: f64, anchors: i32,
): f64 {
  let loss: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    const others = load<i32>(labelCounts + (<usize>label << 2)) - 1;
    store<f32>(coefficients + (<usize>i << 2), 0);
    if (others == 0) continue;
    const row = x + ((<usize>i * <usize>cols) << 2);
    const labelSum = labelSums + ((<usize>label * <usize>cols) << 3);
    let cosines: f64 = 0;
    for (let c = 0; c < cols; c++) {
      const value = <f64>load<f32>(row + (<usize>c << 2));
      cosines += value * (load<f64>(labelSum + (<usize>c << 3)) - value);
    }
    const sum = load<f64>(sums + (<usize>i << 3));
    const shift = <f64>load<f32>(shifts + (<usize>i << 2));
    loss += logScalar(sum) + shift - (scale * cosines) / <f64>others;
    store<f32>(coefficients + (<usize>i << 2), <f32>(scale / sum / <f64>anchors));
    if (dx == 0) continue;
    // Row i is positive to each of the others and each of them to it: hence the two.
    const factor = (2 * scale) / <f64>others / <f64>anchors;
    const to = dx + ((<usize>i * <usize>ldx) << 2);
    for (let c = 0; c < cols; c++) {
      const at = to + (<usize>c << 2);
      const value = <f64>load<f32>(row + (<usize>c << 2));
      const d = factor * (load<f64>(labelSum + (<usize>c << 3)) - value);
      store<f32>(at, <f32>(<f64>load<f32>(at) - d));
    }
  }
  return anchors == 0 ? 0 : loss / <f64>anchors;
}
