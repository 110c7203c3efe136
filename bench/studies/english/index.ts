/**
 * Study: the English encoder in the package next to its teacher, on texts that neither training nor
 * choice of settings saw.
 *
 *   npm run english                 writes bench/results/english.json
 *   npm run english -- --check      fails if the file says something else
 *
 * The teacher stands next to the checkout, ../shared/models/all-MiniLM-L6-v2. The encoder before it
 * is rounded is there once npm run distill-english has run.
 */

import { existsSync, readdirSync } from 'node:fs';
import { loadEnglish } from 'nearfar/english';
import { loadSentenceEncoder, type SentenceEncoder, saveSentenceEncoder } from 'nearfar/models';
import { setThreads } from 'nearfar/threads';
import { readResults } from '../../../build/docs/results.js';
import { CACHE, TEACHER } from '../../../build/english/teacher.js';
import { readFolder } from '../../../build/files.js';
import { writeResults } from '../../results-file.js';
import { readArguments } from '../arguments.js';
import { reciprocalRank } from './evaluate.js';
import { readTasks } from './tasks.js';

/** Encoders that npm run distill-english leaves: the encoder in f32, and the one before training. */
const TRAINED = `${CACHE}/trained`;
const distilled = (existsSync(CACHE) ? readdirSync(CACHE) : []).find((name) =>
  name.startsWith('distilled-'),
);

const { values } = readArguments(['npm run english -- [--check]'], {
  options: { check: { type: 'boolean', default: false } },
});

/** An encoder, and how many of its columns count. */
interface Candidate {
  name: string;
  dimensions?: number;
  make(): SentenceEncoder | Promise<SentenceEncoder>;
}

const teacher = () => loadSentenceEncoder(readFolder(TEACHER), { precision: 'int8' });

const trained = (dtype: 'float32' | 'int8') =>
  loadSentenceEncoder(saveSentenceEncoder(loadSentenceEncoder(readFolder(TRAINED)), { dtype }));

const CANDIDATES: readonly Candidate[] = [
  { name: 'all-MiniLM-L6-v2', make: teacher },
  { name: 'english', make: () => loadEnglish() },
  { name: 'english, 128 columns', dimensions: 128, make: () => loadEnglish() },
  { name: 'english, 64 columns', dimensions: 64, make: () => loadEnglish() },
  ...(distilled === undefined
    ? []
    : [
        {
          name: 'distilled, not trained',
          make: () => loadSentenceEncoder(readFolder(`${CACHE}/${distilled}`)),
        },
      ]),
  ...(existsSync(TRAINED)
    ? [
        { name: 'english before rounding, f32', make: () => trained('float32') },
        { name: 'english before rounding, int8', make: () => trained('int8') },
      ]
    : []),
];

async function main(): Promise<void> {
  await setThreads(2);
  const tasks = readTasks();
  for (const { name, queries } of tasks)
    process.stdout.write(`${name}: ${queries.length} queries\n`);
  const results: Record<string, Record<string, number>> = {};
  for (const { name, dimensions, make } of CANDIDATES) {
    const encoder = await make();
    const figures = tasks.map((task) => reciprocalRank(encoder, task, dimensions));
    encoder.dispose();
    results[name] = Object.fromEntries(
      tasks.map((task, i) => [task.name, Number((figures[i] as number).toFixed(4))]),
    );
    const cells = figures.map((figure) => figure.toFixed(4).padStart(8)).join('');
    process.stdout.write(`${name.padEnd(32)}${cells}\n`);
  }
  const found = { metric: 'MRR@10', ...results };
  if (!values.check) writeResults('english', 'npm run english', found, 2);
  else if (JSON.stringify(readResults().get('english')?.results) !== JSON.stringify(found)) {
    process.stderr.write('bench/results/english.json says something else\n');
    process.exitCode = 1;
  }
  process.exit();
}

await main();
