/** Runs the built command line as a user would: in some folder, with what it prints kept. */

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { temporaryFolder } from '../temporary.js';

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A new folder, gone when the tests end. */
export const folder = (): string => temporaryFolder('cli');

/** Runs a program file in a folder; `during` and `output` follow what the running process prints. */
export function run(
  cwd: string,
  args: readonly string[],
  options: {
    program?: string;
    env?: Record<string, string>;
    during?: (stderr: string, kill: () => void) => void;
    output?: (stdout: string, kill: () => void) => void;
  } = {},
): Promise<Outcome> {
  const program = options.program ?? resolve('dist/cli.js');
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...process.env, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
    options.output?.(stdout, () => child.kill('SIGINT'));
  });
  child.stderr.on('data', (data) => {
    stderr += data;
    options.during?.(stderr, () => child.kill('SIGINT'));
  });
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (status) => done({ status, stdout, stderr }));
  });
}

/** Standard output as the objects of its lines. */
export function events(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
