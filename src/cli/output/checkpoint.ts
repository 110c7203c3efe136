/**
 * The folder of a trained model, and what it takes to go on training it. Every file is written
 * whole or not at all: beside its place, flushed, and renamed. `model.safetensors` and the files
 * around it are the best model so far; `resume.safetensors` is the last state: weights, moments
 * and, in its header, everything else. The state is written after the model that it calls the best:
 * a run that is killed in between goes on from the state before, and writes that model once more.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { BITS } from '../../index.js';
import type { Files, TrainState } from '../../models/index.js';
import { loadSafetensors, type Module, readMetadata, saveSafetensors } from '../../nn/index.js';
import { InputError } from '../../terminal/errors.js';
import { errorCode, prepareFolder, readBytes } from '../../terminal/files.js';

const RESUME = 'resume.safetensors';
const WEIGHTS = 'model.safetensors';
const PARTIAL = '.partial';

/** What only a trained model writes, and another one's would be taken for. */
const COMPANION = /^(tokenizer|tokenizer_config|vocab|merges|bigrams)\.(json|txt|safetensors)$/;

/** Writes a file so that a reader sees the old one or the new one, whatever happens meanwhile. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const beside = `${path}${PARTIAL}`;
  try {
    const file = openSync(beside, 'w');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    throw new InputError(`${path}: cannot write it (${errorCode(error)})`);
  }
}

/** Makes the folder, without what an earlier run may have left half written. */
export function openFolder(folder: string): void {
  prepareFolder('--out', folder);
  for (const file of readdirSync(folder)) {
    if (file.endsWith(PARTIAL)) rmSync(join(folder, file));
  }
}

function isWritten(path: string, bytes: Uint8Array): boolean {
  return existsSync(path) && readFileSync(path).equals(bytes);
}

/**
 * Writes a trained model's files. Within a run only the weights change, and they are one file.
 * Where another model was before, its weights go first and the new ones come last, so that no
 * weights ever stand beside a config or a vocabulary that is not theirs.
 */
export function writeModel(folder: string, files: Files): void {
  const at = (name: string): string => join(folder, name);
  const stale = readdirSync(folder).filter((name) => COMPANION.test(name) && !files.has(name));
  const changed = [...files].filter(
    ([name, bytes]) => name !== WEIGHTS && !isWritten(at(name), bytes),
  );
  if (stale.length + changed.length > 0) rmSync(at(WEIGHTS), { force: true });
  for (const name of stale) rmSync(at(name));
  for (const [name, bytes] of changed) writeWhole(at(name), bytes);
  const weights = files.get(WEIGHTS);
  if (weights !== undefined) writeWhole(at(WEIGHTS), weights);
}

/** The files of a trained model's folder, the resumable state aside. */
export function readModel(folder: string): Files {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new InputError(`${folder}: cannot read it (${errorCode(error)})`);
  }
  const files: Files = new Map();
  for (const name of names) {
    if (/\.(json|txt|safetensors)$/.test(name) && name !== RESUME) {
      files.set(name, readBytes(join(folder, name)));
    }
  }
  if (!files.has('config.json')) {
    throw new InputError(`${folder}: is no trained model's folder, config.json is missing`);
  }
  return files;
}

/** What a run has to remember besides tensors. */
export interface RunState {
  /** What was asked for: the options that the run depends on. */
  settings: Record<string, unknown>;
  /** Hash of the data. */
  data: string;
  step: number;
  finished: boolean;
  best: { step: number; valLoss: number } | undefined;
  random: TrainState['random'];
  /** What a finished run was judged by. */
  metrics: Record<string, number>;
}

/** Writes the state of a run. */
export function writeState(
  folder: string,
  model: Module,
  optimizer: TrainState['optimizer'],
  state: RunState,
): void {
  const tensors = new Map([
    ...[...model.stateDict()].map(([name, value]) => [`model.${name}`, value] as const),
    ...[...optimizer].map(([name, value]) => [`optimizer.${name}`, value] as const),
  ]);
  const nearfar = JSON.stringify({ bits: BITS, ...state });
  writeWhole(join(folder, RESUME), saveSafetensors(tensors, { nearfar }));
}

/** Forgets the run in the folder: what is written next is another one's. */
export function removeState(folder: string): void {
  rmSync(join(folder, RESUME), { force: true });
}

/** Whether there is a run to go on with. */
export function hasState(folder: string): boolean {
  return existsSync(join(folder, RESUME));
}

export interface Resumed extends RunState {
  /** Puts the weights into the model and returns where training goes on. */
  restore(model: Module): TrainState;
}

/** Whether a header's value is of a run that can go on here with the same bits. */
function isState(value: unknown): value is RunState {
  const isObject = (part: unknown): part is Record<string, unknown> =>
    typeof part === 'object' && part !== null;
  if (!isObject(value) || value.bits !== BITS) return false;
  const { settings, data, step, finished, best, random, metrics } = value;
  const isCount = (part: unknown): boolean => Number.isSafeInteger(part) && (part as number) >= 0;
  return (
    [settings, random, metrics].every(isObject) &&
    typeof data === 'string' &&
    isCount(step) &&
    typeof finished === 'boolean' &&
    (best === undefined ||
      (isObject(best) && isCount(best.step) && Number.isFinite(best.valLoss))) &&
    [(random as RunState['random']).seed, (random as RunState['random']).position].every(isCount)
  );
}

/** Reads the state of a run. */
export function readState(folder: string): Resumed {
  const path = join(folder, RESUME);
  const bytes = new Uint8Array(readBytes(path));
  let state: unknown;
  try {
    state = JSON.parse(readMetadata(bytes).nearfar ?? 'null');
  } catch (error) {
    throw new InputError(`${path}: is no state of a run (${(error as Error).message})`);
  }
  if (!isState(state)) throw new InputError(`${path}: is no state of a run of this version`);
  return {
    ...state,
    restore(model) {
      const tensors = loadSafetensors(bytes);
      const part = (prefix: string) =>
        new Map(
          [...tensors]
            .filter(([name]) => name.startsWith(prefix))
            .map(([name, value]) => [name.slice(prefix.length), value]),
        );
      model.loadStateDict(part('model.'));
      return { step: state.step, optimizer: part('optimizer.'), random: state.random };
    },
  };
}
