/** Files, and the only use of the file system: data that comes with the package, and results. */

import { accessSync, constants, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { InputError } from './command.js';

/** The folder of this program, which holds `samples/` and, one up, `package.json`. */
const HERE = dirname(fileURLToPath(import.meta.url));

/** Bytes of a file that comes with the package, unpacked if it is gzipped. */
export function readSample(path: string): Uint8Array {
  const bytes = readFileSync(join(HERE, 'samples', path));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** The text of a script that comes with the package. */
export function readProgram(name: string): string {
  return readFileSync(join(HERE, name), 'utf8');
}

/** Where a script of the package can be imported from. */
export function programAddress(name: string): string {
  return pathToFileURL(join(HERE, name)).href;
}

/** Version of the package. */
export function version(): string {
  return JSON.parse(readFileSync(join(HERE, '..', 'package.json'), 'utf8')).version;
}

/** Bytes of a file that the user named. */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new InputError(`${path}: cannot read it (${code(error)})`);
  }
}

/** Makes sure, before any work, that results can be written to a folder. */
export function prepareFolder(option: string, folder: string): void {
  if (folder === '') throw new InputError(`${option} must name a folder, got ""`);
  try {
    makeFolder(resolve(folder));
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new InputError(`${option} ${folder}: cannot write there (${code(error)})`);
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
    throw new InputError(`${path}: cannot write (${code(error)})`);
  }
  return path;
}

export function code(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}
