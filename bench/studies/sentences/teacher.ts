/**
 * Study: new static encoders that learn the space of all-MiniLM-L6-v2 from the rows of an index, and
 * search that index by queries of their own, next to MiniLM's queries.
 *
 *   npm run sentences:teacher -- --write       to bench/results/sentences-teacher.json
 *   npm run sentences:teacher -- aws --seeds 1
 *
 * The index has every document. An encoder is trained on the documents and their rows alone, or
 * also on queries whose rows are known; queries that measure are never among them.
 */

import { SentenceEncoder, train } from 'nearfar/models';
import { studyCommand, writeResults } from '../../results-file.js';
import { chooseNames, readArguments, readInt } from '../arguments.js';
import { formatScore, type MeanStd, roundedMeanStd } from '../mean-std.js';
import { K, reciprocalRank } from '../reciprocal-rank.js';
import { readTaught, splitGroups, type Taught } from './taught.js';

const { values, positionals } = readArguments(
  ['npm run sentences:teacher -- [aws|wordnet…] [--seeds <n>] [--steps <n>] [--write]'],
  {
    options: {
      seeds: { type: 'string', default: '3' },
      steps: { type: 'string', default: '0' },
      write: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  },
);
const seeds = readInt('--seeds', values.seeds);
const steps = readInt('--steps', values.steps, 0);

/** Results of one seed. */
interface Row {
  /** MiniLM's own queries. */
  miniLm: number;
  /** Queries of an encoder trained on the documents. */
  documents: number;
  /** Queries of an encoder trained on the documents and on queries of other groups. */
  queries: number;
  /** CPU seconds of both trainings. */
  documentsSeconds: number;
  queriesSeconds: number;
}

async function runSeed(name: Taught, seed: number): Promise<Row> {
  const { queries, documents, groups, takeRows } = readTaught(name);
  const split = splitGroups(groups, seed);
  const corpus = [...new Set(documents)];
  const numbers = new Map(corpus.map((text, i) => [text, i]));
  const index = takeRows(corpus);
  const held = new Set(split.test.map((i) => queries[i] as string));
  const asked = split.test.map((i) => queries[i] as string);
  const relevant = split.test.map((i) => numbers.get(documents[i] as string) as number);
  const learn = async (texts: readonly string[]): Promise<[mrr: number, seconds: number]> => {
    const start = process.cpuUsage();
    const embeddings = takeRows(texts);
    const encoder = new SentenceEncoder(texts, { width: embeddings.cols, seed });
    const options = steps === 0 ? { seed } : { seed, steps };
    for await (const { step, loss } of train(encoder, { texts, embeddings }, options)) {
      if (step % 100 === 0) process.stderr.write(`${name} ${seed}: ${step} ${loss.toFixed(3)}\r`);
    }
    const { user, system } = process.cpuUsage(start);
    const mrr = reciprocalRank(encoder.encode(asked), index, relevant);
    encoder.dispose();
    return [mrr, (user + system) / 1e6];
  };
  const known = new Set(split.train.map((i) => queries[i] as string).filter((q) => !held.has(q)));
  const [byDocuments, documentsSeconds] = await learn(corpus);
  const [byQueries, queriesSeconds] = await learn([...new Set([...corpus, ...known])]);
  return {
    miniLm: reciprocalRank(takeRows(asked), index, relevant),
    ...{ documents: byDocuments, queries: byQueries, documentsSeconds, queriesSeconds },
  };
}

const tasks: Record<string, Record<keyof Row, MeanStd>> = {};
for (const name of chooseNames(positionals, ['aws', 'wordnet'])) {
  const rows: Row[] = [];
  for (let seed = 1; seed <= seeds; seed++) rows.push(await runSeed(name as Taught, seed));
  const spread = (key: keyof Row): MeanStd => roundedMeanStd(rows.map((row) => row[key]));
  const found = {
    ...{ miniLm: spread('miniLm'), documents: spread('documents'), queries: spread('queries') },
    documentsSeconds: spread('documentsSeconds'),
    queriesSeconds: spread('queriesSeconds'),
  };
  tasks[name] = found;
  process.stdout.write(
    `${name}: queries by MiniLM ${formatScore(found.miniLm)}, by an encoder trained on the documents ` +
      `${formatScore(found.documents)} (CPU s ${formatScore(found.documentsSeconds)}), on documents and queries ` +
      `${formatScore(found.queries)} (CPU s ${formatScore(found.queriesSeconds)})\n`,
  );
}
if (values.write) {
  writeResults('sentences-teacher', studyCommand('sentences:teacher'), {
    ...{ metric: `MRR@${K}`, seeds, tasks },
  });
}
