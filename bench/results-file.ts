/**
 * Writes results that README and documentation quote: bench/results/NAME.json, with the command,
 * the machine, the version and the day, as build/docs/results.ts reads it.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { RESULTS, type ResultsFile } from '../build/docs/results.js';
import { runtimeName } from './machine.js';

/** Rounds numbers to six digits, which keeps files short and equal where runs are. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && Number.isFinite(value) ? Number(value.toPrecision(6)) : value;

/**
 * Returns the command of a study as a reader types it, with its options but `--write`.
 *
 * @param script name of the npm script
 */
export function studyCommand(script: string): string {
  const options = process.argv
    .slice(2)
    .filter((word) => word !== '--write')
    .map((word) => (word.includes(' ') ? JSON.stringify(word) : word));
  return options.length === 0 ? `npm run ${script}` : `npm run ${script} -- ${options.join(' ')}`;
}

/**
 * Writes a file of results.
 *
 * @param name the file, without its folder and `.json`
 * @param command the command that a reader types to make it again
 * @param results numbers and strings in objects; keys have no dots
 * @param cores cores that the run used
 */
export function writeResults(name: string, command: string, results: unknown, cores = 1): void {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const file: ResultsFile = {
    command,
    machine: { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores, runtime: runtimeName() },
    version,
    date: new Date().toISOString().slice(0, 10),
    results,
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}/${name}.json`, `${JSON.stringify(file, rounded, 2)}\n`);
}
