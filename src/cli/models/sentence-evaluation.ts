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
import { type SentenceEncoder, selectRows } from '../../models/index.js';
import type { Examples } from '../input/examples.js';

/** Documents that a search is measured over, besides those of the held-out pairs, by a static encoder. */
export const MAX_DOCUMENTS = 200_000;
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
 * @param max further documents at most that a search has besides those of held-out pairs
 */
export function evaluationTask(
  examples: Examples,
  own: readonly number[],
  known: readonly number[],
  max: number,
): EvaluationTask {
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

/** Rows of a task's texts by one encoder, from which all of its metrics are computed. */
export interface TaskRows {
  /** Rows of queries, of the first texts of pairs, or of the texts to classify. */
  readonly own: Matrix;
  /** Rows of documents, of second texts, or of the texts whose labels are known. */
  readonly others: Matrix;
  /** Function that compares them. */
  readonly metric: 'cosine' | 'dot' | 'euclidean';
}

/** A task with what does not change while an encoder is trained. */
export class Evaluation {
  readonly task: EvaluationTask;
  #index: Bm25 | undefined;

  constructor(task: EvaluationTask) {
    this.task = task;
  }

  /** Both sides of the task: what is asked, and what it is compared with. */
  get #sides(): { own: readonly string[]; others: readonly string[] } {
    const { task } = this;
    if (task.kind === 'search') return { own: task.queries, others: task.documents };
    if (task.kind === 'labels') return { own: task.texts, others: task.train };
    if (task.kind === 'teacher') return { own: task.texts, others: [] };
    const [own, others] = [0, 1].map((side) => task.pairs.map((pair) => pair[side] as string));
    return { own: own as string[], others: others as string[] };
  }

  get #words(): Bm25 {
    const { own, others } = this.#sides;
    this.#index ??= new Bm25(this.task.kind === 'teacher' ? own : others);
    return this.#index;
  }

  /** Texts that an encoder has to encode, each once. */
  get texts(): readonly string[] {
    const { own, others } = this.#sides;
    return [...new Set([...own, ...others])];
  }

  /** Takes the rows of `texts` apart into the sides of the task. */
  taskRows(encoder: SentenceEncoder, encoded = encoder.encode(this.texts)): TaskRows {
    const { own, others } = this.#sides;
    const indices = new Map(this.texts.map((text, i) => [text, i]));
    const take = (side: readonly string[]): Matrix =>
      selectRows(
        encoded,
        side.map((text) => indices.get(text) as number),
      );
    const { similarityName } = encoder;
    return {
      own: take(own),
      others: this.task.kind === 'teacher' ? this.task.rows : take(others),
      metric: similarityName === 'manhattan' ? 'cosine' : similarityName,
    };
  }

  /** Measures an encoder by its rows. */
  measure(rows: TaskRows): Score {
    const { task } = this;
    if (task.kind === 'search' || task.kind === 'teacher') {
      return rankingScore(task, rankingsOf(nearest(rows), rows.own.rows));
    }
    if (task.kind === 'scores') return correlation(pairCosines(rows.own, rows.others), task.scores);
    const k = Math.min(20, rows.others.rows);
    return accuracy(task.labels, knnClassify(rows.others, task.trainLabels, rows.own, { k }));
  }

  /** Further metrics of an encoder, by name. */
  further(rows: TaskRows): Record<string, number> {
    const { task } = this;
    if (task.kind === 'search') {
      const rankings = rankingsOf(nearest(rows), task.queries.length);
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
    const { mapAtR } = evaluateEmbeddings(rows.own, task.labels);
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
  measureHybrid(rows: TaskRows): Score | undefined {
    const { task } = this;
    if (task.kind !== 'search') return undefined;
    return rankingScore(task, this.#hybrid(rows, task));
  }

  /** Shows what an encoder makes of the first query or pair. */
  sample(rows: TaskRows): string {
    const { task } = this;
    const first = selectRows(rows.own, [0]);
    if (task.kind === 'scores') {
      const [[a, b] = ['', '']] = task.pairs;
      const [cosine] = pairCosines(first, rows.others);
      return `${shorten(a)} · ${shorten(b)}: cosine ${(cosine as number).toFixed(2)}`;
    }
    const { own, others } = this.#sides;
    const [index] = nearest({ ...rows, own: first }).indices;
    return `${shorten(own[0] ?? '')} → ${shorten(others[index as number] ?? `row ${index}`)}`;
  }

  #hybrid({ own, others, metric }: TaskRows, { queries }: SearchTask): Int32Array[] {
    const corpus = { texts: this.#words, embeddings: others };
    const asked = { texts: queries, embeddings: own };
    return rankingsOf(hybridSearch(asked, corpus, K, { metric }), queries.length);
  }

  /** Rankings by an encoder, by words and by both; undefined where nothing is searched. */
  rankings(rows: TaskRows): Rankings | undefined {
    const { task } = this;
    if (task.kind !== 'search') return undefined;
    const count = task.queries.length;
    return {
      encoder: rankingsOf(nearest(rows), count),
      words: rankingsOf(this.#words.topK(task.queries, K), count),
      both: this.#hybrid(rows, task),
    };
  }
}

/** Nearest rows of the other side. */
function nearest({ own, others, metric }: TaskRows): { indices: Int32Array } {
  return topK(own, others, K, { metric });
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

/**
 * Says in a few words what a comparison shows, wherever one is shown.
 *
 * @param what what may help: `training`
 */
export function outcomeOf({ verdict, interval }: Gain, what: string): string {
  if (verdict === 'too few') return `too few to tell whether ${what} helps`;
  if (verdict === 'helps') return `${what} helps`;
  // An interval that contains 0 shows neither a gain nor a loss.
  return interval[1] < 0 ? `${what} makes it worse` : `nothing is shown of whether ${what} helps`;
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
