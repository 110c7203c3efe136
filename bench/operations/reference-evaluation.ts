/** The definitions of rankings and classifiers in f64, written to be read. */

import { dot, type Rows, softmax } from './reference.js';

type Score = (a: readonly number[], b: readonly number[]) => number;

/** Row numbers of the corpus, best first; ties, to 12 digits, to the lower one. */
export function ranking(query: readonly number[], corpus: Rows, score: Score): number[] {
  return corpus
    .map((row, index) => ({ index, score: Number(score(query, row).toFixed(12)) }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map(({ index }) => index);
}

/** BM25 of each document, each a list of words, by Lucene's formula. */
export function bm25(
  query: readonly string[],
  documents: readonly (readonly string[])[],
): number[] {
  const average = documents.reduce((sum, { length }) => sum + length, 0) / documents.length;
  return documents.map((document) =>
    query.reduce((sum, word) => {
      const having = documents.filter((words) => words.includes(word)).length;
      const idf = Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
      const f = document.filter((other) => other === word).length;
      return sum + (idf * f) / (f + 1.2 * (0.25 + (0.75 * document.length) / average));
    }, 0),
  );
}

/** Ranks of the relevant rows, from 0. */
export function ranksOf(order: readonly number[], relevant: ReadonlySet<number>): number[] {
  return order.flatMap((index, rank) => (relevant.has(index) ? [rank] : []));
}

/** Singular values by Jacobi's rotations of the columns until they stand at right angles. */
export function singularValues(x: Rows): number[] {
  const width = x[0]?.length ?? 0;
  const columns = Array.from({ length: width }, (_, c) => x.map((row) => row[c] as number));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let i = 0; i < width; i++) {
      for (let j = 0; j < i; j++) rotate(columns[i] as number[], columns[j] as number[]);
    }
  }
  const lengths = columns.map((column) => Math.sqrt(dot(column, column)));
  const noise = 1e-10 * Math.max(...lengths);
  return lengths.filter((length) => length > noise);
}

function rotate(a: number[], b: number[]): void {
  const along = dot(a, b);
  if (along === 0) return;
  const zeta = (dot(b, b) - dot(a, a)) / (2 * along);
  const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const c = 1 / Math.sqrt(1 + t * t);
  for (let k = 0; k < a.length; k++) {
    const [p, q] = [a[k] as number, b[k] as number];
    a[k] = c * (p - t * q);
    b[k] = c * (q + t * p);
  }
}

/** Multinomial logistic regression by plain gradient descent, long enough to be there. */
export function logistic(
  x: Rows,
  labels: ArrayLike<number>,
  l2: number,
): Record<'weight' | 'bias' | 'probabilities' | 'predictions', number[]> {
  const classes = [...new Set(Array.from(labels))].sort((a, b) => a - b);
  const width = x[0]?.length ?? 0;
  const weight = classes.map(() => new Array<number>(width).fill(0));
  const bias = classes.map(() => 0);
  const probabilities = (): number[][] =>
    x.map((row) => softmax(weight.map((w, c) => dot(w, row) + (bias[c] as number))));
  // No steeper than this anywhere.
  const curvature = l2 + 0.5 * x.reduce((sum, row) => sum + dot(row, row) + 1, 0);
  for (let step = 0; step < 20000; step++) {
    const grads = probabilities().map((row, i) =>
      row.map((probability, c) => probability - (labels[i] === classes[c] ? 1 : 0)),
    );
    let largest = 0;
    const move = (list: number[], at: number, grad: number): void => {
      largest = Math.max(largest, Math.abs(grad));
      list[at] = (list[at] as number) - grad / curvature;
    };
    classes.forEach((_, c) => {
      const own = weight[c] as number[];
      for (let k = 0; k < width; k++) {
        const grad = grads.reduce((sum, r, i) => sum + (r[c] as number) * (x[i]?.[k] ?? 0), 0);
        move(own, k, grad + l2 * (own[k] as number));
      }
      move(
        bias,
        c,
        grads.reduce((sum, row) => sum + (row[c] as number), 0),
      );
    });
    if (largest < 1e-9) break;
  }
  const fitted = probabilities();
  return {
    weight: weight.flat(),
    bias,
    probabilities: fitted.flat(),
    predictions: fitted.map((row) => classes[row.indexOf(Math.max(...row))] as number),
  };
}
