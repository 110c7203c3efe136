/** Runs one of the tools in node_modules and stops the build if it fails. */

import { spawnSync } from 'node:child_process';

export function run(script: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
  });
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}\n${script} failed\n`);
  process.exit(1);
}
