/**
 * The losses in f64, written as their formulas: the one reference of each in TypeScript, which the
 * table of operations, its hashes and the property tests share. Two proofs stand apart on purpose:
 * test/golden/reference.py has the definitions in PyTorch, and test/golden/selfcheck.py checks those
 * by plain loops that share no code with them.
 */

import { cosine, dot, logSumExp, mean, norm, type Rows, unit } from './reference.js';

/** A contrastive loss: the cross-entropy of each row's softmax over the columns. */
interface Contrast {
  /** Factor of the cosines. */
  scale: number;
  /** Target probability of column j for row i. */
  target(i: number, j: number): number;
  /** Tells whether column j is in the softmax of row i. */
  inSum(i: number, j: number): boolean;
  /** Weight of row i in the loss. */
  weight(i: number): number;
}

interface ContrastResult {
  loss: number;
  /** Gradients with respect to unit rows. */
  gradA: Rows;
  gradB: Rows;
  gradScale: number;
}

const zerosLike = (x: Rows): Rows => x.map((row) => row.map(() => 0));

/** to += factor x */
function addScaled(to: number[], factor: number, x: readonly number[]): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + factor * (x[i] as number);
}

/** Sum over i of weight_i sum over j of target_ij (log sum of exp(scale cos_i.) - scale cos_ij). */
function contrast(a: Rows, b: Rows, { scale, target, inSum, weight }: Contrast): ContrastResult {
  const gradA = zerosLike(a);
  const gradB = zerosLike(b);
  let loss = 0;
  let gradScale = 0;
  a.forEach((row, i) => {
    const w = weight(i);
    if (w === 0) return;
    const cosines = b.map((other) => dot(row, other));
    const logits = cosines.map((cos) => scale * cos);
    const logSum = logSumExp(logits.filter((_, j) => inSum(i, j)));
    logits.forEach((logit, j) => {
      const wanted = target(i, j);
      const probability = inSum(i, j) ? Math.exp(logit - logSum) : 0;
      if (wanted !== 0) loss += w * wanted * (logSum - logit);
      const gradLogit = w * (probability - wanted);
      if (gradLogit === 0) return;
      gradScale += gradLogit * (cosines[j] as number);
      addScaled(gradA[i] as number[], scale * gradLogit, b[j] as number[]);
      addScaled(gradB[j] as number[], scale * gradLogit, row);
    });
  });
  return { loss, gradA, gradB, gradScale };
}

/** Gradient with respect to rows x, from that with respect to the same rows at length 1. */
function normalizeBackward(grad: Rows, x: Rows): Rows {
  return x.map((row, i) => {
    const length = norm(row);
    const d = grad[i] as number[];
    if (length === 0) return d.map(() => 0);
    const u = unit(row);
    const along = dot(d, u);
    return d.map((value, c) => (value - along * (u[c] as number)) / length);
  });
}

const sum = (a: Rows, b: Rows): Rows =>
  a.map((row, i) => row.map((value, c) => value + (b[i]?.[c] as number)));

/** Contrasts rows with themselves. */
function contrastSelf(z: Rows, task: Contrast): { loss: number; grad: Rows } {
  const u = z.map(unit);
  const { loss, gradA, gradB } = contrast(u, u, task);
  return { loss, grad: normalizeBackward(sum(gradA, gradB), z) };
}

/** NT-Xent of two views, z[i] and z[i + N], and its gradient. */
export function ntXentGrad(z: Rows, temperature: number, decoupled = false) {
  const positive = (i: number): number => (i + z.length / 2) % z.length;
  return contrastSelf(z, {
    scale: 1 / temperature,
    target: (i, j) => (j === positive(i) ? 1 : 0),
    inSum: (i, j) => i !== j && !(decoupled && j === positive(i)),
    weight: () => 1 / z.length,
  });
}

export function ntXent(z: Rows, temperature: number): number {
  return ntXentGrad(z, temperature).loss;
}

/** NT-Xent without the positive in the sum. */
export function decoupledNtXent(z: Rows, temperature: number): number {
  return ntXentGrad(z, temperature, true).loss;
}

/** SupCon and its gradient; rows without a positive are no anchors. */
export function supConGrad(z: Rows, labels: ArrayLike<number>, temperature: number) {
  const all = Array.from(labels);
  const positives = all.map((label) => all.filter((other) => other === label).length - 1);
  const anchors = positives.filter((count) => count > 0).length;
  const result = contrastSelf(z, {
    scale: 1 / temperature,
    target: (i, j) => (i !== j && all[i] === all[j] ? 1 / (positives[i] as number) : 0),
    inSum: (i, j) => i !== j,
    weight: (i) => ((positives[i] as number) > 0 ? 1 / anchors : 0),
  });
  return { ...result, anchors };
}

export function supCon(z: Rows, labels: ArrayLike<number>, temperature: number): number {
  return supConGrad(z, labels, temperature).loss;
}

/** Options of InfoNCE and CLIP. */
export interface InfoNceReference {
  /** Factor of the cosines. */
  scale: number;
  /** Further negatives of every query. */
  negatives?: Rows | undefined;
  /** Pairs of equal ids are no negatives of each other. */
  ids?: ArrayLike<number> | undefined;
  /** Let keys find their queries too. */
  symmetric?: boolean | undefined;
}

/** InfoNCE, which CLIP's loss is the symmetric form of, and its gradients. */
export function infoNceGrad(
  queries: Rows,
  keys: Rows,
  { scale, negatives = [], ids, symmetric = false }: InfoNceReference,
) {
  const n = queries.length;
  const task: Contrast = {
    scale,
    target: (i, j) => (i === j ? 1 : 0),
    inSum: (i, j) => i === j || j >= n || ids === undefined || ids[i] !== ids[j],
    weight: () => (symmetric ? 0.5 : 1) / n,
  };
  const [q, k, more] = [queries, keys, negatives].map((x) => x.map(unit)) as [Rows, Rows, Rows];
  const there = contrast(q, [...k, ...more], task);
  let { loss, gradScale, gradA: gradQueries } = there;
  let gradKeys = there.gradB.slice(0, n);
  if (symmetric) {
    const back = contrast(k, q, task);
    loss += back.loss;
    gradScale += back.gradScale;
    gradQueries = sum(gradQueries, back.gradB);
    gradKeys = sum(gradKeys, back.gradA);
  }
  return {
    loss,
    gradScale,
    gradQueries: normalizeBackward(gradQueries, queries),
    gradKeys: normalizeBackward(gradKeys, keys),
    gradNegatives: normalizeBackward(there.gradB.slice(n), negatives),
  };
}

export function infoNce(queries: Rows, keys: Rows, options: InfoNceReference): number {
  return infoNceGrad(queries, keys, options).loss;
}

/** SigLIP: each pair is a binary question, answered by a sigmoid; `ids` as for InfoNCE. */
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

/** CoSENT: log(1 + sum over the pairs i, j with score_i < score_j of exp(scale (s_i - s_j))). */
export function coSent(
  similarities: readonly number[],
  scores: ArrayLike<number>,
  scale: number,
): number {
  const terms = [0];
  similarities.forEach((lower, i) => {
    similarities.forEach((higher, j) => {
      if ((scores[i] as number) < (scores[j] as number)) terms.push(scale * (lower - higher));
    });
  });
  return logSumExp(terms);
}

/** Cosine of each row of a and the same row of b. */
export function pairCosines(a: Rows, b: Rows): number[] {
  return a.map((row, i) => cosine(row, b[i] as number[]));
}

/** AnglE: the size of the sum of the parts of a complex quotient, of rows of one length. */
export function pairAngles(a: Rows, b: Rows): number[] {
  return a.map((row, r) => {
    const [x, y] = [unit(row), unit(b[r] as number[])];
    const half = x.length / 2;
    let sum = dot(x, y);
    for (let i = 0; i < half; i++) {
      sum +=
        (x[i + half] as number) * (y[i] as number) - (x[i] as number) * (y[i + half] as number);
    }
    return Math.abs(sum);
  });
}

/** Contrastive loss of pairs: half the square of what a distance is too large or too small. */
export function contrastiveLoss(
  a: Rows,
  b: Rows,
  similar: ArrayLike<number>,
  margin: number,
): number {
  return mean(
    pairCosines(a, b).map((cos, i) => {
      const gap = similar[i] ? 1 - cos : Math.max(0, margin - (1 - cos));
      return (gap * gap) / 2;
    }),
  );
}
