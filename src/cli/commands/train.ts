/**
 * `nearfar train`: trains a model on files, keeps the best one, and goes on after an interruption
 * with the same bits as a run that was never stopped.
 */

import { NonFiniteError } from '../../core/validation.js';
import { type GradientFormat, trainRanks } from '../../distributed/index.js';
import {
  DivergedError,
  type StepCost,
  type TrainStep,
  train as trainModel,
} from '../../models/index.js';
import { manualSeed, tidy } from '../../nn/index.js';
import { InputError, Interrupted } from '../../terminal/errors.js';
import type { Option } from '../../terminal/options.js';
import { type Command, type Input, JSON_OPTION, required } from '../command.js';
import { hasModules, readEncoderFolder } from '../input/encoder-folder.js';
import { findModel, MODELS } from '../models/index.js';
import type { Metrics, TrainingSetup, TrainLoop } from '../models/model.js';
import { inputError } from '../models/open.js';
import {
  describeOptions,
  readSettings,
  type Settings,
  toOptions,
  trainingSettings,
} from '../models/options.js';
import {
  hasState,
  openFolder,
  type RunState,
  readAdapterFiles,
  readModel,
  readState,
  writeModel,
  writeState,
} from '../output/checkpoint.js';
import { formatMetric, metricTitle } from '../output/metrics.js';
import { costLine, describeCost, medianCost } from '../ranks/cost.js';
import { type JobRun, jobOf } from '../ranks/job.js';
import { joinJob } from '../ranks/nats.js';
import { chooseShards, RANK_OPTIONS, type RankOptions, readRankOptions } from '../ranks/options.js';
import { joinThread, type Ranks, startThreads, threadRank } from '../ranks/threads.js';

/** Validations in a run, unless told otherwise. */
const EVALUATIONS = 8;

const MODEL_OPTIONS = MODELS.flatMap(({ options }) => options);

/** Models that help is about: the one that its command line names, or all. */
function askedModels(): typeof MODELS {
  const named = MODELS.filter(({ name }) => process.argv.includes(name));
  return named.length === 0 ? MODELS : named;
}

/** Describes the data of models, once where several take the same. */
function describeData(models: typeof MODELS): string {
  const kinds = [...new Set(models.map(({ data }) => data))];
  const takers = (kind: string): string =>
    models.flatMap(({ name, data }) => (data === kind ? name : [])).join(', ');
  if (models.length === 1) return kinds.join('');
  return kinds.map((kind) => `${takers(kind)}: ${kind}`).join('; ');
}

/** Command lines of a model, or the plainest one of each. */
function exampleLines(models: typeof MODELS): string[] {
  return models.flatMap(({ examples }) => (models.length === 1 ? examples : examples[0]));
}

const withModelOptions = (modelOptions: readonly Option[]): Option[] => [
  {
    flags: '--data <path>',
    description: describeData(askedModels()),
  },
  { flags: '--out <dir>', description: 'folder for the trained model' },
  { flags: '--resume', description: 'go on with the run in the folder, if there is one' },
  { flags: '--force', description: 'replace the model in the folder' },
  ...modelOptions,
  ...RANK_OPTIONS,
  JSON_OPTION,
];

/** Trains a model. */
export const train: Command = {
  name: 'train',
  summary: 'train a model on your own files',
  arguments: [
    {
      notation: '<model>',
      description: [
        ...MODELS.map(({ name, summary }) => `${name}: ${summary}`),
        'nearfar train NAME --help prints the options of one alone',
      ].join('; '),
    },
  ],
  options: withModelOptions(toOptions(MODEL_OPTIONS)),
  help: () => withModelOptions(describeOptions(askedModels())),
  examples: exampleLines(askedModels()),
  run,
};

/** One run: where it writes, what it was asked for, and how far it has come. */
interface Run extends JobRun {
  out: string;
  best: RunState['best'];
  /** Step of the last state that was written. */
  saved: number | undefined;
  /** True once anything of this run is in the folder. */
  written: boolean;
}

/** Ranks that share a run, and the shards that they cut its batches into. */
interface Sharing {
  ranks: Ranks;
  shards: number;
  gradients: GradientFormat;
  /** Cost of each step so far. */
  costs: StepCost[];
}

async function run(input: Input): Promise<void> {
  const { positional, options, terminal } = input;
  const declaration = findModel(positional[0]);
  const path = required(options, 'data');
  const out = required(options, 'out');
  if (options.resume === true && options.force === true) {
    throw new InputError('--resume goes on with a run and --force replaces it: give one of them');
  }
  const given = readSettings(declaration.name, options, declaration.options, MODEL_OPTIONS);
  const settings = { model: declaration.name, ...given };
  const asked = readRankOptions(options);
  const thread = threadRank();
  // Rank 0 alone writes; which of several processes that is turns out later.
  const open = (): void =>
    openFolder(out, { resume: options.resume === true, force: options.force === true });
  if (thread === undefined && asked?.nats === undefined) open();
  const resumed = options.resume === true && hasState(out) ? readState(out) : undefined;
  if (options.resume === true && resumed === undefined) {
    terminal.note(`there is nothing to resume in ${out}: the run begins at step 1`);
  }
  const data = await inputError('--data', () => declaration.read(path, settings));
  if (resumed !== undefined)
    checkSame(resumed, { ...settings, ...sharedSettings(asked) }, data.hash);
  const all: Settings = { ...settings, ...(resumed?.settings as Settings | undefined) };
  if (resumed?.finished) {
    terminal.line(`the run in ${out} is finished: ${resumed.step} steps`);
    const ranks = asked && { ranks: asked.ranks };
    terminal.event('done', { step: resumed.step, ...resumed.metrics, ...ranks });
    return;
  }
  manualSeed((all.seed as number | undefined) ?? 0);
  const setup = await inputError(declaration.name, () => declaration.create(data, all, terminal));
  if (resumed !== undefined && setup.base !== resumed.settings.base) {
    throw new InputError(`--resume: ${all.from} is not the encoder that the run began with`);
  }
  for (const note of setup.notes ?? []) terminal.note(note);
  const plan = planOf(terminal, setup, all);
  const { best, step: saved } = resumed ?? {};
  const written = resumed !== undefined;
  const begunWith = setup.base === undefined ? all : { ...all, base: setup.base };
  const begun = { out, settings: begunWith, data: data.hash, best, saved, written, ...plan };
  const sharing = await shareRun(asked, begun, resumed?.step ?? 0, terminal);
  try {
    if (asked?.nats !== undefined && sharing?.ranks.communicator.rank === 0) open();
    await inputError(resumed ? `--resume ${out}` : declaration.name, () =>
      runSteps(input, begun, setup, resumed, sharing),
    );
  } catch (error) {
    throw sharing?.ranks.explain(error) ?? error;
  } finally {
    await sharing?.ranks.end();
  }
}

/** Settings that ranks have, as a run keeps them; the number of ranks is not one. */
function sharedSettings(asked: RankOptions | undefined): Settings {
  const { shards, gradients } = asked ?? {};
  return {
    ...(shards !== undefined && { shards }),
    // A run keeps a format that is not the default.
    ...(gradients !== undefined && { gradients: gradients === 'f32' ? undefined : gradients }),
  };
}

/** Starts the ranks of a run, or joins them; a run that began with shards goes on with them. */
async function shareRun(
  asked: RankOptions | undefined,
  run: Run,
  step: number,
  terminal: Input['terminal'],
): Promise<Sharing | undefined> {
  const before = run.settings.shards as number | undefined;
  if (asked === undefined && before === undefined) return undefined;
  if (before === undefined && run.written) {
    throw new InputError('--ranks: the run began without; --resume goes on with it on one machine');
  }
  const options = { ranks: asked?.ranks ?? 1, shards: before ?? asked?.shards };
  const shards = chooseShards(options, run.batchSize);
  const format = (run.settings.gradients ?? asked?.gradients ?? 'f32') as GradientFormat;
  run.settings = { ...run.settings, shards, ...(format !== 'f32' && { gradients: format }) };
  const sharing = { shards, gradients: format, costs: [] };
  const thread = threadRank();
  if (thread !== undefined) return { ...sharing, ranks: joinThread(thread) };
  if (asked?.nats === undefined) return { ...sharing, ranks: startThreads(options.ranks) };
  const job = { url: asked.nats, job: jobOf(run, asked.job), ranks: options.ranks, step };
  return { ...sharing, ranks: await joinJob(job, terminal) };
}

/** Decides how long and in what batches to train, and says what is cut to the run or to the data. */
function planOf(
  terminal: Input['terminal'],
  { model, samples }: TrainingSetup,
  settings: Settings,
): Pick<Run, 'steps' | 'batchSize' | 'warmup' | 'evalEvery'> {
  const asked = (name: 'steps' | 'batchSize'): number =>
    (settings[name] as number | undefined) ?? model.defaults[name];
  const steps = asked('steps');
  // A warm-up that was asked for is kept; the default one is made for a long run.
  const shortened = Math.min(model.defaults.warmup, Math.floor(steps / 10));
  const warmup = (settings.warmup as number | undefined) ?? shortened;
  const batchSize = Math.min(asked('batchSize'), samples);
  if (batchSize < asked('batchSize')) {
    terminal.note(`a batch of ${asked('batchSize')} is cut to the data, ${batchSize} samples`);
  }
  const evalEvery = (settings.evalEvery as number | undefined) ?? Math.ceil(steps / EVALUATIONS);
  return { steps, batchSize, warmup, evalEvery };
}

/** Makes sure that a run goes on with what it began with. */
function checkSame(resumed: RunState, settings: Settings, data: string): void {
  for (const [name, value] of Object.entries(settings)) {
    const before = resumed.settings[name];
    if (before === value) continue;
    throw new InputError(
      `--resume: the run began with ${name} ${before ?? 'by default'}, not ${value ?? 'by default'}: leave that option out to go on as it began`,
    );
  }
  if (resumed.data !== data)
    throw new InputError('--resume: --data is not what the run began with');
}

async function runSteps(
  { terminal, onInterrupt }: Input,
  run: Run,
  setup: TrainingSetup,
  resumed: ReturnType<typeof readState> | undefined,
  sharing: Sharing | undefined,
): Promise<void> {
  const { model, unit, training } = setup;
  const { steps, batchSize, warmup, out } = run;
  // A step that has begun is ended, so that there is a state to save.
  let interrupted = false;
  onInterrupt(() => {
    interrupted = true;
  });
  const progress = terminal.progress('train', steps, {
    unit: { name: unit.name, perStep: unit.perStep(batchSize) },
  });
  try {
    const options = {
      ...trainingSettings(run.settings),
      ...(resumed ? { state: resumed.restore(model) } : {}),
      steps,
      batchSize,
      warmup,
    };
    const train = sharing === undefined ? trainModel : trainShared(sharing);
    const loop = setup.run?.(options, train) ?? train(model, training, options);
    for await (const step of loop) {
      const { loss, learningRate, cost } = step;
      if (cost !== undefined) sharing?.costs.push(cost);
      const fields = { learningRate, ...(cost && { cost: describeCost(cost) }) };
      await progress.step(step.step, loss, fields);
      if (sharing !== undefined && sharing.ranks.communicator.rank > 0) continue;
      const done = step.step === steps;
      const due = done || step.step % run.evalEvery === 0;
      if (due) await validate(terminal, run, setup, step);
      if (done) await finish(terminal, run, setup, step, sharing);
      else if (due || interrupted) save(run, setup, step, {});
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

/** Trains as one of several ranks. */
function trainShared({ ranks: { communicator, onLost }, shards, gradients }: Sharing): TrainLoop {
  const options = { communicator, shards, gradients, ...(onLost && { onLost }) };
  return ((model: never, data: never, own: object) =>
    trainRanks(model, data, { ...own, ...options })) as TrainLoop;
}

/** Writes the model's files; the first ones of a run replace those of an earlier one. */
function write(run: Run, setup: TrainingSetup): void {
  writeModel(run.out, setup.files(), run.written ? undefined : { resumable: true });
  run.written = true;
}

/**
 * Validates, always on the same sample, and writes the model if it is the best so far.
 *
 * @throws {DivergedError} if the loss is not finite
 */
async function validate(
  terminal: Input['terminal'],
  run: Run,
  setup: TrainingSetup,
  { step }: TrainStep,
): Promise<void> {
  setup.model.eval();
  const metrics = await evaluate(setup);
  const { criterion } = setup;
  const { valLoss = criterion === undefined ? Number.NaN : undefined } = metrics;
  if (valLoss !== undefined && !Number.isFinite(valLoss)) {
    throw new DivergedError(step, valLoss, 'validation loss');
  }
  const sample = await setup.sample();
  setup.model.train();
  terminal.event('eval', { step, ...metrics, sample });
  const shown = sample.replaceAll('\n', '↵');
  const figures = [
    ...(valLoss === undefined ? [] : [`validation loss ${valLoss.toFixed(4)}`]),
    ...(criterion === undefined
      ? []
      : [`${metricTitle(criterion)} ${formatMetric(metrics[criterion] as number)}`]),
  ];
  terminal.line(`step ${step}: ${[...figures, shown].join(' · ')}`);
  const value = criterion === undefined ? (valLoss as number) : -(metrics[criterion] as number);
  if (run.best !== undefined && !(value < run.best.value)) return;
  run.best = { step, value };
  write(run, setup);
}

/** Evaluates on the sample; a loss that was rejected as not finite is NaN. */
async function evaluate(setup: TrainingSetup): Promise<Metrics> {
  try {
    return await setup.evaluate();
  } catch (error) {
    if (error instanceof NonFiniteError) return { valLoss: Number.NaN };
    throw error;
  }
}

function save(
  run: Run,
  setup: TrainingSetup,
  step: TrainStep,
  metrics: Record<string, number>,
): void {
  // A run that is stopped before its first validation leaves a model, too.
  if (run.best === undefined) write(run, setup);
  const { optimizer, seed } = step.state();
  const { settings, data, best, out, steps } = run;
  const finished = step.step === steps;
  tidy(() => {
    writeState(out, setup.model, optimizer, {
      ...{ settings, data, step: step.step, finished, best, seed, metrics },
    });
  });
  run.saved = step.step;
}

/** Ends a run: evaluates the best model on all validation data. */
async function finish(
  terminal: Input['terminal'],
  run: Run,
  setup: TrainingSetup,
  step: TrainStep,
  sharing: Sharing | undefined,
): Promise<void> {
  const files = hasModules(run.out) ? readEncoderFolder(run.out) : readModel(run.out);
  const metrics = await setup.metricsOf(files);
  const summary = await setup.summarize?.(files);
  if (summary !== undefined) {
    writeModel(run.out, new Map([...files, ...readAdapterFiles(run.out), ...summary.files]));
  }
  save(run, setup, step, metrics);
  const cost = medianCost(sharing?.costs ?? []);
  const ranks = sharing && {
    ranks: sharing.ranks.communicator.size,
    ...(cost && { cost: describeCost(cost) }),
  };
  const facts = { ...metrics, ...summary?.facts, ...ranks };
  terminal.event('done', { step: step.step, bestStep: run.best?.step, ...facts, out: run.out });
  if (summary !== undefined) {
    const { head, rows } = summary.table;
    terminal.table([...head], rows);
    for (const line of summary.lines) terminal.line(line);
    for (const name of summary.files.keys()) terminal.line(`${run.out}/${name}: the report`);
  }
  if (cost !== undefined) terminal.line(costLine(cost));
  const list = Object.entries(metrics).map(
    ([name, value]) => `${metricTitle(name)} ${formatMetric(value)}`,
  );
  terminal.line(`${run.out}: the best model, of step ${run.best?.step}: ${list.join(', ')}`);
}

/** Describes what a diverged run leaves: nothing is written from then on. */
function diverged({ step, what, value }: DivergedError, { best, saved, out }: Run): InputError {
  const kept = [
    ...(saved === undefined ? [] : [`the last good checkpoint, of step ${saved}`]),
    ...(best === undefined ? [] : [`the best model, of step ${best.step}`]),
  ];
  const holds = `${out} holds ${kept.join(' and ') || 'no checkpoint of this run'}`;
  return new InputError(`the ${what} of step ${step} is ${value}; ${holds}; try a lower --lr`);
}
