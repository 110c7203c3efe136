/**
 * Study: static sentence encoders trained from scratch, against BM25 and untrained ones.
 *
 *   npm run sentences:data                 installs the texts, which only this study needs
 *   npm run sentences                      every task, five seeds
 *   npm run sentences -- typescript --seeds 1 --width 256
 *   npm run sentences -- --json results.json
 */

import { writeFileSync } from 'node:fs';
import { Bm25, type Matrix, reciprocalRankFusion, topK } from 'nearfar';
import { SentenceEncoder, train } from 'nearfar/models';
import { chooseNames, readArguments, readInt } from '../arguments.js';
import { meanStd } from '../mean-std.js';
import { TASKS, type Task } from './data.js';

const { values, positionals } = readArguments(
  ['npm run sentences -- [task…] [--seeds <n>] [--width <n>] [--steps <n>] [--json <file>]'],
  {
    options: {
      seeds: { type: 'string', default: '5' },
      width: { type: 'string', default: '256' },
      steps: { type: 'string', default: '0' },
      json: { type: 'string', default: '' },
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
function measure(ranking: Ranking, { relevant }: Task): { mrr: number; recall: number } {
  let [mrr, found] = [0, 0];
  for (const [i, list] of ranking.entries()) {
    const rank = list.slice(0, K).indexOf(relevant[i] as number);
    if (rank < 0) continue;
    mrr += 1 / (rank + 1);
    found++;
  }
  return { mrr: mrr / ranking.length, recall: found / ranking.length };
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
  half: number;
  hybrid: number;
  recall: number;
  cpuSeconds: number;
}

async function runSeed(task: Task, words: Ranking, seed: number): Promise<Row> {
  const start = process.cpuUsage();
  // Tokens come from the texts of training alone.
  const encoder = new SentenceEncoder(task.train.flat(), { width, seed });
  const made = process.cpuUsage(start);
  const untrained = measure(rank(encoder, task, width), task).mrr;
  const begin = process.cpuUsage();
  const options = steps === 0 ? { seed } : { seed, steps };
  for await (const { step, loss } of train(encoder, { pairs: task.train }, options)) {
    if (step % 100 === 0)
      process.stderr.write(`${task.name} ${seed}: ${step} ${loss.toFixed(3)}\r`);
  }
  const spent = process.cpuUsage(begin);
  const ranking = rank(encoder, task, width);
  const { mrr, recall } = measure(ranking, task);
  const half = measure(rank(encoder, task, Math.ceil(width / 2)), task).mrr;
  encoder.dispose();
  return {
    ...{ untrained, trained: mrr, half, recall, hybrid: measure(fuse(ranking, words), task).mrr },
    cpuSeconds: (made.user + made.system + spent.user + spent.system) / 1e6,
  };
}

const results: Record<string, unknown> = {};
for (const name of chooseNames(positionals, Object.keys(TASKS))) {
  const task = (TASKS[name] as () => Task)();
  const bm25 = new Bm25(task.corpus);
  const found = bm25.topK(task.queries, CANDIDATES).indices;
  const words = task.queries.map((_, i) => [
    ...found.subarray(i * CANDIDATES, (i + 1) * CANDIDATES),
  ]);
  const { mrr, recall } = measure(words, task);
  const rows: Row[] = [];
  for (let seed = 1; seed <= seeds; seed++) rows.push(await runSeed(task, words, seed));
  const all = (key: keyof Row): string => {
    const { mean, std } = meanStd(rows.map((row) => row[key]));
    return `${mean.toFixed(3)} ± ${std.toFixed(3)}`;
  };
  const sizes = `${task.train.length} pairs, ${task.queries.length} queries, ${task.corpus.length} documents`;
  process.stdout.write(
    `${name}: ${sizes}\n  BM25 ${mrr.toFixed(3)} (recall ${recall.toFixed(3)})  untrained ${all('untrained')}` +
      `  trained ${all('trained')} (recall ${all('recall')})  half the columns ${all('half')}` +
      `  with BM25 ${all('hybrid')}  CPU s ${all('cpuSeconds')}\n`,
  );
  results[name] = { sizes, bm25: { mrr, recall }, seeds: rows };
}
if (values.json !== '') writeFileSync(values.json, `${JSON.stringify(results, undefined, 1)}\n`);
