/**
 * Study: the English encoder in the package next to its teacher, on texts that neither training nor
 * choice of settings saw.
 *
 *   npm run english                 writes bench/results/english.json
 *   npm run english -- --check      fails if the file says something else
 *
 * The teacher stands next to the checkout, ../shared/models/all-MiniLM-L6-v2; its rows are kept, so
 * that a run that was stopped goes on. The encoder before it is rounded is there once npm run
 * distill-english has run.
 */

import { existsSync, readdirSync } from 'node:fs';
import { loadEnglish } from 'nearfar/english';
import { loadSentenceEncoder, type SentenceEncoder, saveSentenceEncoder } from 'nearfar/models';
import { readResults } from '../../../build/docs/results.js';
import { CACHE } from '../../../build/english/teacher.js';
import { readFolder } from '../../../build/files.js';
import { writeResults } from '../../results-file.js';
import { readArguments } from '../arguments.js';
import { round } from '../mean-std.js';
import { type Encode, evaluateSearch } from './evaluate.js';
import { readTasks } from './tasks.js';
import { openTeacher } from './teacher.js';

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

const trained = (dtype: 'float32' | 'int8') =>
  loadSentenceEncoder(saveSentenceEncoder(loadSentenceEncoder(readFolder(TRAINED)), { dtype }));

const CANDIDATES: readonly Candidate[] = [
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
  const tasks = readTasks();
  const results: Record<string, Record<string, number>> = {};
  const measure = (name: string, encode: Encode): void => {
    results[name] = Object.fromEntries(
      tasks.map((task) => [task.name, round(evaluateSearch(encode, task))]),
    );
    const cells = Object.values(results[name]).map((figure) => figure.toFixed(4).padStart(10));
    process.stdout.write(`${name.padEnd(32)}${cells.join('')}\n`);
  };
  process.stdout.write(
    `${tasks
      .map(({ name }) => name.padStart(10))
      .join('')
      .padStart(72)}\n`,
  );
  const teacher = openTeacher((done, total) => {
    process.stderr.write(`all-MiniLM-L6-v2: ${done} of ${total} texts \r`);
  });
  measure('all-MiniLM-L6-v2', teacher);
  for (const { name, dimensions, make } of CANDIDATES) {
    const encoder = await make();
    measure(name, (texts) => encoder.encode(texts, dimensions ? { dimensions } : {}));
    encoder.dispose();
  }
  const pairs = Object.fromEntries(tasks.map(({ name, queries }) => [name, queries.length]));
  const found = { metric: 'MRR@10', pairs, encoders: results };
  if (!values.check) writeResults('english', 'npm run english', found);
  else if (JSON.stringify(readResults().get('english')?.results) !== JSON.stringify(found)) {
    process.stderr.write('bench/results/english.json says something else\n');
    process.exitCode = 1;
  }
}

await main();
