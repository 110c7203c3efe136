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

/** Errors of the machine, not of the program: what to say of each. */
export const MACHINE: Readonly<Record<string, string>> = {
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is exceeded',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EIO: 'the device reports an error',
  EEXIST: 'there is a file of that name',
  ENOENT: 'no such file or folder',
  EISDIR: 'is a folder',
  ENOTDIR: 'is not a folder',
  ELOOP: 'too many symbolic links',
  EAGAIN: 'too few resources',
};

/** Returns the code of an error of the file system and what it says: `ENOENT: no such file or folder`. */
export function errorText(error: unknown): string {
  const code = errorCode(error);
  return Object.hasOwn(MACHINE, code) ? `${code}: ${MACHINE[code]}` : code;
}

/**
 * Reads a file.
 *
 * @throws {InputError} if it cannot be read, or is a pipe or a device, which may never end
 */
export function readBytes(path: string): Uint8Array {
  fileSize(path);
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: cannot read it (${errorText(error)})`);
  }
}

/**
 * Returns the bytes of a file.
 *
 * @throws {InputError} if it cannot be read, or is a pipe or a device, which may never end
 */
export function fileSize(path: string): number {
  try {
    const kind = statSync(path);
    if (kind.isDirectory()) throw new InputError(`${path}: is a folder`);
    if (!kind.isFile()) throw new InputError(`${path}: is not a file but a pipe or a device`);
    return kind.size;
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: cannot read it (${errorText(error)})`);
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
    throw new InputError(`${option} ${folder}: cannot write there (${errorText(error)})`);
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
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined || kind.isFile()) return;
  const what = kind.isDirectory() ? 'a folder' : 'not a file but a pipe or a device';
  throw new InputError(`${option} ${path}: is ${what}`);
}

/** A file to write: its path and its bytes. */
export type NewFile = readonly [path: string, bytes: Uint8Array];

/**
 * Writes files so that a reader sees the old ones or the new ones, and on a full disk all old ones:
 * they get their names when all of them are written.
 *
 * @param beforeNames called before the first file gets its name
 * @throws {InputError} if they cannot be written
 */
export function writeAll(files: readonly NewFile[], beforeNames: () => void = () => {}): void {
  const written: string[] = [];
  let current = '';
  try {
    for (const [path, bytes] of files) {
      current = path;
      makeFolder(dirname(resolve(path)));
      written.push(`${path}${PARTIAL}`);
      writeBytes(`${path}${PARTIAL}`, bytes);
    }
    beforeNames();
    for (const [path] of files) {
      current = path;
      renameSync(`${path}${PARTIAL}`, path);
    }
  } catch (error) {
    // On a full disk, parts of files would keep it full.
    for (const partial of written) removeQuietly(partial);
    throw new InputError(`${current}: cannot write it (${errorText(error)})`);
  }
}

function writeBytes(path: string, bytes: Uint8Array): void {
  const file = openSync(path, 'w');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Removes a file, if it can be. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The error that is reported came first.
  }
}

/** Writes results to a folder, all of them or none, and returns the full path of each. */
export function writeResults<Name extends string>(
  folder: string,
  results: Readonly<Record<Name, string>>,
): Record<Name, string> {
  const paths = Object.fromEntries(
    Object.keys(results).map((name) => [name, resolve(folder, name)]),
  ) as Record<Name, string>;
  const encoder = new TextEncoder();
  const names = Object.keys(results) as Name[];
  writeAll(names.map((name): NewFile => [paths[name], encoder.encode(results[name])]));
  return paths;
}
