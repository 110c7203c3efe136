/**
 * The contrastive losses and their gradients in f64, as the formulas are written: the whole matrix
 * of cosines, its softmax by rows, and the way back through the normalization. All of them are one
 * cross-entropy: each row's softmax over the columns that it is compared with, against a target
 * distribution.
 */

import type { Matrix } from './draw.js';

export interface Rows {
  data: Float64Array;
  rows: number;
  cols: number;
}

interface Unit extends Rows {
  norms: Float64Array;
}

export function widen({ data, rows, cols }: Matrix): Rows {
  return { data: Float64Array.from(data), rows, cols };
}

function normalize({ data, rows, cols }: Rows): Unit {
  const unit = data.slice();
  const norms = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let c = 0; c < cols; c++) sum += (data[r * cols + c] as number) ** 2;
    norms[r] = Math.sqrt(sum);
    if (sum === 0) continue;
    for (let c = 0; c < cols; c++)
      unit[r * cols + c] = (unit[r * cols + c] as number) / Math.sqrt(sum);
  }
  return { data: unit, rows, cols, norms };
}

/** The gradient by rows as given, from that by unit rows. */
function denormalize(d: Float64Array, { data, rows, cols, norms }: Unit): Float64Array {
  const grad = new Float64Array(d.length);
  for (let r = 0; r < rows; r++) {
    const norm = norms[r] as number;
    if (norm === 0) continue;
    let along = 0;
    for (let c = 0; c < cols; c++)
      along += (d[r * cols + c] as number) * (data[r * cols + c] as number);
    for (let c = 0; c < cols; c++) {
      const i = r * cols + c;
      grad[i] = ((d[i] as number) - (data[i] as number) * along) / norm;
    }
  }
  return grad;
}

interface Task {
  scale: number;
  /** Target probability of column j in row i, undefined where it is left out. */
  target(i: number, j: number): number | undefined;
  /** Weight of row i. */
  weight(i: number): number;
}

export interface Result {
  loss: number;
  dLeft: Float64Array;
  dRight: Float64Array;
  dScale: number;
}

/** sum over i of weight_i sum over j of share_ij -log softmax(scale cos)_ij. */
function crossEntropy(left: Unit, right: Unit, { scale, target, weight }: Task): Result {
  const { cols } = left;
  const dLeft = new Float64Array(left.data.length);
  const dRight = new Float64Array(right.data.length);
  const cosines = new Float64Array(right.rows);
  let loss = 0;
  let dScale = 0;
  for (let i = 0; i < left.rows; i++) {
    const w = weight(i);
    if (w === 0) continue;
    let max = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < right.rows; j++) {
      let sum = 0;
      for (let c = 0; c < cols; c++) {
        sum += (left.data[i * cols + c] as number) * (right.data[j * cols + c] as number);
      }
      cosines[j] = sum;
      if (target(i, j) !== undefined) max = Math.max(max, scale * sum);
    }
    let total = 0;
    for (let j = 0; j < right.rows; j++) {
      if (target(i, j) !== undefined) total += Math.exp(scale * (cosines[j] as number) - max);
    }
    const logSum = max + Math.log(total);
    for (let j = 0; j < right.rows; j++) {
      const wanted = target(i, j);
      if (wanted === undefined) continue;
      const logit = scale * (cosines[j] as number);
      loss += w * wanted * (logSum - logit);
      const d = w * (Math.exp(logit - logSum) - wanted);
      dScale += d * (cosines[j] as number);
      for (let c = 0; c < cols; c++) {
        const [at, to] = [i * cols + c, j * cols + c];
        dLeft[at] = (dLeft[at] as number) + d * scale * (right.data[to] as number);
        dRight[to] = (dRight[to] as number) + d * scale * (left.data[at] as number);
      }
    }
  }
  return { loss, dLeft, dRight, dScale };
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + (b[i] as number));
}

/** Rows against themselves: `target` as above. */
function self(z: Matrix, task: Task): { loss: number; grad: Float64Array } {
  const unit = normalize(widen(z));
  const { loss, dLeft, dRight } = crossEntropy(unit, unit, task);
  return { loss, grad: denormalize(add(dLeft, dRight), unit) };
}

export function ntXent(z: Matrix, temperature: number) {
  const n = z.rows / 2;
  return self(z, {
    scale: 1 / temperature,
    target: (i, j) => (i === j ? undefined : j === (i + n) % z.rows ? 1 : 0),
    weight: () => 1 / z.rows,
  });
}

export function supCon(z: Matrix, labels: readonly number[], temperature: number) {
  const others = labels.map((label) => labels.filter((other) => other === label).length - 1);
  const anchors = others.filter((count) => count > 0).length;
  const result = self(z, {
    scale: 1 / temperature,
    target: (i, j) =>
      i === j ? undefined : labels[i] === labels[j] ? 1 / (others[i] as number) : 0,
    weight: (i) => ((others[i] as number) > 0 ? 1 / anchors : 0),
  });
  return { ...result, anchors };
}

export interface Pairs {
  scale: number;
  negatives?: Matrix;
  ids?: readonly number[];
  symmetric: boolean;
}

/** InfoNCE and CLIP: `dRight` has the gradients of the keys and, below them, of the negatives. */
export function pairs(
  queries: Matrix,
  keys: Matrix,
  { scale, negatives, ids, symmetric }: Pairs,
): Result {
  const n = queries.rows;
  const left = normalize(widen(queries));
  const all = negatives === undefined ? [...keys.data] : [...keys.data, ...negatives.data];
  const right = normalize({
    data: Float64Array.from(all),
    rows: n + (negatives?.rows ?? 0),
    cols: keys.cols,
  });
  const target = (i: number, j: number): number | undefined =>
    i === j ? 1 : ids !== undefined && j < n && ids[i] === ids[j] ? undefined : 0;
  const weight = () => (symmetric ? 0.5 : 1) / n;
  const there = crossEntropy(left, right, { scale, target, weight });
  if (symmetric) {
    // Back from the keys to the queries; the further negatives have no part in it.
    const head = { ...right, data: right.data.subarray(0, keys.data.length), rows: n };
    const back = crossEntropy(head, left, { scale, target, weight });
    there.loss += back.loss;
    there.dScale += back.dScale;
    there.dLeft = add(there.dLeft, back.dRight);
    back.dLeft.forEach((value, i) => {
      there.dRight[i] = (there.dRight[i] as number) + value;
    });
  }
  return {
    ...there,
    dLeft: denormalize(there.dLeft, left),
    dRight: denormalize(there.dRight, right),
  };
}
