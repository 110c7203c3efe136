/** Plain JavaScript without a library: loops over typed arrays. */

import type { Numbers } from '../operations/operation.js';
import { localPeer, type Operations } from './peer.js';

/** Computes a b or a b', with loops that read memory in order. */
function product(a: Numbers, b: Numbers, transposed: boolean): Float32Array {
  const [m, k, n] = [a.rows, a.cols, transposed ? b.rows : b.cols];
  const c = new Float32Array(m * n);
  const [x, y] = [a.data, b.data];
  for (let i = 0; i < m; i++) {
    if (transposed) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) sum += (x[i * k + p] as number) * (y[j * k + p] as number);
        c[i * n + j] = sum;
      }
    } else {
      for (let p = 0; p < k; p++) {
        const factor = x[i * k + p] as number;
        for (let j = 0; j < n; j++) {
          c[i * n + j] = (c[i * n + j] as number) + factor * (y[p * n + j] as number);
        }
      }
    }
  }
  return c;
}

/** Computes NT-Xent over the whole matrix of similarities, and its gradient if wanted. */
function ntXent(z: Numbers, temperature: number, backward: boolean) {
  const { rows, cols } = z;
  const half = rows / 2;
  const unit = new Float32Array(rows * cols);
  const norms = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    let square = 0;
    for (let c = 0; c < cols; c++) square += (z.data[r * cols + c] as number) ** 2;
    norms[r] = Math.sqrt(square);
    for (let c = 0; c < cols; c++) {
      unit[r * cols + c] = (z.data[r * cols + c] as number) / (norms[r] as number);
    }
  }
  const rowsOfUnit = { data: unit, rows, cols };
  const s = product(rowsOfUnit, rowsOfUnit, true);
  let loss = 0;
  for (let r = 0; r < rows; r++) {
    const row = s.subarray(r * rows, (r + 1) * rows);
    const positive = (row[(r + half) % rows] as number) / temperature;
    let sum = 0;
    for (let j = 0; j < rows; j++) {
      const e = j === r ? 0 : Math.exp(((row[j] as number) - 1) / temperature);
      row[j] = e;
      sum += e;
    }
    loss += Math.log(sum) + 1 / temperature - positive;
    for (let j = 0; j < rows; j++) row[j] = (row[j] as number) / (sum * rows * temperature);
    const at = (r + half) % rows;
    row[at] = (row[at] as number) - 1 / (rows * temperature);
  }
  if (!backward) return { loss: loss / rows };
  const both = new Float32Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++) {
      both[i * rows + j] = (s[i * rows + j] as number) + (s[j * rows + i] as number);
    }
  }
  const grad = product({ data: both, rows, cols: rows }, rowsOfUnit, false);
  for (let r = 0; r < rows; r++) {
    let along = 0;
    for (let i = r * cols; i < (r + 1) * cols; i++) {
      along += (grad[i] as number) * (unit[i] as number);
    }
    for (let i = r * cols; i < (r + 1) * cols; i++) {
      grad[i] = ((grad[i] as number) - along * (unit[i] as number)) / (norms[r] as number);
    }
  }
  return { loss: loss / rows, z: grad };
}

/** Finds the k rows of the corpus with the largest cosine, best first: all scores, then a sort. */
function topK(queries: Numbers, corpus: Numbers, k: number): { indices: number[] } {
  const norms = Float32Array.from({ length: corpus.rows }, (_, r) => {
    let square = 0;
    for (let c = 0; c < corpus.cols; c++) {
      square += (corpus.data[r * corpus.cols + c] as number) ** 2;
    }
    return Math.sqrt(square);
  });
  const dots = product(queries, corpus, true);
  const indices: number[] = [];
  for (let q = 0; q < queries.rows; q++) {
    const scores = dots.subarray(q * corpus.rows, (q + 1) * corpus.rows);
    for (let r = 0; r < corpus.rows; r++) {
      scores[r] = (scores[r] as number) / (norms[r] as number);
    }
    const order = Uint32Array.from({ length: corpus.rows }, (_, r) => r);
    order.sort((x, y) => (scores[y] as number) - (scores[x] as number));
    indices.push(...order.subarray(0, k));
  }
  return { indices };
}

type Given = Record<string, Numbers>;

const PRODUCTS: Operations = {
  matmul: ({ a, b }: Given) => {
    return () => ({ product: product(a as Numbers, b as Numbers, false) });
  },
  'matmul transposeB': ({ a, b }: Given) => {
    return () => ({ product: product(a as Numbers, b as Numbers, true) });
  },
  dotMatrix: ({ a, b }: Given) => {
    return () => ({ matrix: product(a as Numbers, b as Numbers, true) });
  },
};

const CONTRASTS: Operations = Object.fromEntries(
  [false, true].map((backward) => [
    `ntXent temperature 0.5${backward ? ', gradient' : ''}`,
    ({ z }: Given) => {
      return () => ntXent(z as Numbers, 0.5, backward);
    },
  ]),
);

const SEARCH: Operations = {
  'topK cosine': ({ queries, corpus, k }: Given) => {
    return () => topK(queries as Numbers, corpus as Numbers, k?.data[0] as number);
  },
};

export const plain = localPeer('plain JavaScript', { ...PRODUCTS, ...CONTRASTS, ...SEARCH });
