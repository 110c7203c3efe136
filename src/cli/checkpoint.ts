/**
 * The folder of a trained system, and what it takes to go on training it. Every file is written
 * whole or not at all: beside its place, flushed, and renamed. `model.safetensors` and the files
 * around it are the best model so far; `resume.safetensors` is the last state: weights, moments
 * and, in its header, everything else.
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Files, TrainState } from '../models/index.js';
import { loadSafetensors, type Module, readMetadata, saveSafetensors } from '../nn/index.js';
import { InputError } from './command.js';
import { readBytes } from './files.js';

const RESUME = 'resume.safetensors';
const PARTIAL = '.partial';

/** Writes a file so that a reader sees the old one or the new one, whatever happens meanwhile. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const beside = `${path}${PARTIAL}`;
  const file = openSync(beside, 'w');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
}

/** Makes the folder, without what an earlier run may have left half written. */
export function openFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const file of readdirSync(folder)) {
      if (file.endsWith(PARTIAL)) rmSync(join(folder, file));
    }
  } catch (error) {
    const { code } = error as { code?: string };
    throw new InputError(`--out ${folder}: cannot write there (${code})`);
  }
}

/** Writes a trained system's files, its weights last. */
export function writeModel(folder: string, files: Files): void {
  const weightsLast = [...files].sort(
    ([a], [b]) => Number(a.endsWith('s')) - Number(b.endsWith('s')),
  );
  for (const [name, bytes] of weightsLast) writeWhole(join(folder, name), bytes);
}

/** The files of a trained system's folder, the resumable state aside. */
export function readModel(folder: string): Files {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    const { code } = error as { code?: string };
    throw new InputError(`${folder}: cannot read it (${code})`);
  }
  const files: Files = new Map();
  for (const name of names) {
    if (/\.(json|txt|safetensors)$/.test(name) && name !== RESUME) {
      files.set(name, readBytes(join(folder, name)));
    }
  }
  if (!files.has('config.json')) {
    throw new InputError(`${folder}: is no trained system's folder, config.json is missing`);
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
  writeWhole(join(folder, RESUME), saveSafetensors(tensors, { nearfar: JSON.stringify(state) }));
}

/** Whether there is a run to go on with. */
export function hasState(folder: string): boolean {
  return existsSync(join(folder, RESUME));
}

export interface Resumed extends RunState {
  /** Puts the weights into the model and returns where training goes on. */
  restore(model: Module): TrainState;
}

/** Reads the state of a run. */
export function readState(folder: string): Resumed {
  const path = join(folder, RESUME);
  const bytes = new Uint8Array(readBytes(path));
  let state: RunState;
  try {
    state = JSON.parse(readMetadata(bytes).nearfar ?? '');
  } catch (error) {
    throw new InputError(`${path}: is no state of a run (${(error as Error).message})`);
  }
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
