/** Files and folders that the user names: reading, preparing for output, writing. */

import { accessSync, constants, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { InputError } from './errors.js';

/** Bytes of a file that the user named. */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new InputError(`${path}: cannot read it (${errorCode(error)})`);
  }
}

/** Makes sure, before any work, that results can be written to a folder. */
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
}

/** Makes sure, before any work, that a file can be written. */
export function prepareFile(option: string, path: string): void {
  prepareFolder(option, dirname(path));
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new InputError(`${option} ${path}: is a folder`);
  }
}

/** Writes a result and returns its full path. */
export function writeResult(folder: string, name: string, contents: string): string {
  const path = resolve(folder, name);
  try {
    writeFileSync(path, contents);
  } catch (error) {
    throw new InputError(`${path}: cannot write (${errorCode(error)})`);
  }
  return path;
}

export function errorCode(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}
