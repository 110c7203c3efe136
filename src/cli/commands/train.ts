/**
 * `nearfar train`: trains a model on one's own files, keeps the best model, and goes on after an
 * interruption with the very bits of a run that was never stopped.
 */

import { NonFiniteError } from '../../core/validation.js';
import { DivergedError, type TrainStep, train as trainModel } from '../../models/index.js';
import { manualSeed } from '../../nn/index.js';
import { InputError, Interrupted } from '../../terminal/errors.js';
import { type Command, type Input, JSON_OPTION, required } from '../command.js';
import { findModel, MODELS } from '../models/index.js';
import type { Metrics, TrainingSetup } from '../models/model.js';
import { inputError } from '../models/open.js';
import { readSettings, type Settings, toOptions } from '../models/options.js';
import {
  hasState,
  openFolder,
  type RunState,
  readModel,
  readState,
  removeState,
  writeModel,
  writeState,
} from '../output/checkpoint.js';

/** Validations in a run, unless told otherwise. */
const EVALUATIONS = 8;

const OPTIONS = MODELS.flatMap(({ options }) => options);

export const train: Command = {
  name: 'train',
  summary: 'train a model on your own files',
  arguments: [
    {
      notation: '<model>',
      description: MODELS.map(({ name, summary }) => `${name}: ${summary}`).join('; '),
    },
  ],
  options: [
    {
      flags: '--data <path>',
      description: MODELS.map(({ name, data }) => `${name}: ${data}`).join('; '),
    },
    { flags: '--out <dir>', description: 'folder for the trained model' },
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
  /** The step of the last state that was written. */
  saved: number | undefined;
}

async function run(input: Input): Promise<void> {
  const { positional, options, terminal } = input;
  const declaration = findModel(positional[0]);
  const path = required(options, 'data');
  const out = required(options, 'out');
  const given = readSettings(declaration.name, options, declaration.options, OPTIONS);
  const settings = { model: declaration.name, ...given };
  const data = await inputError('--data', () => declaration.read(path, settings));
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
  const trained = await inputError(declaration.name, () => declaration.create(data, all));
  const plan = planOf(terminal, trained, all);
  const { best, step: saved } = resumed ?? {};
  const begun = { out, settings: all, data: data.hash, best, saved, ...plan };
  await inputError(resumed ? `--resume ${out}` : declaration.name, () =>
    runSteps(input, begun, trained, resumed),
  );
}

/** How long and in what batches to train; what is cut to the run or to the data is said. */
function planOf(
  terminal: Input['terminal'],
  { model, samples }: TrainingSetup,
  settings: Settings,
): Pick<Run, 'steps' | 'batch' | 'warmup' | 'evalEvery'> {
  const asked = (name: 'steps' | 'batchSize' | 'warmup'): number =>
    (settings[name] as number | undefined) ?? model.defaults[name];
  const steps = asked('steps');
  const warmup = Math.min(asked('warmup'), Math.floor(steps / 10));
  if (warmup < asked('warmup')) {
    terminal.note(
      `a warm-up of ${asked('warmup')} steps is cut to a tenth of the run, ${warmup} steps`,
    );
  }
  const batch = Math.min(asked('batchSize'), samples);
  if (batch < asked('batchSize')) {
    terminal.note(`a batch of ${asked('batchSize')} is cut to the data, ${batch} samples`);
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
  trained: TrainingSetup,
  resumed: ReturnType<typeof readState> | undefined,
): Promise<void> {
  const { model, unit, training } = trained;
  const { steps, batch, warmup, out } = run;
  // A step that has begun is ended, so that there is a state to save.
  let interrupted = false;
  onInterrupt(() => {
    interrupted = true;
  });
  const progress = terminal.progress('train', steps, { ...unit, perStep: unit.perStep(batch) });
  try {
    const loop = trainModel(model, training, {
      ...(run.settings as object),
      ...(resumed ? { state: resumed.restore(model) } : {}),
      steps,
      batchSize: batch,
      warmup,
    });
    for await (const step of loop) {
      await progress.step(step.step, step.loss, { learningRate: step.learningRate });
      const done = step.step === steps;
      const due = done || step.step % run.evalEvery === 0;
      if (due) await validate(terminal, run, trained, step);
      if (done) await finish(terminal, run, trained, step);
      else if (due || interrupted) save(run, trained, step, {});
      if (done || !interrupted) continue;
      terminal.event('interrupted', { step: step.step, out });
      throw new Interrupted(
        `stopped after step ${step.step} of ${steps}; the same command with --resume goes on`,
      );
    }
  } catch (error) {
    throw error instanceof DivergedError ? diverged(error, run) : error;
  } finally {
    progress.end();
  }
}

/**
 * Validates, and keeps the model if it is the best so far: on a sample, always the same, so that
 * like is compared with like.
 * @throws DivergedError if the loss is not finite
 */
async function validate(
  terminal: Input['terminal'],
  run: Run,
  trained: TrainingSetup,
  { step }: TrainStep,
): Promise<void> {
  trained.model.eval();
  const metrics = await evaluate(trained);
  const { valLoss = Number.NaN } = metrics;
  if (!Number.isFinite(valLoss)) throw new DivergedError(step, valLoss, 'validation loss');
  const text = await trained.sample();
  trained.model.train();
  terminal.event('eval', { step, ...metrics, sample: text });
  terminal.line(`step ${step}: validation loss ${valLoss.toFixed(4)} · ${JSON.stringify(text)}`);
  if (run.best !== undefined && !(valLoss < run.best.valLoss)) return;
  // A run's first model takes the place of an earlier run's, whose state is no good from then on.
  if (run.best === undefined) removeState(run.out);
  run.best = { step, valLoss };
  writeModel(run.out, trained.files());
}

/** Metrics over the sample; a loss that was refused as not finite is NaN. */
async function evaluate(trained: TrainingSetup): Promise<Metrics> {
  try {
    return await trained.evaluate();
  } catch (error) {
    if (error instanceof NonFiniteError) return { valLoss: Number.NaN };
    throw error;
  }
}

function save(
  run: Run,
  { model }: TrainingSetup,
  step: TrainStep,
  metrics: Record<string, number>,
): void {
  const { optimizer, random } = step.state();
  const { settings, data, best, out, steps } = run;
  const finished = step.step === steps;
  const at = step.step;
  writeState(out, model, optimizer, { settings, data, step: at, finished, best, random, metrics });
  run.saved = at;
}

/** Ends a run: the best model's loss over the whole validation part is what it is judged by. */
async function finish(
  terminal: Input['terminal'],
  run: Run,
  trained: TrainingSetup,
  step: TrainStep,
): Promise<void> {
  const metrics = await trained.metricsOf(readModel(run.out));
  save(run, trained, step, metrics);
  terminal.event('done', { step: step.step, bestStep: run.best?.step, ...metrics, out: run.out });
  const list = Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  terminal.line(`${run.out}: ${list.join(', ')}, the best of step ${run.best?.step}`);
}

/** What a diverged run leaves: nothing is written from then on. */
function diverged({ step, what, value }: DivergedError, { best, saved, out }: Run): InputError {
  const kept = [
    ...(saved === undefined ? [] : [`the last good checkpoint, of step ${saved}`]),
    ...(best === undefined ? [] : [`the best model, of step ${best.step}`]),
  ];
  const holds = `${out} holds ${kept.join(' and ') || 'no checkpoint of this run'}`;
  return new InputError(`the ${what} of step ${step} is ${value}; ${holds}; try a lower --lr`);
}
