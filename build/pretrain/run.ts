/**
 * Runs a recipe: trains, keeps a state to go on from, and gives the files of the model's folder, its
 * weights in 16 bits, with a record of the run. A run that is stopped and goes on gives the same
 * bits as one that was not: the order of its data and all random numbers follow from the seed.
 */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BITS } from 'nearfar';
import { type Files, type TrainState, train } from 'nearfar/models';
import { loadSafetensors, readMetadata, saveSafetensors, type Tensor, tidy } from 'nearfar/nn';
import { digest, writeWhole } from '../files.js';
import { halveWeights } from './float16.js';
import type { Prepared, PretrainingRecord, Recipe } from './recipe.js';

/** Points of the curves. */
const POINTS = 8;
/** Steps after which the state is kept. */
const KEEP_EVERY = 100;

export interface RunOptions {
  seed: number;
  /** Folder of the states. */
  cache: string;
  signal?: AbortSignal;
  /** Called after each step. */
  onStep?(step: number, loss: number): void | Promise<void>;
}

/** Measurements of a run so far. */
interface Curves {
  losses: [step: number, loss: number][];
  validation: [step: number, value: number][];
  /** Sum of the losses of the stretch that is not yet over. */
  sum: number;
  /** Seconds of the processor, over all threads. */
  cpuSeconds: number;
}

interface State extends Curves {
  step: number;
  weights: Map<string, Tensor>;
  optimizer: Map<string, Tensor>;
}

const WEIGHT = 'weight:';
const MOMENT = 'optimizer:';

function readState(path: string): State {
  const bytes = new Uint8Array(readFileSync(path));
  const { step, curves } = readMetadata(bytes);
  const tensors = loadSafetensors(bytes);
  const under = (prefix: string): Map<string, Tensor> =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
    );
  return {
    ...(JSON.parse(curves as string) as Curves),
    step: Number(step),
    weights: under(WEIGHT),
    optimizer: under(MOMENT),
  };
}

function writeState(
  path: string,
  model: Prepared<never>['model'],
  { step, optimizer }: TrainState,
  curves: Curves,
): void {
  const tensors = new Map([
    ...Array.from(model.stateDict(), ([name, tensor]) => [WEIGHT + name, tensor] as const),
    ...Array.from(optimizer, ([name, tensor]) => [MOMENT + name, tensor] as const),
  ]);
  const metadata = { step: String(step), curves: JSON.stringify(curves) };
  writeWhole(path, saveSafetensors(tensors, metadata));
}

/** Rounds what readers see, so that the record is short. */
function short(value: number, digits = 5): number {
  return Number(value.toPrecision(digits));
}

/**
 * Pre-trains a model, from where an earlier run of the same recipe was stopped.
 *
 * @returns the files of its folder and the time they took, or nothing if the signal stopped the run
 */
export async function pretrain<Data>(
  { name, training, prepare }: Recipe<Data>,
  { seed, cache, signal, onStep }: RunOptions,
): Promise<{ files: Files; cpuSeconds: number } | undefined> {
  const { steps } = training;
  const prepared = await prepare(seed);
  const { model, data, description, metric, validate } = prepared;
  const key = digest(JSON.stringify([name, training, seed, BITS, description])).slice(0, 12);
  mkdirSync(cache, { recursive: true });
  const path = join(cache, `${name}-${key}.safetensors`);
  const found = existsSync(path) ? readState(path) : undefined;
  const curves: Curves = {
    losses: found?.losses ?? [],
    validation: found?.validation ?? [],
    sum: found?.sum ?? 0,
    cpuSeconds: 0,
  };
  const started = process.cpuUsage();
  const spent = (): number => {
    const { user, system } = process.cpuUsage(started);
    return (found?.cpuSeconds ?? 0) + (user + system) / 1e6;
  };
  if (found === undefined) curves.validation.push([0, short(validate())]);
  else model.loadStateDict(found.weights);
  const stretch = Math.ceil(steps / POINTS);
  const state = found && { step: found.step, seed, optimizer: found.optimizer };
  const options = { ...training, seed, ...(state === undefined ? {} : { state }) };
  for await (const step of train(model, data, options)) {
    curves.sum += step.loss;
    if (step.step % stretch === 0) {
      curves.losses.push([step.step - stretch / 2, short(curves.sum / stretch, 4)]);
      curves.sum = 0;
    }
    if (step.step % stretch === 0 || step.step === steps) {
      curves.validation.push([step.step, short(validate())]);
    }
    const stopped = signal?.aborted === true;
    if (step.step % KEEP_EVERY === 0 || step.step === steps || stopped) {
      curves.cpuSeconds = spent();
      tidy(() => writeState(path, model as Prepared<never>['model'], step.state(), curves));
    }
    await onStep?.(step.step, step.loss);
    if (stopped && step.step < steps) return undefined;
  }
  for (const tensor of [...(found?.weights ?? []), ...(found?.optimizer ?? [])]) {
    tensor[1].dispose();
  }
  const files = halveWeights(prepared.files());
  const parameters = [...model.parameters().values()].reduce((all, { size }) => all + size, 0);
  const record: PretrainingRecord = {
    model: name,
    data: description,
    bits: BITS,
    seed,
    training: {
      ...model.defaults,
      // As `train` has it: at most a tenth of the run.
      warmup: Math.min(model.defaults.warmup, Math.floor(steps / 10)),
      ...training,
    },
    parameters,
    losses: curves.losses,
    metric,
    validation: curves.validation,
    metrics: prepared.measure(files),
  };
  model.dispose();
  const json = new TextEncoder().encode(`${JSON.stringify(record, null, 1)}\n`);
  return { files: files.set('pretraining.json', json), cpuSeconds: spent() };
}
