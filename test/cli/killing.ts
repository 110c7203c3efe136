/** Runs of `nearfar train` that are killed, and what they leave. */

import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { encode } from 'fast-png';
import { Random } from '../../src/core/random.js';

const WORDS = ['anchor', 'positive', 'negative', 'view', 'batch', 'token', 'margin', 'patch'];

/** Writes a text of a few words, again and again. */
export function writeWords(path: string, count: number, seed = 1): void {
  const random = new Random(seed);
  const words = Array.from({ length: count }, () => WORDS[random.integer(WORDS.length)]);
  writeFileSync(path, words.join(' '));
}

/** A small network of text, with dropout, whose state therefore has to go on too. */
export const SMALL = [
  ...['--layers', '1', '--heads', '2', '--width', '16', '--context', '16', '--batch-size', '4'],
  ...['--dropout', '0.1'],
];

/** Small networks of images. */
export const SMALL_IMAGES = ['--width', '8', '--batch-size', '6', '--size', '12'];

/** Small images of two kinds with captions: IDX files, and a folder of PNG. */
export function writeImages(folder: string, count = 24, side = 12): { idx: string; png: string } {
  const [idx, png] = [join(folder, 'idx'), join(folder, 'png')];
  for (const path of [idx, png]) mkdirSync(path, { recursive: true });
  const random = new Random(2);
  const pixels = Uint8Array.from({ length: count * side * side }, () => random.integer(256));
  const head = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, side, 0, 0, 0, side];
  writeFileSync(join(idx, 'train-images-idx3-ubyte'), Uint8Array.of(...head, ...pixels));
  const rows = Array.from({ length: count }, (_, i) => {
    const data = pixels.subarray(i * side * side, (i + 1) * side * side);
    const name = `${i}.png`;
    writeFileSync(join(png, name), encode({ width: side, height: side, channels: 1, data }));
    return JSON.stringify({ file_name: name, text: `${WORDS[i % 8]} ${WORDS[(i * 3) % 8]}` });
  });
  writeFileSync(join(png, 'metadata.jsonl'), `${rows.join('\n')}\n`);
  return { idx, png };
}

/** When to kill: at the n-th change of the file system, or so many milliseconds after the start. */
export type Moment = { change: number } | { after: number };

/** Runs the program until it ends (its status) or is killed (null). */
export function runUntil(args: readonly string[], moment?: Moment): Promise<number | null> {
  const change = moment !== undefined && 'change' in moment ? moment.change : undefined;
  const preload =
    change === undefined ? [] : ['--import', pathToFileURL(resolve('test/cli/kill-at.mjs')).href];
  const child = spawn(process.execPath, [...preload, resolve('dist/cli.js'), ...args], {
    env: { ...process.env, KILL_AT: String(change) },
    stdio: 'ignore',
  });
  const timer =
    moment !== undefined && 'after' in moment
      ? setTimeout(() => child.kill('SIGKILL'), moment.after)
      : undefined;
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (status) => {
      clearTimeout(timer);
      done(status);
    });
  });
}

/** The bytes of all files of a folder, but for the lock that a killed process leaves. */
export function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder)
    .filter((name) => name !== 'nearfar.lock')
    .sort();
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}
