/** Runs tools in processes of their own. */

import { spawn } from 'node:child_process';

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
