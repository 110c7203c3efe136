/**
 * Study: may the verdict of `tuneAdapter` be trusted? 60 cells of real embeddings, tuned on 50 to 5,000
 * pairs or labels and measured on an untouched part; and 200 runs with pairs or labels in random order,
 * which must ship nothing.
 *
 *   npm run adapters                      both, to bench/results/adapters.json
 *   npm run adapters -- --only cells      or shuffled
 *
 * What is done is kept in nearfar-report/adapters.jsonl: a run that was stopped continues.
 */

import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { Terminal } from '../../../src/terminal/progress.js';
import { writeResults } from '../../results-file.js';
import { chooseNames, readArguments } from '../arguments.js';
import { languageSources, readySources, type Source } from './data.js';
import { type Cell, runCell, runShuffled } from './study.js';

const PARTS = ['cells', 'shuffled'] as const;
const DONE = 'nearfar-report/adapters.jsonl';
/** Runs with pairs in random order. */
const SHUFFLED = 200;

/** Numbers of pairs or labels by source, and seeds of each. */
const CELLS: readonly [source: RegExp, counts: readonly number[], seeds: number][] = [
  [/^AWS$/, [50, 100, 200, 500, 1000, 2000, 5000], 2],
  [/^WordNet$/, [50, 100, 200, 500, 1000, 2000, 5000], 2],
  [/^WordNet classes$/, [100, 200, 500, 1000, 2000], 2],
  [/^Fiori/, [50, 100, 300], 2],
  [/^TypeScript/, [100, 500], 1],
  [/^CLDR/, [100, 200], 1],
];
const SHUFFLED_COUNTS = [50, 100, 200, 300];

const { values } = readArguments(['npm run adapters -- [--only cells|shuffled]'], {
  options: { only: { type: 'string' } },
});
const parts = chooseNames(values.only === undefined ? [] : [values.only], PARTS);
const terminal = new Terminal(false);
const sources: Source[] = [...readySources(), ...(await languageSources())];

type Line = { part: (typeof PARTS)[number] } & Partial<Cell> &
  Pick<Cell, 'source' | 'count' | 'seed' | 'verdict' | 'reported'>;

mkdirSync('nearfar-report', { recursive: true });
const done: Line[] = !existsSync(DONE)
  ? []
  : readFileSync(DONE, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

const jobs = [
  ...CELLS.flatMap(([pattern, counts, seeds]) =>
    sources
      .filter(({ name }) => pattern.test(name))
      .flatMap((source) =>
        counts.flatMap((count) =>
          Array.from({ length: seeds }, (_, seed) => ({
            ...{ part: 'cells' as const, source, count, seed },
          })),
        ),
      ),
  ),
  ...Array.from({ length: SHUFFLED }, (_, i) => ({
    part: 'shuffled' as const,
    source: sources[i % sources.length] as Source,
    count: SHUFFLED_COUNTS[Math.floor(i / sources.length) % SHUFFLED_COUNTS.length] as number,
    seed: 100 + i,
  })),
].filter(({ part }) => parts.includes(part));

const progress = terminal.progress('adapters', jobs.length);
for (const [i, { part, source, count, seed }] of jobs.entries()) {
  const known = done.some(
    (line) =>
      line.part === part &&
      line.source === source.name &&
      line.count === count &&
      line.seed === seed,
  );
  if (!known) {
    const result = await (part === 'cells' ? runCell : runShuffled)(source, count, seed);
    const line: Line = { part, ...result };
    done.push(line);
    appendFileSync(DONE, `${JSON.stringify(line)}\n`);
  }
  await progress.step(i + 1);
}
progress.end();

const cells = done.filter(({ part }) => part === 'cells') as (Line & Cell)[];
const shuffled = done.filter(({ part }) => part === 'shuffled');
const shipped = cells.filter(({ verdict }) => verdict === 'helps');
const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);
const kept = sum(cells.map(({ test }) => test.shipped - test.base));
const possible = sum(cells.map(({ test }) => test.best - test.base));
const summary = {
  cells: cells.length,
  shipped: shipped.length,
  worse: shipped.filter(({ test }) => test.shipped < test.base).length,
  kept: kept / possible,
  shuffled: shuffled.length,
  shuffledShipped: shuffled.filter(({ verdict }) => verdict === 'helps').length,
  maxSeconds: Math.max(...cells.map(({ seconds }) => seconds)),
};
const keyOf = ({ source, count, seed }: Cell): string => `${source} ${count} ${seed}`;
writeResults('adapters', 'npm run adapters', {
  summary,
  cells: Object.fromEntries(cells.map((cell) => [keyOf(cell), cell])),
});
terminal.table(
  ['source', 'pairs', 'seed', 'verdict', 'form', 'base', 'shipped', 'best', 'best form', 's'],
  cells.map(({ source, count, seed, verdict, form, test, seconds }) => [
    ...[source, String(count), String(seed), verdict, form],
    ...[test.base, test.shipped, test.best].map((value) => value.toFixed(3)),
    ...[test.bestForm, seconds.toFixed(1)],
  ]),
);
terminal.line(JSON.stringify(summary));
