/**
 * Study: static sentence encoders trained on pairs, against BM25 and untrained ones.
 *
 *   npm run sentences:data                 installs the texts, which only this study needs
 *   npm run sentences -- --write           every task, five seeds, to bench/results/sentences.json
 *   npm run sentences -- typescript --seeds 1 --width 256
 *   npm run sentences -- aws-services --from ../shared/models/minilm-static-256 --write
 *
 * With --from a loaded encoder is trained, or english, the one in the package; its results go to
 * a file of their own, sentences-NAME.json. With --write a task's results are written when it is
 * done, and other tasks of the file stay as they are: several runs make one table. --resume takes
 * the seeds that the file has and runs the others.
 */

import { basename } from 'node:path';
import { Bm25, type Matrix, reciprocalRankFusion, topK } from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import { loadSentenceEncoder, SentenceEncoder, train } from 'nearfar/models';
import { readResults } from '../../../build/docs/results.js';
import { readFolder } from '../../../build/files.js';
import { writeResults } from '../../results-file.js';
import { chooseNames, readArguments, readInt } from '../arguments.js';
import { type MeanStd, meanStd } from '../mean-std.js';
import { TASKS, type Task } from './data.js';

const { values, positionals } = readArguments(
  [
    'npm run sentences -- [task…] [--seeds <n>] [--width <n>] [--steps <n>]',
    '  [--from <folder>|english] [--write] [--resume]',
  ],
  {
    options: {
      seeds: { type: 'string', default: '5' },
      width: { type: 'string', default: '256' },
      steps: { type: 'string', default: '0' },
      from: { type: 'string', default: '' },
      write: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  },
);
const seeds = readInt('--seeds', values.seeds);
const width = readInt('--width', values.width);
const steps = readInt('--steps', values.steps, 0);
const K = 10;
/** Documents of each ranking whose reciprocal ranks are summed. */
const CANDIDATES = 100;

type Ranking = readonly (readonly number[])[];

/** Mean reciprocal rank and recall among the first ten. */
interface Measured {
  /** The document of the held-out pair alone is right. */
  mrr: number;
  recall: number;
  /** Every document that a pair has for the text of the query is right. */
  mrrAny: number;
}

function measure(ranking: Ranking, { relevant, accepted }: Task): Measured {
  let [mrr, found, mrrAny] = [0, 0, 0];
  for (const [i, all] of ranking.entries()) {
    const list = all.slice(0, K);
    const rank = list.indexOf(relevant[i] as number);
    const first = list.findIndex((document) => accepted[i]?.has(document));
    if (first >= 0) mrrAny += 1 / (first + 1);
    if (rank < 0) continue;
    mrr += 1 / (rank + 1);
    found++;
  }
  const count = ranking.length;
  return { mrr: mrr / count, recall: found / count, mrrAny: mrrAny / count };
}

/** Best documents of each query by an encoder, by all or the first columns. */
function rank(encoder: SentenceEncoder, { queries, corpus }: Task, dimensions: number): Ranking {
  const encode = (texts: readonly string[]): Matrix => encoder.encode(texts, { dimensions });
  const { indices } = topK(encode(queries), encode(corpus), CANDIDATES);
  return queries.map((_, i) => [...indices.subarray(i * CANDIDATES, (i + 1) * CANDIDATES)]);
}

/** Sums of reciprocal ranks of two rankings. */
function fuse(a: Ranking, b: Ranking): Ranking {
  return a.map((list, i) => [...reciprocalRankFusion([list, b[i] ?? []], K).indices]);
}

/** Results of one task and seed. */
interface Row {
  untrained: number;
  trained: number;
  trainedAny: number;
  half: number;
  hybrid: number;
  recall: number;
  cpuSeconds: number;
}

/** A new encoder, whose tokens come from the texts of training alone, or the one to begin from. */
function makeEncoder(task: Task, seed: number): SentenceEncoder | Promise<SentenceEncoder> {
  if (values.from === 'english') return loadEnglish();
  if (values.from !== '') return loadSentenceEncoder(readFolder(values.from));
  return new SentenceEncoder(task.train.flat(), { width, seed });
}

async function runSeed(task: Task, words: Ranking, seed: number): Promise<Row> {
  const start = process.cpuUsage();
  const encoder = await makeEncoder(task, seed);
  const made = process.cpuUsage(start);
  const untrained = measure(rank(encoder, task, encoder.width), task).mrr;
  const begin = process.cpuUsage();
  const options = steps === 0 ? { seed } : { seed, steps };
  for await (const { step, loss } of train(encoder, { pairs: task.train }, options)) {
    if (step % 100 === 0)
      process.stderr.write(`${task.name} ${seed}: ${step} ${loss.toFixed(3)}\r`);
  }
  const spent = process.cpuUsage(begin);
  const ranking = rank(encoder, task, encoder.width);
  const { mrr, recall, mrrAny } = measure(ranking, task);
  const half = measure(rank(encoder, task, Math.ceil(encoder.width / 2)), task).mrr;
  encoder.dispose();
  return {
    ...{ untrained, trained: mrr, trainedAny: mrrAny, half, recall },
    ...{ hybrid: measure(fuse(ranking, words), task).mrr },
    cpuSeconds: (made.user + made.system + spent.user + spent.system) / 1e6,
  };
}

/** Results of one task over all seeds, as results.json holds them. */
interface TaskResults extends Record<keyof Row, MeanStd> {
  pairs: number;
  queries: number;
  documents: number;
  seeds: number;
  bm25: Measured;
  /** Fraction of the score that half the columns cost. */
  halfCost: number;
  /** Results of each seed, from 1. */
  rows: readonly Row[];
}

/** File of the results: one for each encoder that trainings begin with. */
const FILE = values.from === '' ? 'sentences' : `sentences-${basename(values.from)}`;
const COMMAND = values.from === '' ? '' : ` -- --from ${values.from}`;

const round = (x: number): number => Number(x.toFixed(4));

/** Results that the file has, by task. */
function readTasks(): Record<string, TaskResults> {
  const found = readResults().get(FILE)?.results as { tasks?: Record<string, TaskResults> };
  return found?.tasks ?? {};
}

/** Puts the results of a task into the file. */
function writeTask(name: string, found: TaskResults): void {
  const all = { ...readTasks(), [name]: found };
  const tasks = Object.fromEntries(
    Object.keys(TASKS).flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])),
  );
  writeResults(FILE, `npm run sentences${COMMAND}`, { metric: `MRR@${K}`, width, tasks });
}

for (const name of chooseNames(positionals, Object.keys(TASKS))) {
  const task = (TASKS[name] as () => Task)();
  const bm25 = new Bm25(task.corpus);
  const found = bm25.topK(task.queries, CANDIDATES).indices;
  const words = task.queries.map((_, i) => [
    ...found.subarray(i * CANDIDATES, (i + 1) * CANDIDATES),
  ]);
  const { mrr, recall, mrrAny } = measure(words, task);
  const rows = values.resume ? (readTasks()[name]?.rows ?? []).slice(0, seeds) : [];
  for (let seed = rows.length + 1; seed <= seeds; seed++)
    rows.push(await runSeed(task, words, seed));
  const spread = (key: keyof Row): MeanStd => {
    const { mean, std } = meanStd(rows.map((row) => row[key]));
    return { mean: round(mean), std: round(std) };
  };
  const results: TaskResults = {
    pairs: task.train.length,
    queries: task.queries.length,
    documents: task.corpus.length,
    seeds,
    bm25: { mrr: round(mrr), recall: round(recall), mrrAny: round(mrrAny) },
    untrained: spread('untrained'),
    trained: spread('trained'),
    trainedAny: spread('trainedAny'),
    half: spread('half'),
    hybrid: spread('hybrid'),
    recall: spread('recall'),
    cpuSeconds: spread('cpuSeconds'),
    halfCost: round(1 - spread('half').mean / spread('trained').mean),
    rows,
  };
  const show = (key: keyof Row): string =>
    `${results[key].mean.toFixed(3)} ± ${results[key].std.toFixed(3)}`;
  process.stdout.write(
    `${name}: ${results.pairs} pairs, ${results.queries} queries, ${results.documents} documents\n` +
      `  BM25 ${mrr.toFixed(3)} (any ${mrrAny.toFixed(3)}, recall ${recall.toFixed(3)})  untrained ${show('untrained')}` +
      `  trained ${show('trained')} (any ${show('trainedAny')}, recall ${show('recall')})  half the columns ${show('half')}` +
      `  with BM25 ${show('hybrid')}  CPU s ${show('cpuSeconds')}\n`,
  );
  if (values.write) writeTask(name, results);
}
