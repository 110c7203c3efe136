/**
 * Study: static sentence encoders trained on pairs, against BM25 and untrained ones.
 *
 *   npm run sentences:data                 installs the texts, which only this study needs
 *   npm run sentences -- --write           every task, five seeds, to bench/results/sentences.json
 *   npm run sentences -- typescript --seeds 1 --width 256
 *   npm run sentences -- aws-services --from ../shared/models/minilm-static-256 --write
 *
 * With --from a loaded encoder is trained, or english, the one in the package; a transformer is
 * distilled first. Results go to a file of their own, sentences-NAME.json. With --write a task's results are written when it is
 * done, and other tasks of the file stay as they are: several runs make one table. --resume takes
 * the seeds that the file has and runs the others.
 */

import { basename } from 'node:path';
import { Bm25, type Matrix, reciprocalRankFusion, topK } from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import {
  distill,
  type Files,
  loadSentenceEncoder,
  SentenceEncoder,
  saveSentenceEncoder,
  train,
} from 'nearfar/models';
import { readResults } from '../../../build/docs/results.js';
import { readFolder } from '../../../build/files.js';
import { writeResults } from '../../results-file.js';
import { chooseNames, readArguments, readInt } from '../arguments.js';
import { formatScore, type MeanStd, meanStd, round, roundedMeanStd } from '../mean-std.js';
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

/** Takes the result of a search apart into the rankings of the queries. */
function rankingOf({ indices }: { indices: Int32Array }, queries: number): Ranking {
  return Array.from({ length: queries }, (_, i) => [
    ...indices.subarray(i * CANDIDATES, (i + 1) * CANDIDATES),
  ]);
}

/** Best documents of each query by an encoder, by all or the first columns. */
function rank(encoder: SentenceEncoder, { queries, corpus }: Task, dimensions: number): Ranking {
  const encode = (texts: readonly string[]): Matrix => encoder.encode(texts, { dimensions });
  return rankingOf(topK(encode(queries), encode(corpus), CANDIDATES), queries.length);
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
  /** MRR of the trained encoder, saved in 8 bits. */
  int8: number;
  hybrid: number;
  recall: number;
  cpuSeconds: number;
}

/** Files of the encoder to begin from, distilled if it is a transformer. */
let begin: Files | undefined;

async function readStart(folder: string): Promise<Files> {
  const files = readFolder(folder);
  const encoder = loadSentenceEncoder(files);
  if (encoder.kind === 'static') return files;
  const start = process.cpuUsage();
  const small = await distill(encoder, { width });
  const { user, system } = process.cpuUsage(start);
  process.stdout.write(`distilled in ${((user + system) / 1e6).toFixed(1)} CPU s\n`);
  return saveSentenceEncoder(small);
}

/** A new encoder, whose tokens come from the texts of training alone, or the one to begin from. */
async function makeEncoder(task: Task, seed: number): Promise<SentenceEncoder> {
  if (values.from === '') return new SentenceEncoder(task.train.flat(), { width, seed });
  if (values.from === 'english') return loadEnglish();
  begin ??= await readStart(values.from);
  return loadSentenceEncoder(begin);
}

async function runSeed(task: Task, words: Ranking, seed: number): Promise<Row> {
  const start = process.cpuUsage();
  const encoder = await makeEncoder(task, seed);
  const made = process.cpuUsage(start);
  const untrained = measure(rank(encoder, task, encoder.width), task).mrr;
  const beforeTraining = process.cpuUsage();
  const options = steps === 0 ? { seed } : { seed, steps };
  for await (const { step, loss } of train(encoder, { pairs: task.train }, options)) {
    if (step % 100 === 0)
      process.stderr.write(`${task.name} ${seed}: ${step} ${loss.toFixed(3)}\r`);
  }
  const spent = process.cpuUsage(beforeTraining);
  const ranking = rank(encoder, task, encoder.width);
  const { mrr, recall, mrrAny } = measure(ranking, task);
  const half = measure(rank(encoder, task, Math.ceil(encoder.width / 2)), task).mrr;
  const small = loadSentenceEncoder(saveSentenceEncoder(encoder, { dtype: 'int8' }));
  const int8 = measure(rank(small, task, small.width), task).mrr;
  small.dispose();
  encoder.dispose();
  return {
    ...{ untrained, trained: mrr, trainedAny: mrrAny, half, int8, recall },
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
  /** MRR of all-MiniLM-L6-v2 itself, where its rows are there. */
  miniLm?: MeanStd;
  /** Fraction of the score that half the columns cost. */
  halfCost: number;
  /** Fraction of the score that 8 bits cost. */
  int8Cost: number;
  /** Results of each seed, from 1. */
  rows: readonly Row[];
}

/** File of the results: one for each encoder that trainings begin with. */
const FILE = values.from === '' ? 'sentences' : `sentences-${basename(values.from)}`;
const COMMAND = values.from === '' ? '' : ` -- --from ${values.from}`;

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

/** Ranks the corpus by BM25. */
function rankWords({ queries, corpus }: Task): Ranking {
  return rankingOf(new Bm25(corpus).topK(queries, CANDIDATES), queries.length);
}

/** MRR of all-MiniLM-L6-v2 itself, where its rows are there. */
function measureMiniLm(task: Task): number[] {
  if (task.miniLm === undefined) return [];
  const { queries, corpus } = task.miniLm;
  return [measure(rankingOf(topK(queries, corpus, CANDIDATES), queries.rows), task).mrr];
}

for (const name of chooseNames(positionals, Object.keys(TASKS))) {
  const rows = values.resume ? (readTasks()[name]?.rows ?? []).slice(0, seeds) : [];
  const queries: number[] = [];
  const byWords: Measured[] = [];
  const byMiniLm: number[] = [];
  let task: Task | undefined;
  let words: Ranking = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const made = (TASKS[name] as (seed: number) => Task)(seed);
    if (made !== task) {
      task = made;
      words = rankWords(task);
      queries.push(task.queries.length);
      byWords.push(measure(words, task));
      byMiniLm.push(...measureMiniLm(task));
    }
    rows[seed - 1] ??= await runSeed(task, words, seed);
  }
  const spread = (key: keyof Row): MeanStd => roundedMeanStd(rows.map((row) => row[key]));
  const mean = (numbers: readonly number[]): number => round(meanStd(numbers).mean);
  const bm25 = {
    mrr: mean(byWords.map(({ mrr }) => mrr)),
    recall: mean(byWords.map(({ recall }) => recall)),
    mrrAny: mean(byWords.map(({ mrrAny }) => mrrAny)),
  };
  const results: TaskResults = {
    pairs: (task as Task).train.length,
    queries: Math.round(meanStd(queries).mean),
    documents: (task as Task).corpus.length,
    seeds,
    bm25,
    ...(byMiniLm.length > 0 && { miniLm: roundedMeanStd(byMiniLm) }),
    untrained: spread('untrained'),
    trained: spread('trained'),
    trainedAny: spread('trainedAny'),
    half: spread('half'),
    int8: spread('int8'),
    hybrid: spread('hybrid'),
    recall: spread('recall'),
    cpuSeconds: spread('cpuSeconds'),
    halfCost: round(1 - spread('half').mean / spread('trained').mean),
    int8Cost: round(1 - spread('int8').mean / spread('trained').mean),
    rows,
  };
  const of = (key: keyof Row): string => formatScore(results[key]);
  process.stdout.write(
    `${name}: ${results.pairs} pairs, ${results.queries} queries, ${results.documents} documents\n` +
      `  BM25 ${bm25.mrr.toFixed(3)} (any ${bm25.mrrAny.toFixed(3)}, recall ${bm25.recall.toFixed(3)})` +
      `${results.miniLm === undefined ? '' : `  MiniLM ${formatScore(results.miniLm)}`}  untrained ${of('untrained')}` +
      `  trained ${of('trained')} (any ${of('trainedAny')}, recall ${of('recall')})  half the columns ${of('half')}  int8 ${of('int8')}` +
      `  with BM25 ${of('hybrid')}  CPU s ${of('cpuSeconds')}\n`,
  );
  if (values.write) writeTask(name, results);
}
