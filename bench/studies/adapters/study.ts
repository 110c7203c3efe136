/** One cell of the study: some pairs or labels of a source, tuned and measured on an untouched part. */

import { evaluateRetrieval, type Matrix } from 'nearfar';
import {
  Adapter,
  type AdapterData,
  type AdapterReport,
  fitAdapter,
  tuneAdapter,
} from 'nearfar/adapt';
import { Random } from '../../../src/core/random.js';
import type { LabelSource, PairSource, Source } from './data.js';

/** Queries of the untouched part at most. */
const MAX_TEST = 500;
/** Fraction of the groups that stays untouched. */
const TEST_FRACTION = 0.4;

/** Findings of `tuneAdapter` on some pairs or labels. */
export interface Tuned {
  source: string;
  count: number;
  seed: number;
  /** From the report; the form is the best one, whether it is worth shipping or not. */
  found: { base: number; gain: number; confidence: number; count: number; form: string };
  /** CPU seconds of `tuneAdapter`. */
  seconds: number;
}

/** A cell: on the untouched part the base, and each form trained on all of its pairs or labels. */
export interface Cell extends Tuned {
  test: { base: number; forms: Record<string, number> };
}

function selectRows(matrix: Matrix, rows: readonly number[]): Matrix {
  const { data, cols } = matrix;
  const selected = new Float32Array(rows.length * cols);
  rows.forEach((row, i) => {
    selected.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return { data: selected, rows: rows.length, cols };
}

const meanOf = (list: readonly number[]): number =>
  list.reduce((sum, value) => sum + value, 0) / list.length;

/** Splits rows by group: those that may be trained on, and those that stay untouched. */
function splitRows(groups: readonly string[], random: Random): [number[], number[]] {
  const names = random.shuffle([...new Set(groups)]);
  const held = new Set(names.slice(0, Math.ceil(TEST_FRACTION * names.length)));
  const rows = random.shuffle(groups.map((_, row) => row));
  const isHeld = (row: number): boolean => held.has(groups[row] as string);
  return [rows.filter((row) => !isHeld(row)), rows.filter(isHeld).slice(0, MAX_TEST)];
}

interface Prepared {
  data: AdapterData;
  /** The metric of an adapter on the untouched part. */
  measure(adapter: Adapter | undefined): number;
}

/** @param shuffle whether pairs and labels are put in random order, so that there is nothing to learn */
function preparePairs(
  { queries, documents, groups }: PairSource,
  count: number,
  random: Random,
  shuffle: boolean,
): Prepared {
  const [training, test] = splitRows(groups, random);
  const chosen = training.slice(0, count);
  const targets = shuffle ? random.shuffle(chosen.slice()) : chosen;
  const pairs = chosen.map((row, i): [number, number] => [row, targets[i] as number]);
  const asked = selectRows(queries, test);
  // A document that is there several times is found each time.
  const copies = new Map<string, number[]>();
  const keyOf = (row: number): string =>
    documents.data.subarray(row * documents.cols, row * documents.cols + 8).join();
  for (let row = 0; row < documents.rows; row++) {
    const list = copies.get(keyOf(row));
    if (list === undefined) copies.set(keyOf(row), [row]);
    else list.push(row);
  }
  const relevant = test.map((row) => copies.get(keyOf(row)) ?? [row]);
  return {
    data: { queries, documents, pairs },
    measure(adapter) {
      const q = adapter?.apply(asked) ?? asked;
      const d = adapter?.apply(documents, { side: 'document' }) ?? documents;
      return evaluateRetrieval(q, d, relevant).mrrAt[10] as number;
    },
  };
}

function prepareLabels(
  { embeddings, labels }: LabelSource,
  count: number,
  random: Random,
  shuffle: boolean,
): Prepared {
  const [training, test] = splitRows(
    labels.map((_, row) => String(row)),
    random,
  );
  const chosen = training.slice(0, count);
  const own = chosen.map((row) => labels[row] as number);
  const rows = selectRows(embeddings, chosen);
  const asked = selectRows(embeddings, test);
  const relevant = test.map((row) => own.flatMap((label, i) => (label === labels[row] ? [i] : [])));
  return {
    data: { embeddings: rows, labels: shuffle ? random.shuffle(own.slice()) : own },
    // As in the report: the mean over labels.
    measure(adapter) {
      const q = adapter?.apply(asked) ?? asked;
      const d = adapter?.apply(rows, { side: 'document' }) ?? rows;
      const { perQuery } = evaluateRetrieval(q, d, relevant, { perQuery: true });
      const byLabel = new Map<number, number[]>();
      perQuery.ndcg[10]?.forEach((value, i) => {
        const label = labels[test[perQuery.queries[i] as number] as number] as number;
        byLabel.set(label, [...(byLabel.get(label) ?? []), value]);
      });
      const means = [...byLabel.values()].map(meanOf);
      return meanOf(means);
    },
  };
}

function prepare(source: Source, count: number, seed: number, shuffle: boolean): Prepared {
  const random = new Random(seed, 1000, count);
  return 'queries' in source
    ? preparePairs(source, count, random, shuffle)
    : prepareLabels(source, count, random, shuffle);
}

/** Tunes, and gets the best form whatever its verdict is: a rule is applied to what was found. */
async function tune(
  { name: source }: Source,
  count: number,
  seed: number,
  data: AdapterData,
): Promise<Tuned & { adapter: Adapter; report: AdapterReport }> {
  const start = process.cpuUsage();
  const { adapter, report } = await tuneAdapter(data, { seed, level: 1e-6, minGain: 0 });
  const { user, system } = process.cpuUsage(start);
  const { base, gain, confidence, count: values, form } = report;
  const found = { base, gain, confidence, count: values, form: form?.name ?? 'none' };
  return { source, count, seed, found, seconds: (user + system) / 1e6, adapter, report };
}

/** Tunes on real pairs or labels, trains every other form too, and measures all of them. */
export async function runCell(source: Source, count: number, seed: number): Promise<Cell> {
  const { data, measure } = prepare(source, count, seed, false);
  const { adapter, report, ...tuned } = await tune(source, count, seed, data);
  const forms: Record<string, number> = {};
  if (report.verdict === 'helps') forms[tuned.found.form] = measure(adapter);
  adapter.dispose();
  for (const { name, options, steps } of report.forms) {
    if (options === undefined || name in forms) continue;
    const other = new Adapter(options);
    // A form that fell behind early was measured after few steps only.
    const all = {
      ...{ steps: Math.max(steps, report.form?.steps ?? 0), seed, validation: 0 },
      ...('pairs' in data && { randomNegatives: 0 }),
    };
    for await (const { loss } of fitAdapter(other, data, all)) void loss;
    forms[name] = measure(other);
    other.dispose();
  }
  return { ...tuned, test: { base: measure(undefined), forms } };
}

/** Tunes on pairs or labels in random order; nothing may be shipped. */
export async function runShuffled(source: Source, count: number, seed: number): Promise<Tuned> {
  const { data } = prepare(source, count, seed, true);
  const { adapter, report, ...tuned } = await tune(source, count, seed, data);
  adapter.dispose();
  return tuned;
}
