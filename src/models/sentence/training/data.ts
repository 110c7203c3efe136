/** The kinds of data that a sentence encoder learns from, and their checks. */

import { type MatrixInput, type MatrixLike, readMatrix } from '../../../core/matrix.js';
import {
  checkIntegers,
  type Labels,
  rangeError,
  show,
  typeError,
} from '../../../core/validation.js';

/** A text and another one that means the same, answers it or belongs to it. */
export type TextPair = readonly [anchor: string, positive: string];

/** Pairs of texts: each anchor has to find its positive among those of the batch. */
export interface PairData {
  /** At least two pairs, each of two texts: anchor and positive. */
  pairs: readonly (readonly string[])[];
  /** For each pair a text, or several, that are no answer although they look like one. */
  negatives?: readonly (string | readonly string[])[] | undefined;
  /** For each pair a whole number: pairs of equal ones are never each other's negatives. */
  ids?: Labels | undefined;
}

/** Texts with a label each: those of one label are each other's positives. */
export interface LabelData {
  /** At least two texts. */
  texts: readonly string[];
  /** For each text a name or a whole number. */
  labels: readonly (string | number)[] | Labels;
}

/** Pairs of texts with a number that says how near they are; only its order counts. */
export interface ScoreData {
  /** At least two pairs, each of two texts: anchor and positive. */
  pairs: readonly (readonly string[])[];
  /** For each pair a number, larger where its texts are nearer. */
  scores: ArrayLike<number>;
}

/** Texts alone: two parts of a text are each other's positives. */
export interface TextData {
  /** At least two texts of two words or more. */
  texts: readonly string[];
}

/** Texts with the rows that another model gave for them. */
export interface EmbeddingData {
  /** At least two texts. */
  texts: readonly string[];
  /** (texts, d): the other model's row of each text. */
  embeddings: MatrixLike;
}

/** Data that `train` takes for a `SentenceEncoder`. */
export type SentenceData = PairData | LabelData | ScoreData | TextData | EmbeddingData;

/** Kinds of data. */
export type SentenceKind = 'pairs' | 'labels' | 'scores' | 'texts' | 'embeddings';

/** Checked data. */
export type Examples =
  | {
      kind: 'pairs';
      pairs: readonly TextPair[];
      negatives: readonly (readonly string[])[];
      ids: ArrayLike<number> | undefined;
    }
  | { kind: 'labels'; texts: readonly string[]; labels: Int32Array }
  | { kind: 'scores'; pairs: readonly TextPair[]; scores: Float32Array }
  | { kind: 'texts'; texts: readonly string[] }
  | { kind: 'embeddings'; texts: readonly string[]; embeddings: MatrixInput };

const NAME = 'train';

const FORMS =
  '{ pairs, negatives, ids }, { pairs, scores }, { texts, labels }, { texts, embeddings } or { texts }';

/**
 * Reads and checks the data of a training.
 *
 * @throws {TypeError | RangeError} if it is none of the kinds, or its parts do not fit
 */
export function readExamples(data: unknown): Examples {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    typeError(NAME, 'data', FORMS, data);
  }
  const given = data as Readonly<Record<string, unknown>>;
  const keys = Object.keys(given).filter((key) => given[key] !== undefined);
  const has = (...allowed: string[]): boolean => keys.every((key) => allowed.includes(key));
  if (keys.includes('pairs')) {
    const pairs = checkPairs(given.pairs);
    if (keys.includes('scores') && has('pairs', 'scores')) {
      return { kind: 'scores', pairs, scores: checkScores(given.scores, pairs.length) };
    }
    if (has('pairs', 'negatives', 'ids')) {
      const ids =
        given.ids === undefined
          ? undefined
          : checkIntegers(NAME, 'data.ids', given.ids, { of: pairs.length, what: 'one per pair' });
      const negatives = checkNegatives(given.negatives, pairs.length);
      return { kind: 'pairs', pairs, negatives, ids };
    }
  } else if (keys.includes('texts')) {
    const texts = checkTexts(given.texts);
    if (has('texts')) return { kind: 'texts', texts };
    if (has('texts', 'labels')) {
      return { kind: 'labels', texts, labels: checkLabels(given.labels, texts.length) };
    }
    if (has('texts', 'embeddings')) {
      const embeddings = readMatrix(NAME, 'data.embeddings', given.embeddings);
      if (embeddings.rows !== texts.length) {
        rangeError(NAME, 'data.embeddings', `of ${texts.length} rows (the texts)`, embeddings.rows);
      }
      return { kind: 'embeddings', texts, embeddings };
    }
  }
  throw new TypeError(`${NAME}: data must be ${FORMS}, got an object of ${keys.join(', ')}`);
}

function checkList(argument: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) typeError(NAME, argument, 'an array', value);
  return value;
}

function checkText(argument: string, value: unknown): string {
  if (typeof value !== 'string') typeError(NAME, argument, 'a string', value);
  return value;
}

function checkTexts(value: unknown): readonly string[] {
  const texts = checkList('data.texts', value);
  if (texts.length < 2) rangeError(NAME, 'data.texts', 'at least two texts', texts.length);
  for (let i = 0; i < texts.length; i++) checkText(`data.texts[${i}]`, texts[i]);
  return texts as readonly string[];
}

function checkPairs(value: unknown): readonly TextPair[] {
  const pairs = checkList('data.pairs', value);
  if (pairs.length < 2) rangeError(NAME, 'data.pairs', 'at least two pairs', pairs.length);
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i];
    if (!Array.isArray(pair)) typeError(NAME, `data.pairs[${i}]`, 'a pair of texts', pair);
    if (pair.length !== 2) rangeError(NAME, `data.pairs[${i}]`, 'two texts', pair.length);
    checkText(`data.pairs[${i}][0]`, pair[0]);
    checkText(`data.pairs[${i}][1]`, pair[1]);
  }
  return pairs as readonly TextPair[];
}

function checkNegatives(value: unknown, pairs: number): readonly (readonly string[])[] {
  if (value === undefined) return [];
  const lists = checkList('data.negatives', value);
  if (lists.length !== pairs) {
    rangeError(NAME, 'data.negatives', `${pairs} long (one per pair)`, lists.length);
  }
  return lists.map((list, i) => {
    if (typeof list === 'string') return [list];
    const texts = checkList(`data.negatives[${i}]`, list);
    for (let k = 0; k < texts.length; k++) checkText(`data.negatives[${i}][${k}]`, texts[k]);
    return texts as readonly string[];
  });
}

function checkScores(value: unknown, pairs: number): Float32Array {
  const scores = value as ArrayLike<unknown> | null | undefined;
  if (typeof scores !== 'object' || scores === null || typeof scores.length !== 'number') {
    typeError(NAME, 'data.scores', 'an array of numbers', value);
  }
  if (scores.length !== pairs) {
    rangeError(NAME, 'data.scores', `${pairs} long (one per pair)`, scores.length);
  }
  const numbers = new Float32Array(pairs);
  for (let i = 0; i < pairs; i++) {
    const score = scores[i];
    if (typeof score !== 'number') typeError(NAME, `data.scores[${i}]`, 'a number', score);
    numbers[i] = score;
    if (!Number.isFinite(numbers[i])) rangeError(NAME, `data.scores[${i}]`, 'finite', score);
  }
  if (numbers.every((score) => score === numbers[0])) {
    rangeError(NAME, 'data.scores', 'of at least two values', show(numbers[0]));
  }
  return numbers;
}

/** Numbers of the labels in the order in which they come. */
function checkLabels(value: unknown, texts: number): Int32Array {
  const isNames = Array.isArray(value) && value.some((label) => typeof label === 'string');
  const labels: ArrayLike<unknown> = isNames
    ? value
    : checkIntegers(NAME, 'data.labels', value, { of: texts, what: 'one per text' });
  if (labels.length !== texts) {
    rangeError(NAME, 'data.labels', `${texts} long (one per text)`, labels.length);
  }
  const numbers = new Map<string, number>();
  const result = new Int32Array(texts);
  for (let i = 0; i < texts; i++) {
    const label = labels[i];
    if (typeof label !== 'string' && !Number.isInteger(label)) {
      typeError(NAME, `data.labels[${i}]`, 'a string or a whole number', label);
    }
    const key = String(label);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    result[i] = number;
  }
  if (numbers.size < 2) rangeError(NAME, 'data.labels', 'of at least two classes', numbers.size);
  return result;
}
