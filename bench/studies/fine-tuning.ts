/**
 * Study: all-MiniLM-L6-v2 fine-tuned to find the documentation of an operation by its name, on AWS
 * services that it has not seen. Reads `../shared/models` and `../shared/embeddings`.
 *
 *   npm run fine-tuning                                    all weights, 300 steps of 32 pairs
 *   npm run fine-tuning -- --lora 8 --lr 1e-3              an adapter of rank 8 in attention
 *   npm run fine-tuning -- --steps 600 --seed 2 --batch-size 64
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareRankings, evaluateRetrieval, type RetrievalMetricsPerQuery } from 'nearfar';
import { loadSentenceEncoder, train } from 'nearfar/models';
import { readFolder } from '../../build/files.js';
import { Random } from '../../src/core/random.js';
import { STREAMS } from '../../src/core/streams.js';
import { readArguments, readInt } from './arguments.js';

const { values } = readArguments(
  [
    'npm run fine-tuning -- [--steps <n>] [--batch-size <n>] [--lr <rate>] [--lora <rank>] [--services <n>] [--seed <n>]',
  ],
  {
    options: {
      steps: { type: 'string', default: '300' },
      'batch-size': { type: 'string', default: '32' },
      lr: { type: 'string' },
      lora: { type: 'string' },
      services: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
    },
  },
);
const steps = readInt('--steps', values.steps);
const batchSize = readInt('--batch-size', values['batch-size']);
const heldServices = readInt('--services', values.services);
const seed = readInt('--seed', values.seed, 0);
const lora = values.lora === undefined ? undefined : { rank: readInt('--lora', values.lora) };
const learningRate = values.lr === undefined ? undefined : Number(values.lr);

const SHARED = new URL('../../../shared/', import.meta.url).pathname;

interface Operation {
  service: string;
  query: string;
  document: string;
}

const operations: Operation[] = readFileSync(join(SHARED, 'embeddings/aws.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const services = [...new Set(operations.map(({ service }) => service))];
const held = new Set(new Random(seed, STREAMS.validation).shuffle(services).slice(0, heldServices));
const test = operations.filter(({ service }) => held.has(service));
const pairs = operations
  .filter(({ service }) => !held.has(service))
  .map(({ query, document }): [string, string] => [query, document]);

const encoder = loadSentenceEncoder(readFolder(join(SHARED, 'models/all-MiniLM-L6-v2')));

/** Ranks of the held-out documents for the held-out names. Equal documents are all right. */
function evaluate(): RetrievalMetricsPerQuery {
  const documents = [...new Set(test.map(({ document }) => document))];
  const queries = new Map<string, Set<number>>();
  for (const { query, document } of test) {
    const relevant = queries.get(query) ?? new Set();
    queries.set(query, relevant.add(documents.indexOf(document)));
  }
  const relevant = [...queries.values()].map((each) => [...each]);
  const rows = encoder.encode([...queries.keys()]);
  return evaluateRetrieval(rows, encoder.encode(documents), relevant, { ks: [10], perQuery: true });
}

console.log(`${pairs.length} pairs; ${test.length} held out, of ${held.size} services`);
const before = evaluate();
const started = process.cpuUsage();
const options = {
  ...{ steps, batchSize, seed },
  ...(learningRate === undefined ? {} : { learningRate }),
  ...(lora === undefined ? {} : { lora }),
};
for await (const { step, loss } of train(encoder, { pairs }, options)) {
  if (step % 20 === 0) console.log(`step ${step} of ${steps}: loss ${loss.toFixed(3)}`);
}
const { user, system } = process.cpuUsage(started);
const after = evaluate();
const mean = (numbers: Float32Array): number =>
  numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const at10 = ({ perQuery }: RetrievalMetricsPerQuery): Float32Array =>
  perQuery.mrrAt[10] as Float32Array;
const { difference, interval } = compareRankings(at10(before), at10(after));
console.log(
  `MRR@10 ${mean(at10(before)).toFixed(3)} before, ${mean(at10(after)).toFixed(3)} after: ` +
    `+${difference.toFixed(3)} (95 %: ${interval.map((x) => x.toFixed(3)).join(' to ')}); ` +
    `${((user + system) / 1e6).toFixed(0)} CPU seconds`,
);
