/** Runs the programs that the demo's page shows, in a folder where only the package is installed. */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROGRAMS } from '../../src/cli/demo/programs.js';
import { exampleFolder } from '../docs/run-examples.js';
import { check, suite } from '../harness.js';

const test = suite('demo programs');

/** Lines of a program without imports and empty lines. */
function statements(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('import '));
}

/** Runs a program; training takes few steps, which is all that is changed. */
function output(text: string, folder: string): Promise<string> {
  const file = join(folder, 'program.js');
  writeFileSync(
    file,
    text.replace(/\bsteps: \d+/g, 'steps: 2').replaceAll('step < 200', 'step < 2'),
  );
  return new Promise((done, fail) => {
    execFile(process.execPath, [file], { cwd: folder, maxBuffer: 1e8 }, (error, stdout, stderr) =>
      error ? fail(new Error(`${stdout}${stderr}`)) : done(stdout),
    );
  });
}

for (const [name, text] of Object.entries(PROGRAMS)) {
  test(name, async () => {
    const { length } = statements(text);
    check(length <= 12, `${length} lines`);
    const printed = await output(text, exampleFolder());
    check(printed.trim() !== '' && !/NaN|undefined/.test(printed), `it printed ${printed}`);
  });
}
