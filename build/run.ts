/** Runs tools of node_modules, as many at a time as the machine has cores. */

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Runs a tool, and stops the build if it fails. */
export async function run(script: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const status = await new Promise((ended) => child.on('close', ended));
  if (status === 0) return;
  process.stderr.write(`${output}\n${script} failed\n`);
  process.exit(1);
}

/** Does all jobs, as many at a time as there are cores, in the order of the list. */
export async function inParallel(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  const waiting = [...jobs];
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}
