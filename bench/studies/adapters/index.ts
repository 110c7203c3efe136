/**
 * Study: may the verdict of `tuneAdapter` be trusted? 60 cells of real embeddings, tuned on 50 to 5,000
 * pairs or labels and measured on an untouched part; and 200 runs with pairs or labels in random order,
 * which must ship nothing. Level and smallest gain are calibrated on one half of both and checked on the
 * other.
 *
 *   npm run adapters                      all, to bench/results/adapters.json
 *   npm run adapters -- --shard 1/2       every second run, for two processes; then the line above
 *
 * What is done is kept in nearfar-report/adapters.jsonl: a run that was stopped continues. Remove the
 * file after a change of the code.
 */

import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { InputError } from '../../../src/terminal/errors.js';
import { Terminal } from '../../../src/terminal/progress.js';
import { writeResults } from '../../results-file.js';
import { exitOnInputError, readArguments } from '../arguments.js';
import { languageSources, readySources, type Source } from './data.js';
import {
  applyRule,
  bestMetric,
  calibrate,
  DEFAULT_RULE,
  RULES,
  shippedMetric,
  ships,
} from './rule.js';
import { type Cell, runCell, runShuffled, type Tuned } from './study.js';

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
/** Few pairs: where data is small, chance is largest. */
const SHUFFLED_COUNTS = [50, 100, 200, 500];

const { values } = readArguments(['npm run adapters -- [--shard <i>/<n>]'], {
  options: { shard: { type: 'string', default: '1/1' } },
});
const [shard, shards] = exitOnInputError(() => {
  const [, i, n] = /^(\d+)\/(\d+)$/.exec(values.shard) ?? [];
  if (i === undefined || Number(i) < 1 || Number(i) > Number(n)) {
    throw new InputError(`--shard must be like 1/2, got ${values.shard}`);
  }
  return [Number(i), Number(n)] as const;
});
const terminal = new Terminal(false);
const sources: Source[] = [...readySources(), ...(await languageSources())];

interface Job {
  readonly part: 'cells' | 'shuffled';
  readonly source: Source;
  readonly count: number;
  readonly seed: number;
}

type Line = { part: Job['part'] } & Tuned & Partial<Cell>;

const cellJobs: Job[] = CELLS.flatMap(([pattern, counts, seeds]) =>
  sources
    .filter(({ name }) => pattern.test(name))
    .flatMap((source) =>
      counts.flatMap((count) =>
        Array.from({ length: seeds }, (_, seed): Job => ({ part: 'cells', source, count, seed })),
      ),
    ),
);
const shuffledJobs = Array.from(
  { length: SHUFFLED },
  (_, i): Job => ({
    part: 'shuffled',
    source: sources[i % sources.length] as Source,
    count: SHUFFLED_COUNTS[Math.floor(i / sources.length) % SHUFFLED_COUNTS.length] as number,
    seed: 100 + i,
  }),
);
const jobs = [...cellJobs, ...shuffledJobs];

function readDone(): Line[] {
  if (!existsSync(DONE)) return [];
  const lines = readFileSync(DONE, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

function find(lines: readonly Line[], { part, source, count, seed }: Job): Line | undefined {
  return lines.find(
    (line) =>
      line.part === part &&
      line.source === source.name &&
      line.count === count &&
      line.seed === seed,
  );
}

mkdirSync('nearfar-report', { recursive: true });
const before = readDone();
const mine = jobs.filter((_, i) => i % shards === shard - 1);
const progress = terminal.progress('adapters', mine.length);
for (const [i, job] of mine.entries()) {
  const { part, source, count, seed } = job;
  if (find(before, job) === undefined) {
    const result = await (part === 'cells' ? runCell : runShuffled)(source, count, seed);
    appendFileSync(DONE, `${JSON.stringify({ part, ...result })}\n`);
  }
  await progress.step(i + 1);
}
progress.end();

const lines = readDone();
const done = jobs.map((job) => find(lines, job));
if (done.includes(undefined)) {
  terminal.line('Other shards have not finished.');
  process.exit();
}
const cells = done.slice(0, cellJobs.length) as Cell[];
const shuffled = done.slice(cellJobs.length) as Tuned[];
const half = <T>(list: readonly T[], which: number): T[] => list.filter((_, i) => i % 2 === which);
const calibrated = calibrate(half(cells, 0), half(shuffled, 0));
const summary = {
  defaults: { ...DEFAULT_RULE, ...applyRule(DEFAULT_RULE, cells, shuffled) },
  ...(calibrated && {
    calibrated: {
      ...calibrated,
      onOneHalf: applyRule(calibrated, half(cells, 0), half(shuffled, 0)),
      onTheOther: applyRule(calibrated, half(cells, 1), half(shuffled, 1)),
    },
  }),
  maxSeconds: Math.max(...cells.map(({ seconds }) => seconds)),
};
const row = (cell: Cell) => {
  const [shipped, best] = [shippedMetric(cell, DEFAULT_RULE), bestMetric(cell)];
  const [bestForm] = Object.entries(cell.test.forms).find(([, metric]) => metric === best) ?? [
    'none',
  ];
  const { source, count, seed, found, seconds, test } = cell;
  const ship = ships(cell, DEFAULT_RULE);
  const failure =
    ship && shipped < test.base ? 'worse' : !ship && best - test.base >= 0.02 ? 'missed' : '';
  return {
    ...{ source, count, seed, gain: found.gain, confidence: found.confidence, seconds },
    ...{
      form: found.form,
      shipped: ship ? 1 : 0,
      test: { base: test.base, shipped, best, bestForm },
    },
    ...(failure !== '' && { failure }),
  };
};
const rows = cells.map(row);
writeResults('adapters', 'npm run adapters', {
  summary,
  rules: Object.fromEntries(
    RULES.map((rule) => [
      `${rule.level} ${rule.minGain}`.replaceAll('.', ','),
      { ...rule, ...applyRule(rule, cells, shuffled) },
    ]),
  ),
  cells: Object.fromEntries(
    rows.map((each) => [`${each.source} ${each.count} ${each.seed}`, each]),
  ),
});
terminal.table(
  [
    'source',
    'pairs',
    'seed',
    'gain',
    'conf.',
    'form',
    'base',
    'shipped',
    'best',
    'best form',
    's',
    '',
  ],
  rows.map(({ source, count, seed, gain, confidence, form, test, seconds, failure }) => [
    ...[source, String(count), String(seed), gain.toFixed(3), confidence.toFixed(4), form],
    ...[test.base, test.shipped, test.best].map((value) => value.toFixed(3)),
    ...[test.bestForm, seconds.toFixed(1), failure ?? ''],
  ]),
);
terminal.line(JSON.stringify(summary, null, 2));
