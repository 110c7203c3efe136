/**
 * `nearfar train`: trains a system on one's own files, keeps the best model, and goes on after an
 * interruption with the very bits of a run that was never stopped.
 */

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
import { type Command, type Input, InputError, JSON_OPTION, required } from './command.js';
import { inputError } from './folder.js';
import { readSettings, type Settings, toOptions } from './options.js';
import { SYSTEMS, systemNamed } from './systems/index.js';
import type { Trained } from './systems/system.js';

/** Validations in a run, unless told otherwise. */
const EVALUATIONS = 8;

const OPTIONS = SYSTEMS.flatMap(({ options }) => options);

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
    {
      flags: '--data <path>',
      description: SYSTEMS.map(({ name, data }) => `${name}: ${data}`).join('; '),
    },
    { flags: '--out <dir>', description: 'folder for the trained system' },
    { flags: '--resume', description: 'go on with the run in the folder' },
    ...toOptions(OPTIONS),
    JSON_OPTION,
  ],
  run,
};

/** One run: where it writes, what it was asked for, and how far it has come. */
interface Run {
  out: string;
  settings: Settings;
  data: string;
  steps: number;
  batch: number;
  warmup: number;
  evalEvery: number;
  best: RunState['best'];
}

async function run(input: Input): Promise<void> {
  const { positional, options, terminal } = input;
  const system = systemNamed(positional[0]);
  const path = required(options, 'data');
  const out = required(options, 'out');
  const given = readSettings(system.name, options, system.options, OPTIONS);
  const settings = { system: system.name, ...given };
  const data = await inputError('--data', () => system.read(path, settings));
  openFolder(out);
  const resumed = options.resume === true && hasState(out) ? readState(out) : undefined;
  if (resumed !== undefined) checkSame(resumed, settings, data.hash);
  const all: Settings = { ...settings, ...(resumed?.settings as Settings | undefined) };
  if (resumed?.finished) {
    terminal.line(`the run in ${out} is finished: ${resumed.step} steps`);
    terminal.event('done', { step: resumed.step, ...resumed.metrics });
    return;
  }
  manualSeed((all.seed as number | undefined) ?? 0);
  const trained = await inputError(system.name, () => system.create(data, all));
  const plan = planOf(terminal, trained, all);
  const { best } = resumed ?? {};
  await runSteps(input, { out, settings: all, data: data.hash, best, ...plan }, trained, resumed);
}

/** How long and in what batches to train; what is cut to the run or to the data is said. */
function planOf(
  terminal: Input['terminal'],
  { model, samples }: Trained,
  settings: Settings,
): Pick<Run, 'steps' | 'batch' | 'warmup' | 'evalEvery'> {
  const asked = (name: 'steps' | 'batch' | 'warmup'): number =>
    (settings[name] as number | undefined) ?? model.defaults[name];
  const steps = asked('steps');
  const warmup = Math.min(asked('warmup'), Math.floor(steps / 10));
  if (warmup < asked('warmup')) {
    terminal.note(
      `a warm-up of ${asked('warmup')} steps is cut to a tenth of the run, ${warmup} steps`,
    );
  }
  const batch = Math.min(asked('batch'), samples);
  if (batch < asked('batch')) {
    terminal.note(`a batch of ${asked('batch')} is cut to the data, ${batch} samples`);
  }
  const evalEvery = (settings.evalEvery as number | undefined) ?? Math.ceil(steps / EVALUATIONS);
  return { steps, batch, warmup, evalEvery };
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
  trained: Trained,
  resumed: ReturnType<typeof readState> | undefined,
): Promise<void> {
  const { model, unit, training } = trained;
  const { steps, batch, warmup, out } = run;
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
      warmup,
      signal: abort.signal,
    });
    for await (const step of loop) {
      last = step;
      await progress.step(step.step, step.loss, { learningRate: step.learningRate });
      const done = step.step === steps;
      if (!done && !abort.signal.aborted && step.step % run.evalEvery !== 0) continue;
      if (!abort.signal.aborted) await judge(terminal, run, trained, step);
      if (done) await finish(terminal, run, trained, step);
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
async function judge(
  terminal: Input['terminal'],
  run: Run,
  trained: Trained,
  { step }: TrainStep,
): Promise<void> {
  trained.model.eval();
  const metrics = await trained.evaluate(step < run.steps);
  const text = await trained.sample();
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
  { model }: Trained,
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
async function finish(
  terminal: Input['terminal'],
  run: Run,
  trained: Trained,
  step: TrainStep,
): Promise<void> {
  const metrics = await trained.metricsOf(readModel(run.out));
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
