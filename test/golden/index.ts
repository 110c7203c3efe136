/**
 * Writes everything generated that tests compare with: fixtures and the README's table by PyTorch
 * (Debian's python3-torch, python3-numpy), and the figures of README and documentation by this package.
 *
 *   npm run golden                write them
 *   npm run golden -- --check     compare only, and fail on drift
 *   npm run golden -- --figures   draw the figures alone, which needs no Python
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCheckpoints } from './checkpoints.js';
import { drawFigures, FIGURES, storedFigure, writeFigure } from './figure.js';

const PYTHON = '/usr/bin/python3';

function ask(script: string, args: readonly string[]): boolean {
  const command = [`test/golden/${script}`, ...args];
  const { status, error } = spawnSync(PYTHON, command, { stdio: 'inherit' });
  if (error) process.stderr.write(`${PYTHON}: ${error.message}\n`);
  return status === 0;
}

/** Writes PyTorch's checkpoints, and its results on ours. */
function hub(args: readonly string[]): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'nearfar-checkpoints-'));
  try {
    writeCheckpoints(folder);
    return ask('hub.py', [...args, folder]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Draws the figures, or compares them with those of the repository. */
async function figures(checked: boolean): Promise<boolean> {
  const drawn = await drawFigures();
  let fit = true;
  for (const name of FIGURES) {
    const same = !checked || drawn[name] === storedFigure(name);
    if (!checked) writeFigure(name, drawn[name]);
    process.stdout.write(`${name}${same ? '' : ' differs'}\n`);
    fit &&= same;
  }
  return fit;
}

const args = process.argv.slice(2);
const everything = args.includes('--figures')
  ? []
  : [
      ask('generate.py', args),
      ask('nn.py', args),
      ask('vision.py', args),
      ask('clip.py', args),
      ask('mae.py', args),
      hub(args),
      ask('pytorch-table.py', args),
    ];
const done = [...everything, await figures(args.includes('--check'))];
if (done.includes(false)) process.exitCode = 1;
