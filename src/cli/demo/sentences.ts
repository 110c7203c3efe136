/**
 * Search by a sentence encoder that learns from pairs of the texts that are searched: operations of
 * GitHub's API, and messages of TypeScript's compiler in two languages.
 */

import { loadEnglish } from '../../english.js';
import type { Matrix } from '../../index.js';
import { type SentenceEncoder, train } from '../../models/index.js';
import { sentenceTrainDefaults } from '../../models/sentence/training/trainer.js';
import {
  Evaluation,
  evaluationTask,
  MAX_DOCUMENTS,
  type Rankings,
  type Score,
} from '../models/sentence-evaluation.js';
import type { Pair, PairSet } from './pairs.js';
import type { SectionContext } from './section.js';

/** An encoder on held-out pairs: alone, and together with BM25. */
export interface Measured {
  alone: Score;
  withWords: Score;
  rankings: Rankings;
  /** Rows of the first held-out queries, and of their documents after them. */
  rows: Matrix;
}

/** Pairs in, and the search before and after. */
export interface SearchStudy {
  evaluation: Evaluation;
  words: Score;
  before: Measured;
  after: Measured;
  /** Scores after training on fewer pairs; all of them last. */
  curve: { pairs: number; alone: Score; withWords: Score }[];
  losses: number[];
}

/** Pairs that are drawn. */
export const DRAWN = 120;

function measure(evaluation: Evaluation, encoder: SentenceEncoder, heldOut: Pair[]): Measured {
  const shown = heldOut.slice(0, DRAWN);
  const rows = evaluation.taskRows(encoder);
  return {
    alone: evaluation.measure(rows),
    withWords: evaluation.measureHybrid(rows) as Score,
    rankings: evaluation.rankings(rows) as Rankings,
    rows: encoder.encode([...shown.map(([query]) => query), ...shown.map(([, text]) => text)]),
  };
}

/** Options of a study. */
interface Plan {
  /** Numbers of pairs, rising; the last one is all. */
  counts: readonly number[];
  /** Steps of each training; by default as many as `train` chooses. */
  steps?: number;
  /** Range of the section's time. */
  range: readonly [number, number];
  name: string;
}

/** Trains the encoder in the package on so many of the pairs, and measures it on the held-out ones. */
export async function studySearch(
  { training, heldOut }: PairSet,
  { counts, steps, range, name }: Plan,
  { seed, terminal }: SectionContext,
): Promise<SearchStudy> {
  const pairs = [...heldOut, ...training];
  const examples = { kind: 'pairs' as const, pairs, negatives: pairs.map(() => []) };
  const own = heldOut.map((_, i) => i);
  const evaluation = new Evaluation(evaluationTask(examples, own, own, MAX_DOCUMENTS));
  const words = evaluation.measureWords() as Score;
  let encoder = await loadEnglish();
  const before = measure(evaluation, encoder, heldOut);
  const lengths = counts.map(
    (count) => steps ?? sentenceTrainDefaults(encoder, 'pairs', count).steps,
  );
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const progress = terminal.progress(name, total, { range });
  const curve: SearchStudy['curve'] = [];
  let losses: number[] = [];
  let done = 0;
  for (const [i, count] of counts.entries()) {
    if (i > 0) {
      encoder.dispose();
      encoder = await loadEnglish();
    }
    losses = [];
    const data = { pairs: training.slice(0, count) };
    for await (const { loss } of train(encoder, data, { steps: lengths[i] as number, seed })) {
      losses.push(loss);
      await progress.step(++done, loss);
    }
    const rows = evaluation.taskRows(encoder);
    const alone = evaluation.measure(rows);
    curve.push({ pairs: count, alone, withWords: evaluation.measureHybrid(rows) as Score });
  }
  progress.end();
  const after = measure(evaluation, encoder, heldOut);
  encoder.dispose();
  return { evaluation, words, before, after, curve, losses };
}
