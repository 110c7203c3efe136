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
const MAX_TEST = 1000;
/** Fraction of the groups that stays untouched. */
const TEST_FRACTION = 0.4;

/** Result of a cell. */
export interface Cell {
  source: string;
  count: number;
  seed: number;
  verdict: AdapterReport['verdict'];
  /** Base, gain and lower bound of the report. */
  reported: { base: number; gain: number; low: number };
  form: string;
  /** On the untouched part: base, what was shipped, and each trained form. */
  test: { base: number; shipped: number; best: number; bestForm: string };
  seconds: number;
}

function selectRows(matrix: Matrix, rows: readonly number[]): Matrix {
  const { data, cols } = matrix;
  const selected = new Float32Array(rows.length * cols);
  rows.forEach((row, i) => {
    selected.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return { data: selected, rows: rows.length, cols };
}

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
    measure(adapter) {
      const q = adapter?.apply(asked) ?? asked;
      const d = adapter?.apply(rows, { side: 'document' }) ?? rows;
      return evaluateRetrieval(q, d, relevant).mapAt[10] as number;
    },
  };
}

function prepare(source: Source, count: number, seed: number, shuffle: boolean): Prepared {
  const random = new Random(seed, 1000, count);
  return 'queries' in source
    ? preparePairs(source, count, random, shuffle)
    : prepareLabels(source, count, random, shuffle);
}

/** Tunes on real pairs or labels, trains every other form too, and measures all of them. */
export async function runCell(source: Source, count: number, seed: number): Promise<Cell> {
  const { data, measure } = prepare(source, count, seed, false);
  const start = process.cpuUsage();
  const { adapter, report } = await tuneAdapter(data, { seed });
  const { user, system } = process.cpuUsage(start);
  const base = measure(undefined);
  const shipped = report.verdict === 'helps' ? measure(adapter) : base;
  let [best, bestForm] = [Math.max(base, shipped), report.form?.name ?? 'none'];
  for (const { name, options, steps } of report.forms) {
    if (options === undefined || (report.verdict === 'helps' && name === report.form?.name)) {
      continue;
    }
    const other = new Adapter(options);
    for await (const { loss } of fitAdapter(other, data, { steps, seed, validation: 0 })) void loss;
    const metric = measure(other);
    other.dispose();
    if (metric > best) [best, bestForm] = [metric, name];
  }
  const { base: reportedBase, gain, interval } = report;
  return {
    ...{ source: source.name, count, seed, verdict: report.verdict },
    reported: { base: reportedBase, gain, low: interval[0] },
    form: report.form?.name ?? 'none',
    test: { base, shipped, best, bestForm },
    seconds: (user + system) / 1e6,
  };
}

/** Tunes on pairs or labels in random order; nothing may be shipped. */
export async function runShuffled(
  source: Source,
  count: number,
  seed: number,
): Promise<Pick<Cell, 'source' | 'count' | 'seed' | 'verdict' | 'reported'>> {
  const { data } = prepare(source, count, seed, true);
  const { report } = await tuneAdapter(data, { seed });
  const { base, gain, interval } = report;
  const reported = { base, gain, low: interval[0] };
  return { source: source.name, count, seed, verdict: report.verdict, reported };
}
