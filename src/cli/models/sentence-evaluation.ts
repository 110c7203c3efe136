/** Metrics of sentence encoders on held-out examples, next to those of BM25. */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import {
  Bm25,
  compareRankings,
  evaluateEmbeddings,
  evaluateRankings,
  hybridSearch,
  knnClassify,
  type Matrix,
  spearman,
  topK,
} from '../../index.js';
import type { SentenceEncoder } from '../../models/index.js';
import type { Examples } from '../input/examples.js';

/** Documents that a search is measured over, besides those of the held-out pairs, by a transformer. */
const MAX_DOCUMENTS = { bert: 2000, static: 200_000 } as const;
/** Ranks that metrics look at. */
const K = 10;

/** A search task: texts of queries and documents, and which belong together. */
export interface SearchTask {
  readonly kind: 'search';
  readonly queries: readonly string[];
  readonly documents: readonly string[];
  readonly relevant: readonly (readonly number[])[];
}

/** Graded pairs. */
interface ScoreTask {
  readonly kind: 'scores';
  readonly pairs: readonly (readonly [string, string])[];
  readonly scores: readonly number[];
}

/** Texts with labels, and those whose labels are known. */
interface LabelTask {
  readonly kind: 'labels';
  readonly train: readonly string[];
  readonly trainLabels: readonly number[];
  readonly texts: readonly string[];
  readonly labels: readonly number[];
  /** Names of the classes. */
  readonly names: readonly string[];
}

/** Texts whose rows are to be found among those that a teacher gave. */
interface TeacherTask {
  readonly kind: 'teacher';
  readonly texts: readonly string[];
  readonly rows: Matrix;
  readonly relevant: readonly (readonly number[])[];
}

/** A task that encoders are measured by. */
export type EvaluationTask = SearchTask | ScoreTask | LabelTask | TeacherTask;

/** A figure of a task, and that of each query where it is their mean. */
export interface Score {
  readonly value: number;
  readonly perQuery?: ArrayLike<number>;
  /** Predicted and true scores of each pair, where it is their correlation. */
  readonly correlated?: { predicted: readonly number[]; scores: readonly number[] };
}

/** Name of the figure of each kind of task. */
export const FIGURES = {
  search: 'mrrAt10',
  scores: 'spearman',
  labels: 'knnAccuracy',
  teacher: 'mrrAt10',
} as const;

/** Cuts a text in two at the middle of its words, as training on texts alone does somewhere. */
function halves(text: string): [string, string] | undefined {
  const words = text.trim().split(/\s+/);
  if (words.length < 2) return undefined;
  const middle = words.length >> 1;
  return [words.slice(0, middle).join(' '), words.slice(middle).join(' ')];
}

/** Makes the search for the second texts of some pairs among those of all pairs. */
function searchTask(
  own: readonly (readonly [string, string])[],
  all: readonly (readonly [string, string])[],
  maxDocuments: number,
): SearchTask {
  const documents = new Map<string, number>();
  const add = (text: string): void => {
    if (!documents.has(text)) documents.set(text, documents.size);
  };
  for (const [, document] of own) add(document);
  const limit = documents.size + maxDocuments;
  for (const [, document] of all) if (documents.size < limit) add(document);
  const relevant = new Map<string, Set<number>>();
  for (const [query] of own) relevant.set(query, new Set());
  for (const [query, document] of all) {
    const index = documents.get(document);
    if (index !== undefined) relevant.get(query)?.add(index);
  }
  return {
    kind: 'search',
    queries: [...relevant.keys()],
    documents: [...documents.keys()],
    relevant: [...relevant.values()].map((rows) => [...rows]),
  };
}

/**
 * Makes the task of held-out examples.
 *
 * @param own indices of those that are held out
 * @param known indices of those whose labels are known
 */
export function evaluationTask(
  examples: Examples,
  own: readonly number[],
  known: readonly number[],
  kind: SentenceEncoder['kind'],
): EvaluationTask {
  const max = MAX_DOCUMENTS[kind];
  switch (examples.kind) {
    case 'pairs':
      return searchTask(
        own.map((i) => examples.pairs[i] as [string, string]),
        examples.pairs,
        max,
      );
    case 'texts': {
      const parts = examples.texts.map(halves);
      const taken = own.flatMap((i) => (parts[i] === undefined ? [] : [parts[i]]));
      return searchTask(
        taken,
        parts.filter((pair) => pair !== undefined),
        max,
      );
    }
    case 'scores':
      return {
        kind: 'scores',
        pairs: own.map((i) => examples.pairs[i] as [string, string]),
        scores: own.map((i) => examples.scores[i] as number),
      };
    case 'labels': {
      const names = new Map<string, number>();
      for (const label of examples.labels) if (!names.has(label)) names.set(label, names.size);
      const labelOf = (i: number): number => names.get(examples.labels[i] as string) as number;
      return {
        kind: 'labels',
        train: known.map((i) => examples.texts[i] as string),
        trainLabels: known.map(labelOf),
        texts: own.map((i) => examples.texts[i] as string),
        labels: own.map(labelOf),
        names: [...names.keys()],
      };
    }
  }
}

/** Makes the task of finding the teacher's rows of held-out texts among all of them. */
export function teacherTask(
  texts: readonly string[],
  own: readonly number[],
  rows: Matrix,
): EvaluationTask {
  const equal = new Map<string, number[]>();
  texts.forEach((text, i) => {
    const list = equal.get(text);
    if (list === undefined) equal.set(text, [i]);
    else list.push(i);
  });
  const asked = own.map((i) => texts[i] as string);
  const relevant = asked.map((text) => equal.get(text) as number[]);
  return { kind: 'teacher', texts: asked, rows, relevant };
}

/** Number of queries, pairs or texts that a task measures with. */
export function sizeOf(task: EvaluationTask): number {
  if (task.kind === 'search') return task.queries.length;
  return task.kind === 'scores' ? task.pairs.length : task.texts.length;
}

/** Cuts the result of a search into the rankings of the queries. */
export function rankingsOf({ indices }: { indices: Int32Array }, queries: number): Int32Array[] {
  const width = indices.length / queries;
  return Array.from({ length: queries }, (_, q) => indices.subarray(q * width, (q + 1) * width));
}

function rankingScore(
  { relevant }: Pick<SearchTask, 'relevant'>,
  rankings: readonly Int32Array[],
): Score {
  const { mrrAt, perQuery } = evaluateRankings(rankings, relevant, { ks: [K], perQuery: true });
  return { value: mrrAt[K] as number, perQuery: perQuery.mrrAt[K] as Float32Array };
}

/** Cosines of the rows of two matrices, pair by pair. */
function pairCosines(a: Matrix, b: Matrix): number[] {
  return Array.from({ length: a.rows }, (_, row) => {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = row * a.cols; i < (row + 1) * a.cols; i++) {
      const [x, y] = [a.data[i] as number, b.data[i] as number];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
  });
}

function accuracy(labels: readonly number[], found: ArrayLike<number>): Score {
  const perQuery = labels.map((label, i) => (label === found[i] ? 1 : 0));
  const sum = perQuery.reduce<number>((total, hit) => total + hit, 0);
  return { value: sum / labels.length, perQuery };
}

function correlation(predicted: readonly number[], scores: readonly number[]): Score {
  return { value: spearman(predicted, scores), correlated: { predicted, scores } };
}

/** Rankings of an encoder, of BM25, and of both. */
export interface Rankings {
  encoder: Int32Array[];
  words: Int32Array[];
  both: Int32Array[];
}

/** The beginning of a text, in one line. */
function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

/** A task with what does not change while an encoder is trained. */
export class Evaluation {
  readonly task: EvaluationTask;
  #index: Bm25 | undefined;

  constructor(task: EvaluationTask) {
    this.task = task;
  }

  get #words(): Bm25 {
    const { task } = this;
    if (this.#index === undefined) {
      const texts =
        task.kind === 'search'
          ? task.documents
          : task.kind === 'scores'
            ? task.pairs.map(([, second]) => second)
            : task.kind === 'labels'
              ? task.train
              : task.texts;
      this.#index = new Bm25(texts);
    }
    return this.#index;
  }

  /** Measures an encoder. */
  measure(encoder: SentenceEncoder): Score {
    const { task } = this;
    if (task.kind === 'search') {
      return rankingScore(task, rankingsOf(this.#nearest(encoder, task), task.queries.length));
    }
    if (task.kind === 'teacher') {
      const found = topK(encoder.encode(task.texts), task.rows, K);
      return rankingScore(task, rankingsOf(found, task.texts.length));
    }
    if (task.kind === 'scores') {
      const [a, b] = [0, 1].map((side) =>
        encoder.encode(task.pairs.map((pair) => pair[side] as string)),
      ) as [Matrix, Matrix];
      return correlation(pairCosines(a, b), task.scores);
    }
    const [train, texts] = [encoder.encode(task.train), encoder.encode(task.texts)];
    const found = knnClassify(train, task.trainLabels, texts, { k: Math.min(20, train.rows) });
    return accuracy(task.labels, found);
  }

  /** Further metrics of an encoder, by name. */
  further(encoder: SentenceEncoder): Record<string, number> {
    const { task } = this;
    if (task.kind === 'search') {
      const rankings = rankingsOf(this.#nearest(encoder, task), task.queries.length);
      const { recall, ndcg } = evaluateRankings(rankings, task.relevant, { ks: [1, K] });
      return {
        recallAt1: recall[1] as number,
        recallAt10: recall[K] as number,
        ndcgAt10: ndcg[K] as number,
        documents: task.documents.length,
      };
    }
    if (task.kind === 'scores' || task.kind === 'teacher') return {};
    const counts = new Map<number, number>();
    for (const label of task.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    if (![...counts.values()].some((count) => count > 1)) return {};
    const { mapAtR } = evaluateEmbeddings(encoder.encode(task.texts), task.labels);
    return { mapAtR, classes: new Set(task.trainLabels).size };
  }

  /** Measures BM25; undefined where it can't do the task. */
  measureWords(): Score | undefined {
    const { task } = this;
    if (task.kind === 'teacher') return undefined;
    if (task.kind === 'search') {
      const found = this.#words.topK(task.queries, K);
      return rankingScore(task, rankingsOf(found, task.queries.length));
    }
    if (task.kind === 'scores') {
      const found = task.pairs.map(([first], i) => {
        const { indices, scores } = this.#words.topK(first, task.pairs.length);
        return scores[indices.indexOf(i)] ?? 0;
      });
      return correlation(found, task.scores);
    }
    const k = 20;
    const { indices, scores } = this.#words.topK(task.texts, k);
    const width = indices.length / task.texts.length;
    const found = task.texts.map((_, i) => {
      const votes = new Map<number, number>();
      for (let at = i * width; at < (i + 1) * width; at++) {
        const row = indices[at] as number;
        if (row < 0) break;
        const label = task.trainLabels[row] as number;
        votes.set(label, (votes.get(label) ?? 0) + (scores[at] as number));
      }
      const [best] = [...votes].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
      return best?.[0] ?? -1;
    });
    return accuracy(task.labels, found);
  }

  /** Measures the hybrid of an encoder and BM25; undefined where nothing is searched. */
  measureHybrid(encoder: SentenceEncoder): Score | undefined {
    const { task } = this;
    if (task.kind !== 'search') return undefined;
    return rankingScore(task, this.#hybrid(encoder, task));
  }

  /** Shows what an encoder makes of the first query or pair. */
  sample(encoder: SentenceEncoder): string {
    const { task } = this;
    if (task.kind === 'search') {
      const [query = ''] = task.queries;
      const { indices } = this.#nearest(encoder, { ...task, queries: [query] });
      return `${shorten(query)} → ${shorten(task.documents[indices[0] as number] as string)}`;
    }
    if (task.kind === 'scores') {
      const [[a, b] = ['', '']] = task.pairs;
      const [cosine] = pairCosines(encoder.encode(a), encoder.encode(b));
      return `${shorten(a)} · ${shorten(b)}: cosine ${(cosine as number).toFixed(2)}`;
    }
    const [text = ''] = task.texts;
    const rows = task.kind === 'labels' ? encoder.encode(task.train) : task.rows;
    const known = task.kind === 'labels' ? task.train : [];
    const { indices } = topK(encoder.encode(text), rows, 1);
    return `${shorten(text)} → ${shorten(known[indices[0] as number] ?? `row ${indices[0]}`)}`;
  }

  #hybrid(encoder: SentenceEncoder, { queries, documents }: SearchTask): Int32Array[] {
    const corpus = { texts: this.#words, embeddings: encoder.encode(documents) };
    const asked = { texts: queries, embeddings: encoder.encode(queries) };
    return rankingsOf(hybridSearch(asked, corpus, K), queries.length);
  }

  #nearest(encoder: SentenceEncoder, { queries, documents }: SearchTask): { indices: Int32Array } {
    const metric = encoder.similarityName === 'manhattan' ? 'cosine' : encoder.similarityName;
    return topK(encoder.encode(queries), encoder.encode(documents), K, { metric });
  }

  /** Rankings by an encoder, by words and by both; undefined where nothing is searched. */
  rankings(encoder: SentenceEncoder): Rankings | undefined {
    const { task } = this;
    if (task.kind !== 'search') return undefined;
    const count = task.queries.length;
    return {
      encoder: rankingsOf(this.#nearest(encoder, task), count),
      words: rankingsOf(this.#words.topK(task.queries, K), count),
      both: this.#hybrid(encoder, task),
    };
  }
}

/** Difference of two scores. */
export interface Gain {
  difference: number;
  interval: [low: number, high: number];
  verdict: 'helps' | 'no gain' | 'too few';
}

/** Queries from which on a verdict is given. */
const MIN_QUERIES = 30;

/** Samples of the bootstrap of a correlation, each of which sorts all pairs. */
const SAMPLES = 400;

/** Interval of the difference of two correlations, by a bootstrap over the pairs. */
function correlationInterval(
  before: readonly number[],
  after: readonly number[],
  scores: readonly number[],
): [low: number, high: number] {
  const n = scores.length;
  const differences = Float64Array.from({ length: SAMPLES }, (_, s) => {
    const random = new Random(0, STREAMS.bootstrap, s);
    const rows = Array.from({ length: n }, () => random.integer(n));
    const take = (list: readonly number[]): number[] => rows.map((row) => list[row] as number);
    return spearman(take(after), take(scores)) - spearman(take(before), take(scores));
  }).sort();
  const tail = Math.floor(0.025 * SAMPLES);
  return [differences[tail] as number, differences[SAMPLES - 1 - tail] as number];
}

/** Compares two scores of a task by their queries, texts or pairs. */
export function gainOf(before: Score, after: Score): Gain {
  const difference = after.value - before.value;
  let interval: [number, number] = [difference, difference];
  let count = 0;
  if (before.perQuery !== undefined && after.perQuery !== undefined) {
    count = after.perQuery.length;
    interval = compareRankings(before.perQuery, after.perQuery).interval;
  } else if (before.correlated !== undefined && after.correlated !== undefined) {
    const { predicted, scores } = after.correlated;
    count = scores.length;
    interval = correlationInterval(before.correlated.predicted, predicted, scores);
  }
  if (count < MIN_QUERIES) return { difference, interval, verdict: 'too few' };
  return { difference, interval, verdict: interval[0] > 0 ? 'helps' : 'no gain' };
}
