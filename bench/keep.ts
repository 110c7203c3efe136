/**
 * Runs the benchmark and keeps its results for README and documentation.
 *
 *   npm run bench:keep -- ntxent "ntXent temperature 0.5" --peers pytorch,numpy,plain
 *
 * writes bench/results/bench-ntxent.json: for each operation and size the milliseconds of nearfar, and
 * the time of each other candidate divided by them. The options are those of `nearfar bench`.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatSizes, type Run } from './results.js';
import { studyCommand, writeResults } from './results-file.js';

/** Writes a name as a key: no dots, no spaces. */
const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** Name of a candidate without version and library: "PyTorch 2.13.0 with MKL" is pytorch. */
const candidateKey = (name: string): string => slug(name.replace(/ \d.*/, ''));

function keep(name: string, args: readonly string[]): void {
  const out = mkdtempSync(join(tmpdir(), 'nearfar-keep-'));
  try {
    const words = ['dist/cli.js', 'bench', ...args, '--out', out, '--peers-from', 'bench/peers'];
    const { status } = spawnSync(process.execPath, words, { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
    const runs: Run[] = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
    const results: Record<string, Record<string, unknown>> = {};
    const versions = new Set<string>();
    for (const { operation, sizes, timings } of runs.flatMap((run) => run.results)) {
      const [ours, ...others] = timings;
      if (ours === undefined) continue;
      const row: Record<string, unknown> = { ms: ours.time.median };
      for (const { name: other, ratio } of others) {
        versions.add(other);
        row[candidateKey(other)] = ratio.median;
      }
      results[slug(`${operation} ${formatSizes(sizes)}`)] = row;
    }
    writeResults(`bench-${name}`, studyCommand('bench:keep'), {
      ...results,
      candidates: [...versions].join(', '),
    });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const [name, ...args] = process.argv.slice(2);
if (name === undefined || name.startsWith('-')) {
  process.stderr.write('npm run bench:keep -- NAME [the arguments of nearfar bench]\n');
  process.exitCode = 2;
} else keep(slug(name), args);
