/**
 * The folder of a trained model, and what it takes to go on training it. The files of a model are
 * written whole, and all of them or none. `model.safetensors` and the files around it are the best model so far;
 * `resume.safetensors` is the last state: weights, moments and, in its header, everything else.
 * The state is written after the model that it calls the best: a run that is killed in between
 * goes on from the state before, and writes that model once more. `nearfar.json` lists the files
 * that were made here: no others are ever removed.
 */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { BITS } from '../../index.js';
import type { Files, TrainState } from '../../models/index.js';
import { loadSafetensors, type Module, readMetadata, saveSafetensors } from '../../nn/index.js';
import { InputError } from '../../terminal/errors.js';
import {
  errorText,
  type NewFile,
  PARTIAL,
  prepareFolder,
  readBytes,
  writeAll,
} from '../../terminal/files.js';

const RESUME = 'resume.safetensors';
const WEIGHTS = 'model.safetensors';
const CONFIG = 'config.json';
/** Folder of a LoRA adapter's files in that of its model. */
const ADAPTER = 'adapter/';
const MANIFEST = 'nearfar.json';
const LOCK = 'nearfar.lock';

const MODULES = 'modules.json';

/** Files that a loader takes for parts of the model next to them. */
const COMPANION =
  /^(tokenizer|tokenizer_config|vocab|merges|bigrams|classifier|preprocessor_config)\.(json|txt|safetensors)$/;

/** Files of a model, or of another kind of model that it replaces. */
function isPart(name: string): boolean {
  const others = [WEIGHTS, CONFIG, MODULES, 'config_sentence_transformers.json', 'report.html'];
  return (
    COMPANION.test(name) || name.endsWith('.png') || name.includes('/') || others.includes(name)
  );
}

/** Opens a folder for a new model or for a run that goes on. */
export interface FolderOptions {
  /** Go on with the run in the folder, if there is one. */
  resume?: boolean;
  /** Replace the model in the folder. */
  force?: boolean;
}

/**
 * Opens a folder to write a model to, for this process alone.
 *
 * @throws {InputError} if it holds a model that is neither to be resumed nor to be replaced,
 *   files that would be taken for the model's, or if another process writes there
 */
export function openFolder(folder: string, { resume, force }: FolderOptions = {}): void {
  prepareFolder('--out', folder);
  const names = listFolder(folder);
  const own = readManifest(folder);
  // A run that was killed before its first state has left a model, and begins again.
  const goesOn = resume === true && (names.includes(RESUME) || own.has(RESUME));
  if (!goesOn && force !== true) {
    const isModel = names.includes(CONFIG) && names.includes(WEIGHTS);
    if (names.includes(RESUME) || names.includes(MODULES) || isModel) {
      const hint = resume === undefined ? '' : '--resume goes on with it, ';
      throw new InputError(`--out ${folder}: holds a trained model; ${hint}--force replaces it`);
    }
    const other = names.find((name) => [CONFIG, WEIGHTS].includes(name) && !own.has(name));
    if (other !== undefined) {
      throw new InputError(
        `--out ${folder}: holds ${other}, which nearfar did not write; choose another folder`,
      );
    }
  }
  const foreign = names.find((name) => COMPANION.test(name) && !own.has(name));
  if (foreign !== undefined) {
    throw new InputError(
      `--out ${folder}: holds ${foreign}, which nearfar did not write and which would be taken ` +
        'for a part of the model; choose another folder',
    );
  }
  lock(folder);
  // Parts that a killed run has left.
  for (const name of [MANIFEST, ...own]) {
    const partial = join(folder, `${name}${PARTIAL}`);
    if (statSync(partial, { throwIfNoEntry: false })?.isFile() === true) rmSync(partial);
  }
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new InputError(`${folder}: cannot read it (${errorText(error)})`);
  }
}

/** @throws {Error} if it is not a file, or not JSON */
function readJson(path: string): unknown {
  return JSON.parse(new TextDecoder().decode(readBytes(path)));
}

/** Names of the files that were written to a folder by this program. */
function readManifest(folder: string): Set<string> {
  try {
    const { files } = readJson(join(folder, MANIFEST)) as { files: unknown };
    const names = Array.isArray(files) ? files : [];
    // A name, or one in the folder of a module, never another path: what is listed may be removed.
    const own = /^((\d+_\w+|adapter)\/)?\w[\w.-]*$/;
    return new Set(names.filter((name) => typeof name === 'string' && own.test(name)));
  } catch {
    return new Set();
  }
}

/** Records which files were made here, and runs something that makes them. */
function withManifest(folder: string, names: ReadonlySet<string>, write: () => void): void {
  const before = readManifest(folder);
  const isKnown = names.size === before.size && [...names].every((name) => before.has(name));
  if (!isKnown) writeAll([manifest(folder, names)]);
  try {
    write();
  } catch (error) {
    // A folder that nothing could be written to stays as it was.
    if (before.size === 0) rmSync(join(folder, MANIFEST), { force: true });
    throw error;
  }
}

function manifest(folder: string, names: Iterable<string>): NewFile {
  const text = `${JSON.stringify({ files: [...names].sort() }, undefined, 1)}\n`;
  return [join(folder, MANIFEST), new TextEncoder().encode(text)];
}

/** Marks a folder as this process's, until it ends. */
function lock(folder: string): void {
  const path = join(resolve(folder), LOCK);
  const holder = readLock(path);
  if (holder !== undefined) {
    throw new InputError(`--out ${folder}: another run writes there (process ${holder})`);
  }
  try {
    writeFileSync(path, JSON.stringify({ host: hostname(), pid: process.pid }));
  } catch (error) {
    rmSync(path, { force: true });
    throw new InputError(`--out ${folder}: cannot write there (${errorText(error)})`);
  }
  process.once('exit', () => rmSync(path, { force: true }));
}

/** The running process that a lock names; a process that was killed has left it behind. */
function readLock(path: string): number | undefined {
  try {
    const { host, pid } = readJson(path) as { host: string; pid: number };
    if (host !== hostname() || pid === process.pid || !Number.isSafeInteger(pid)) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

function isWritten(path: string, bytes: Uint8Array): boolean {
  return existsSync(path) && statSync(path).isFile() && readFileSync(path).equals(bytes);
}

/** The model that one of another run replaces. */
export interface Replaced {
  /** True if the new model is a run's, with a state to follow. */
  resumable: boolean;
}

/**
 * Writes a trained model's files, all of them or none. Within a run only the weights change, and
 * they are one file. Where another model was before, its weights and state go first and the new
 * weights come last, so that weights never stand next to a config or a vocabulary that is not theirs.
 *
 * @param replaced given with the first files of a run
 */
export function writeModel(folder: string, files: Files, replaced?: Replaced): void {
  const at = (name: string): string => join(folder, name);
  const names = new Set([...readManifest(folder), ...files.keys()]);
  if (replaced?.resumable === true) names.add(RESUME);
  if (replaced?.resumable === false) names.delete(RESUME);
  const stale = [...names].filter((name) => isPart(name) && !files.has(name));
  const old = stale.filter((name) => existsSync(at(name)));
  const isWeights = (name: string): boolean => basename(name) === WEIGHTS;
  const changed = [...files].filter(
    ([name, bytes]) => !isWeights(name) && !isWritten(at(name), bytes),
  );
  const last = [...files].filter(([name]) => isWeights(name));
  const all = [...changed, ...last].map(([name, bytes]): NewFile => [at(name), bytes]);
  withManifest(folder, names, () => {
    writeAll(all, () => {
      if (replaced !== undefined) rmSync(at(RESUME), { force: true });
      if (old.length + changed.length > 0) {
        for (const name of names) if (isWeights(name)) rmSync(at(name), { force: true });
      }
      for (const name of old) rmSync(at(name), { force: true });
    });
  });
}

/** Reads the files of a trained model's folder, but for the resumable state. */
export function readModel(folder: string): Files {
  const files: Files = new Map();
  for (const name of listFolder(folder)) {
    if (!/\.(json|txt|safetensors)$/.test(name) || name === RESUME || name === MANIFEST) continue;
    if (statSync(join(folder, name), { throwIfNoEntry: false })?.isFile() !== true) continue;
    files.set(name, readBytes(join(folder, name)));
  }
  if (!files.has(CONFIG)) {
    throw new InputError(`${folder}: is not the folder of a trained model, config.json is missing`);
  }
  return files;
}

/** Reads the files of a LoRA adapter that were written into the model's folder. */
export function readAdapterFiles(folder: string): Files {
  const names = [...readManifest(folder)].filter(
    (name) => name.startsWith(ADAPTER) && existsSync(join(folder, name)),
  );
  return new Map(names.map((name) => [name, readBytes(join(folder, name))]));
}

/** State of a run besides its tensors. */
export interface RunState {
  /** The options that the run depends on, as they were given. */
  settings: Record<string, unknown>;
  /** Hash of the data. */
  data: string;
  step: number;
  finished: boolean;
  /** The best step: its validation loss, or what else chose it, the less the better. */
  best: { step: number; value: number } | undefined;
  /** Seed of the run's random numbers. */
  seed: TrainState['seed'];
  /** Metrics of a finished run. */
  metrics: Record<string, number>;
}

/** Stands in the header for the checksum while that is computed. */
const NO_CHECKSUM = '0'.repeat(64);

/** Position of a state's checksum in the bytes of its file, or -1. */
function checksumAt(bytes: Uint8Array, checksum: string): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(checksum);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
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
  const bytes = saveSafetensors(tensors, { nearfar, sha256: NO_CHECKSUM });
  bytes.set(new TextEncoder().encode(sha256(bytes)), checksumAt(bytes, NO_CHECKSUM));
  withManifest(folder, new Set([...readManifest(folder), RESUME]), () => {
    writeAll([[join(folder, RESUME), bytes]]);
  });
}

/** Tells whether there is a run to go on with. */
export function hasState(folder: string): boolean {
  return existsSync(join(folder, RESUME));
}

/** The state of a run that goes on. */
export interface Resumed extends RunState {
  /** Loads the weights into the model and returns where training goes on. */
  restore(model: Module): TrainState;
}

/** Tells whether a header's value is of a run that can go on here with the same bits. */
function isState(value: unknown): value is RunState {
  const isObject = (part: unknown): part is Record<string, unknown> =>
    typeof part === 'object' && part !== null;
  if (!isObject(value) || value.bits !== BITS) return false;
  const { settings, data, step, finished, best, seed, metrics } = value;
  const isCount = (part: unknown): boolean => Number.isSafeInteger(part) && (part as number) >= 0;
  return (
    [settings, metrics].every(isObject) &&
    typeof data === 'string' &&
    isCount(step) &&
    typeof finished === 'boolean' &&
    (best === undefined || (isObject(best) && isCount(best.step) && Number.isFinite(best.value))) &&
    isCount(seed)
  );
}

/**
 * Reads the state of a run.
 *
 * @throws {InputError} if the file is damaged or was written by another version
 */
export function readState(folder: string): Resumed {
  const path = join(folder, RESUME);
  const bytes = new Uint8Array(readBytes(path));
  let state: unknown;
  try {
    const metadata = readMetadata(bytes);
    state = JSON.parse(metadata.nearfar ?? 'null');
    checkSum(bytes, metadata.sha256);
  } catch (error) {
    throw new InputError(`${path}: is not a valid state of a run (${(error as Error).message})`);
  }
  if (!isState(state)) {
    throw new InputError(`${path}: is not a valid state of a run of this version`);
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
      return { step: state.step, optimizer: part('optimizer.'), seed: state.seed };
    },
  };
}

/** @throws {Error} if the bytes are not those that were written */
function checkSum(bytes: Uint8Array, checksum: string | undefined): void {
  const at = checksum === undefined ? -1 : checksumAt(bytes, checksum);
  if (checksum === undefined || at < 0) throw new Error('the checksum is missing');
  const plain = bytes.slice();
  plain.set(new TextEncoder().encode(NO_CHECKSUM), at);
  if (sha256(plain) !== checksum) throw new Error('its bytes have changed since they were written');
}
