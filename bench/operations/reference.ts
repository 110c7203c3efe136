/**
 * Plain f64 references of the operations: loops as the formulas are written, for tests to compare with.
 * Nothing here ships in the library.
 */

import type { Numbers } from './operation.js';

export type Rows = number[][];

export function toRows({ data, rows, cols }: Numbers): Rows {
  return Array.from({ length: rows }, (_, r) =>
    Array.from(data.subarray(r * cols, (r + 1) * cols)),
  );
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

export function norm(a: readonly number[]): number {
  return Math.sqrt(dot(a, a));
}

export function unit(a: readonly number[]): number[] {
  const length = norm(a);
  return length === 0 ? [...a] : a.map((value) => value / length);
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  return dot(unit(a), unit(b));
}

export function distance(a: readonly number[], b: readonly number[]): number {
  return norm(a.map((value, i) => value - (b[i] as number)));
}

/** f(row of a, row of b) for all pairs, row-major. */
export function pairwise(
  a: Rows,
  b: Rows,
  f: (x: readonly number[], y: readonly number[]) => number,
): number[] {
  return a.flatMap((x) => b.map((y) => f(x, y)));
}

export function logSumExp(x: readonly number[]): number {
  const max = Math.max(...x);
  return max + Math.log(x.reduce((sum, value) => sum + Math.exp(value - max), 0));
}

export function softmax(x: readonly number[]): number[] {
  const total = logSumExp(x);
  return x.map((value) => Math.exp(value - total));
}

export function mean(x: readonly number[]): number {
  return x.reduce((sum, value) => sum + value, 0) / x.length;
}

/** -log of the softmax of logit `positive` among it and the others that are kept. */
export function contrast(
  logits: readonly number[],
  positive: number,
  keep: (column: number) => boolean,
): number {
  const others = logits.filter((_, j) => j !== positive && keep(j));
  const logit = logits[positive] as number;
  return logSumExp([logit, ...others]) - logit;
}

export function ntXent(z: Rows, temperature: number): number {
  const u = z.map(unit);
  const samples = z.length / 2;
  return mean(
    u.map((row, i) => {
      const logits = u.map((other) => dot(row, other) / temperature);
      return contrast(logits, (i + samples) % z.length, (j) => j !== i);
    }),
  );
}

/** NT-Xent without the positive in the sum. */
export function decoupledNtXent(z: Rows, temperature: number): number {
  const u = z.map(unit);
  const samples = z.length / 2;
  return mean(
    u.map((row, i) => {
      const logits = u.map((other) => dot(row, other) / temperature);
      const positive = (i + samples) % z.length;
      const negatives = logits.filter((_, j) => j !== i && j !== positive);
      return logSumExp(negatives) - (logits[positive] as number);
    }),
  );
}

/** Rows on the left find their row on the right, and with `symmetric` the reverse. */
export function infoNce(
  left: Rows,
  right: Rows,
  scale: number,
  further: Rows = [],
  ids?: ArrayLike<number>,
  symmetric = false,
): number {
  const oneWay = (from: Rows, to: Rows): number =>
    mean(
      from.map((row, i) => {
        const logits = to.map((other) => scale * dot(row, other));
        return contrast(logits, i, (j) => j >= from.length || !ids || ids[j] !== ids[i]);
      }),
    );
  const a = left.map(unit);
  const b = right.map(unit);
  const there = oneWay(a, [...b, ...further.map(unit)]);
  return symmetric ? (there + oneWay(b, a)) / 2 : there;
}

/** Every pair a question of its own, answered by a sigmoid; `ids` as for InfoNCE. */
export function sigLip(
  image: Rows,
  text: Rows,
  scale: number,
  bias: number,
  ids?: ArrayLike<number>,
): number {
  const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  let total = 0;
  image.forEach((a, i) => {
    text.forEach((b, j) => {
      const logit = scale * cosine(a, b) + bias;
      if (i === j) total += softplus(-logit);
      else if (ids === undefined || ids[i] !== ids[j]) total += softplus(logit);
    });
  });
  return total / image.length;
}

export function supCon(z: Rows, labels: ArrayLike<number>, temperature: number): number {
  const u = z.map(unit);
  const losses: number[] = [];
  u.forEach((row, i) => {
    const logits = u.map((other) => dot(row, other) / temperature);
    const positives = logits.filter((_, j) => j !== i && labels[j] === labels[i]);
    if (positives.length === 0) return;
    losses.push(logSumExp(logits.filter((_, j) => j !== i)) - mean(positives));
  });
  return losses.length === 0 ? 0 : mean(losses);
}

export function crossEntropy(
  logits: Rows,
  targets: ArrayLike<number>,
  ignoreIndex: number,
  smoothing: number,
): number {
  const losses: number[] = [];
  logits.forEach((row, i) => {
    const target = targets[i] as number;
    if (target === ignoreIndex) return;
    const total = logSumExp(row);
    const all = mean(row.map((value) => total - value));
    losses.push((1 - smoothing) * (total - (row[target] as number)) + smoothing * all);
  });
  return mean(losses);
}

export function klDivergence(p: Rows, q: Rows): number {
  const terms = p.map((row, r) =>
    row.reduce((sum, a, c) => (a > 0 ? sum + a * Math.log(a / (q[r]?.[c] as number)) : sum), 0),
  );
  return mean(terms);
}

export function tripletLoss(
  a: Rows,
  p: Rows,
  n: Rows,
  margin: number,
  far: (x: readonly number[], y: readonly number[]) => number,
): number {
  const row = (rows: Rows, i: number): number[] => rows[i] as number[];
  return mean(a.map((x, i) => Math.max(0, margin + far(x, row(p, i)) - far(x, row(n, i)))));
}

/** Moves the anchor alone, or all three rows down the gradient; returns losses and embeddings. */
export function tripletUpdate(
  embeddings: Rows,
  triplets: readonly number[],
  rate: number,
  margin: number,
  allRows: boolean,
): { losses: number[]; embeddings: number[] } {
  const losses: number[] = [];
  for (let t = 0; t < triplets.length; t += 3) {
    const [a, p, n] = [0, 1, 2].map((k) => embeddings[triplets[t + k] as number] as number[]) as [
      number[],
      number[],
      number[],
    ];
    const [la, lp, ln] = [norm(a), norm(p), norm(n)];
    const under = [la * lp + 1e-10, la * ln + 1e-10] as const;
    const near = dot(a, p) / under[0];
    const far = dot(a, n) / under[1];
    const loss = Math.max(0, margin - near + far);
    losses.push(loss);
    if (loss === 0) continue;
    // d(x.y / (|x||y| + eps)) / dx
    const cosineGrad = (x: number[], y: number[], u: number, cos: number, lx: number, ly: number) =>
      x.map((value, i) => (y[i] as number) / u - (cos * ly * value) / (u * lx));
    const steps = allRows
      ? [
          cosineGrad(a, p, under[0], near, la, lp).map(
            (value, i) => value - (cosineGrad(a, n, under[1], far, la, ln)[i] as number),
          ),
          cosineGrad(p, a, under[0], near, lp, la),
          cosineGrad(n, a, under[1], far, ln, la).map((value) => -value),
        ]
      : [p.map((value, i) => (value - (n[i] as number)) / (la + 1e-8))];
    steps.forEach((step, k) => {
      const row = [a, p, n][k] as number[];
      step.forEach((value, i) => {
        row[i] = (row[i] as number) + rate * value;
      });
    });
  }
  return { losses, embeddings: embeddings.flat() };
}
