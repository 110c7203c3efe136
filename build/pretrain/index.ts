/**
 * Makes the pre-trained models in the package, src/weights/NAME/, bit for bit:
 *
 *   npm run pretrain                       all of them: BERT, GPT, CLIP, MAE
 *   npm run pretrain -- gpt                one
 *   npm run pretrain -- gpt --steps 100 --seed 2 --out elsewhere
 *
 * The data are the package's samples, and for CLIP the emoji of the development dependencies. A run
 * that is stopped goes on where it was: states are kept in nearfar-pretrain/, which git ignores.
 */

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { BITS } from 'nearfar';
import type { Files } from 'nearfar/models';
import { setThreads } from 'nearfar/threads';
import { InputError } from '../../src/terminal/errors.js';
import { parseInteger } from '../../src/terminal/options.js';
import { Terminal } from '../../src/terminal/progress.js';
import { digestFiles, writeWhole } from '../files.js';
import type { Run } from './recipe.js';
import { RECIPES } from './recipes.js';
import { pretrain } from './run.js';

const NAMES = RECIPES.map(({ name }) => name);
const WEIGHTS = 'src/weights';
const CACHE = 'nearfar-pretrain';
const MAX_SEED = 2 ** 32 - 1;
const USAGE = `npm run pretrain -- [${NAMES.join('|')}…] [--steps <n>] [--seed <n>] [--out <folder>] [--threads <n>]

Makes the pre-trained models in the package, ${WEIGHTS}/, from a seed: the same bytes on every machine.
Stopped by Ctrl-C or killed, the same command goes on where it was.

  --steps <n>     steps of the training, instead of each model's own
  --seed <n>      seed of all random numbers (1)
  --out <folder>  folder of the models (${WEIGHTS})
  --threads <n>   threads; the bits are the same for any number (all cores)`;

/** Writes the files of a model, and removes others of its folder. */
function writeModel(folder: string, files: Files): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [file, bytes] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeWhole(join(folder, file), bytes);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      steps: { type: 'string' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string', default: WEIGHTS },
      threads: { type: 'string', default: String(availableParallelism()) },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const odd = positionals.find((name) => !NAMES.includes(name));
  if (odd !== undefined) throw new InputError(`no ${odd} here, only ${NAMES.join(', ')}`);
  const seed = parseInteger('--seed', values.seed, 0, MAX_SEED);
  await setThreads(parseInteger('--threads', values.threads, 1, 1024));
  const terminal = new Terminal(false);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  for (const recipe of RECIPES) {
    if (positionals.length > 0 && !positionals.includes(recipe.name)) continue;
    const { name } = recipe;
    const steps =
      values.steps === undefined
        ? recipe.training.steps
        : parseInteger('--steps', values.steps, 1, 1e9);
    const progress = terminal.progress(name, steps);
    const training = { ...recipe.training, steps };
    const made = await pretrain(
      { ...recipe, training },
      {
        ...{ seed, cache: CACHE, signal: stop.signal },
        onStep: (step, loss) => progress.step(step, loss),
      },
    );
    progress.end();
    if (made === undefined) {
      process.stderr.write(`${name} is stopped; the same command goes on with it\n`);
      process.exitCode = 130;
      return;
    }
    const { files, cpuSeconds } = made;
    writeModel(join(values.out, name), files);
    const run: Run = {
      command: commandOf(name, values),
      sha256: digestFiles(files),
      bytes: [...files.values()].reduce((all, { length }) => all + length, 0),
      ...{ bits: BITS, version: JSON.parse(readFileSync('package.json', 'utf8')).version },
      cpuSeconds: Math.round(cpuSeconds),
      machine: `${cpus()[0]?.model.trim()}, Node ${process.versions.node}`,
    };
    record(values.out, name, run);
    terminal.line(`${join(values.out, name)}: ${run.bytes} bytes, sha256 ${run.sha256}`);
  }
}

/** The command that makes a model again, whatever else this one made. */
function commandOf(
  name: string,
  { steps, seed }: { steps?: string | undefined; seed: string },
): string {
  const options = [
    ...(steps === undefined ? [] : [`--steps ${steps}`]),
    ...(seed === '1' ? [] : [`--seed ${seed}`]),
  ];
  return ['npm run pretrain --', name, ...options].join(' ');
}

/** Keeps what a run took next to the models. */
function record(out: string, name: string, run: Run): void {
  const path = join(out, 'runs.json');
  const runs = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  writeWhole(path, Buffer.from(`${JSON.stringify({ ...runs, [name]: run }, null, 2)}\n`));
}

try {
  await main();
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  if (!(error instanceof InputError || code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  process.stderr.write(`${message.split('\n')[0]}\n`);
  process.exitCode = 2;
}
process.exit();
