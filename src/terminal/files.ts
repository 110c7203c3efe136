/** Files and folders that the user names: reading, preparing for output, writing. */

import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InputError } from './errors.js';

/** End of the name of a file that is being written. */
export const PARTIAL = '.partial';

/** Returns the code of an error of the file system, such as `ENOENT`, or its text. */
export function errorCode(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

/**
 * Reads a file.
 *
 * @throws {InputError} if it cannot be read, or is a pipe or a device, which may never end
 */
export function readBytes(path: string): Uint8Array {
  try {
    const kind = statSync(path);
    if (kind.isDirectory()) throw new InputError(`${path}: is a folder`);
    if (!kind.isFile()) throw new InputError(`${path}: is not a file but a pipe or a device`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: cannot read it (${errorCode(error)})`);
  }
}

/** Folders that were made for results and may still be empty. */
const made: string[] = [];

/**
 * Makes sure, before any work, that results can be written to a folder, and makes it.
 *
 * @throws {InputError} if nothing can be written there
 */
export function prepareFolder(option: string, folder: string): void {
  if (folder === '') throw new InputError(`${option} must name a folder, got ""`);
  try {
    makeFolder(resolve(folder));
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new InputError(`${option} ${folder}: cannot write there (${errorCode(error)})`);
  }
}

/**
 * Makes a folder and those above it. (The recursive mkdirSync never returns where a file system
 * answers ENOENT below a folder that exists, as /proc does.)
 */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path);
  made.push(path);
}

/** Removes the folders that were made for results and hold none: a command that fails leaves none. */
export function removeEmptyFolders(): void {
  for (const folder of made.splice(0).reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      // It holds something.
    }
  }
}

/** Makes sure, before any work, that a file can be written. */
export function prepareFile(option: string, path: string): void {
  prepareFolder(option, dirname(path));
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new InputError(`${option} ${path}: is a folder`);
  }
}

/** Writes a file so that a reader sees the old one or the new one, whatever happens meanwhile. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  const partial = `${path}${PARTIAL}`;
  try {
    makeFolder(dirname(resolve(path)));
    const file = openSync(partial, 'w');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (error) {
    // On a full disk, a part of a file would keep it full.
    removeQuietly(partial);
    throw new InputError(`${path}: cannot write it (${errorCode(error)})`);
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The error that is reported came first.
  }
}

/** Writes a result and returns its full path. */
export function writeResult(folder: string, name: string, contents: string): string {
  const path = resolve(folder, name);
  try {
    writeFileSync(path, contents);
  } catch (error) {
    removeQuietly(path);
    throw new InputError(`${path}: cannot write it (${errorCode(error)})`);
  }
  return path;
}
