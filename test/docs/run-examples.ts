/** Runs the examples of a page in a folder of their own, with the built package installed there. */

import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Example, fitsLine, promisedOutput } from '../../build/docs/examples.js';
import { check } from '../harness.js';
import { temporaryFolder } from '../temporary.js';

/** Makes an empty project of a user, with the package as it is built. */
export function exampleFolder(): string {
  const folder = temporaryFolder('example');
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(resolve('.'), join(folder, 'node_modules/nearfar'), 'dir');
  const program = `#!/bin/sh\nexec '${process.execPath}' '${resolve('dist/cli.js')}' "$@"\n`;
  writeFileSync(join(folder, 'node_modules/.bin/nearfar'), program, { mode: 0o755 });
  return folder;
}

/** Runs a program and returns what it printed. */
function output(command: string, args: string[], folder: string, input?: string): Promise<string> {
  return new Promise((done, fail) => {
    const env = { ...process.env, npm_config_offline: 'true' };
    const child = execFile(
      command,
      args,
      { cwd: folder, encoding: 'utf8', env, maxBuffer: 1e8 },
      (error, stdout, stderr) => (error ? fail(new Error(`${stdout}${stderr}`)) : done(stdout)),
    );
    child.stdin?.end(input);
  });
}

/** Compares what was printed with the lines that a page says. */
export function compare(printed: string, promised: readonly string[], what: string): void {
  const lines = printed.split('\n').map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  const fits =
    lines.length === promised.length && promised.every((line, i) => fitsLine(lines[i] ?? '', line));
  check(fits, `${what} printed\n${lines.join('\n')}\nthe page says\n${promised.join('\n')}`);
}

/** Lines of a shell that install what is there already, or what no test may reach. */
const INSTALL = /^(npm (i|install|create|init)|deno add|bun add)\b/;

/** Runs one example, and compares what it prints. */
export async function runExample(example: Example, folder: string, where: string): Promise<void> {
  const what = `${where}:${example.line}`;
  if (example.file !== undefined) {
    const path = join(folder, example.file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, example.code);
  } else if (example.language === 'js') {
    const printed = await output(process.execPath, ['--input-type=module'], folder, example.code);
    compare(printed, promisedOutput(example.code), what);
  } else {
    const script = example.code
      .split('\n')
      .filter((line) => !INSTALL.test(line))
      .join('\n');
    // Without --norc bash takes the socket on its standard input for a remote login.
    const flags = ['--norc', '-euo', 'pipefail', '-c'];
    const printed = await output('bash', [...flags, script], folder);
    if (example.output !== undefined) {
      compare(printed, example.output.trimEnd().split('\n'), what);
    }
  }
}
