/**
 * `nearfar train`: trains a system on one's own files, keeps the best model, and goes on after an
 * interruption with the very bits of a run that was never stopped.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { DivergedError, type TrainStep, train as trainModel } from '../models/index.js';
import { manualSeed } from '../nn/index.js';
import {
  hasState,
  openFolder,
  type RunState,
  readModel,
  readState,
  writeModel,
  writeState,
} from './checkpoint.js';
import {
  type Command,
  type Input,
  InputError,
  JSON_OPTION,
  realNumber,
  wholeNumber,
} from './command.js';
import { inputError } from './folder.js';
import { type Settings, SYSTEMS, type System, type Trained } from './systems.js';
import { readTexts } from './text.js';

/** An option that is a number: how it is called, what it sets, and its range. */
interface NumberOption {
  flag: string;
  setting: string;
  description: string;
  least: number;
  most: number;
  whole: boolean;
}

const LARGEST = 2 ** 31;
const NUMBERS: readonly NumberOption[] = [
  whole('steps', 'steps', 'how long to train'),
  whole('batch', 'batch', 'samples a step'),
  real('lr', 'learningRate', 'the highest learning rate', 1e-9, 1e3),
  whole('warmup', 'warmup', 'steps in which the learning rate rises', 0),
  real('weight-decay', 'weightDecay', 'on tensors of two axes', 0, 1e3),
  real('grad-clip', 'gradClip', 'longest gradient', 1e-9, 1e9),
  whole('eval-every', 'evalEvery', 'steps between validations and checkpoints'),
  whole('layers', 'layers', 'blocks of the network'),
  whole('heads', 'heads', 'heads of attention'),
  whole('width', 'width', 'numbers a token'),
  whole('context', 'context', 'tokens a window'),
  real('dropout', 'dropout', 'share of numbers left out while training', 0, 0.99),
  whole('seed', 'seed', 'another seed gives other random numbers', 0),
];

function whole(flag: string, setting: string, description: string, least = 1): NumberOption {
  return { flag, setting, description, least, most: LARGEST, whole: true };
}

function real(
  flag: string,
  setting: string,
  description: string,
  least: number,
  most: number,
): NumberOption {
  return { flag, setting, description, least, most, whole: false };
}

/** Validations in a run, unless told otherwise. */
const EVALUATIONS = 8;

export const train: Command = {
  name: 'train',
  summary: 'train a system on your own files',
  arguments: [
    {
      notation: '<system>',
      description: SYSTEMS.map(({ name, summary }) => `${name}: ${summary}`).join('; '),
    },
  ],
  options: [
    { flags: '--data <path>', description: '.txt, .jsonl or .csv, or a folder of them' },
    { flags: '--out <dir>', description: 'folder for the trained system' },
    { flags: '--resume', description: 'go on with the run in the folder' },
    ...NUMBERS.map(({ flag, description }) => ({ flags: `--${flag} <n>`, description })),
    JSON_OPTION,
  ],
  run,
};

/** Camel case of an option's name, as the parser has it. */
function key(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function readSettings(options: Input['options']): Settings {
  const given = NUMBERS.flatMap(({ flag, setting, least, most, whole }) => {
    const text = options[key(flag)];
    if (typeof text !== 'string') return [];
    if (whole) return [[setting, wholeNumber(`--${flag}`, text, least, most)] as const];
    const value = realNumber(`--${flag}`, text, least, most);
    return [[setting, value] as const];
  });
  return Object.fromEntries(given);
}

function required(options: Input['options'], name: string): string {
  const value = options[name];
  if (typeof value !== 'string' || value === '') throw new InputError(`--${name} is needed`);
  return value;
}

function systemNamed(name: string | undefined): System {
  const found = SYSTEMS.find((system) => system.name === name);
  if (found !== undefined) return found;
  const names = SYSTEMS.map((system) => system.name).join(' or ');
  throw new InputError(`the system must be ${names}, got ${JSON.stringify(name)}`);
}

/** One run: where it writes, what it was asked for, and how far it has come. */
interface Run {
  out: string;
  settings: Settings;
  data: string;
  steps: number;
  batch: number;
  evalEvery: number;
  best: RunState['best'];
}

async function run(input: Input): Promise<void> {
  const { positional, options, terminal } = input;
  const system = systemNamed(positional[0]);
  const texts = readTexts(required(options, 'data'));
  const out = required(options, 'out');
  const settings = { system: system.name, ...readSettings(options) };
  const data = bytesToHex(sha256(utf8ToBytes(JSON.stringify(texts))));
  openFolder(out);
  const resumed = options.resume === true && hasState(out) ? readState(out) : undefined;
  if (resumed !== undefined) checkSame(resumed, settings, data);
  const all: Settings = { ...settings, ...(resumed?.settings as Settings | undefined) };
  if (resumed?.finished) {
    terminal.line(`the run in ${out} is finished: ${resumed.step} steps`);
    terminal.event('done', { step: resumed.step, ...resumed.metrics });
    return;
  }
  const { defaults } = system;
  const steps = (all.steps as number | undefined) ?? defaults.steps;
  const one: Run = {
    out,
    settings: all,
    data,
    steps,
    batch: (all.batch as number | undefined) ?? defaults.batch,
    evalEvery: (all.evalEvery as number | undefined) ?? Math.ceil(steps / EVALUATIONS),
    best: resumed?.best,
  };
  manualSeed((all.seed as number | undefined) ?? 0);
  const trained = inputError('--data', () => system.create(texts, all));
  const { warmup } = all as { warmup?: number };
  if (warmup !== undefined && warmup > steps / 10) {
    terminal.line(
      `--warmup ${warmup} is cut to a tenth of the run, ${Math.floor(steps / 10)} steps`,
    );
  }
  await runSteps(input, one, trained, resumed);
}

/** A run goes on with what it began with, or not at all. */
function checkSame(resumed: RunState, settings: Settings, data: string): void {
  for (const [name, value] of Object.entries(settings)) {
    const before = resumed.settings[name];
    if (before === value) continue;
    throw new InputError(
      `--resume: the run began with ${name} ${before ?? 'by default'}, not ${value}`,
    );
  }
  if (resumed.data !== data)
    throw new InputError('--resume: --data is not what the run began with');
}

async function runSteps(
  { terminal, onInterrupt }: Input,
  run: Run,
  trained: Trained<unknown>,
  resumed: ReturnType<typeof readState> | undefined,
): Promise<void> {
  const { model, unit, training } = trained;
  const { steps, batch, out } = run;
  const abort = new AbortController();
  onInterrupt(() => abort.abort());
  const progress = terminal.progress('train', steps, { ...unit, perStep: unit.perStep(batch) });
  let last: TrainStep | undefined;
  try {
    const loop = trainModel(model, training, {
      ...(run.settings as object),
      ...(resumed ? { resume: resumed.restore(model) } : {}),
      steps,
      batch,
      signal: abort.signal,
    });
    for await (const step of loop) {
      last = step;
      await progress.step(step.step, step.loss, { learningRate: step.learningRate });
      const done = step.step === steps;
      if (!done && !abort.signal.aborted && step.step % run.evalEvery !== 0) continue;
      if (!abort.signal.aborted) judge(terminal, run, trained, step);
      if (done) finish(terminal, run, trained, step);
      else save(run, trained, step, {});
    }
  } catch (error) {
    progress.end();
    throw diverged(error, run) ?? error;
  }
  progress.end();
  if (last !== undefined && last.step < steps) {
    terminal.line(
      `stopped after step ${last.step} of ${steps}; the same command with --resume goes on`,
    );
    terminal.event('interrupted', { step: last.step, out });
    process.exitCode = INTERRUPTED;
  }
}

/** 128 and the number of SIGINT, as shells count. */
const INTERRUPTED = 130;

/** Validates, and keeps the model if it is the best so far. */
function judge(
  terminal: Input['terminal'],
  run: Run,
  trained: Trained<unknown>,
  { step }: TrainStep,
): void {
  trained.model.eval();
  const metrics = trained.evaluate(step < run.steps);
  const text = trained.sample();
  trained.model.train();
  const { valLoss = Number.NaN } = metrics;
  terminal.event('eval', { step, ...metrics, sample: text });
  terminal.line(`step ${step}: validation loss ${valLoss.toFixed(4)} · ${JSON.stringify(text)}`);
  if (run.best !== undefined && !(valLoss < run.best.valLoss)) return;
  run.best = { step, valLoss };
  writeModel(run.out, trained.files());
}

function save(
  run: Run,
  { model }: Trained<unknown>,
  step: TrainStep,
  metrics: Record<string, number>,
): void {
  const { optimizer, random } = step.state();
  const { settings, data, best, out, steps } = run;
  const finished = step.step === steps;
  const at = step.step;
  writeState(out, model, optimizer, { settings, data, step: at, finished, best, random, metrics });
}

/** Ends a run: the best model's loss over the whole validation part is what it is judged by. */
function finish(
  terminal: Input['terminal'],
  run: Run,
  trained: Trained<unknown>,
  step: TrainStep,
): void {
  const metrics = trained.metricsOf(readModel(run.out));
  save(run, trained, step, metrics);
  terminal.event('done', { step: step.step, bestStep: run.best?.step, ...metrics, out: run.out });
  const list = Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  terminal.line(`${run.out}: ${list.join(', ')}, the best of step ${run.best?.step}`);
}

function diverged(error: unknown, { best, out }: Run): InputError | undefined {
  if (!(error instanceof DivergedError)) return undefined;
  const good = best ? `the best model, of step ${best.step}, is in ${out}` : 'no model was kept';
  return new InputError(
    `the loss of step ${error.step} is ${error.loss}; ${good}; try a lower --lr`,
  );
}
