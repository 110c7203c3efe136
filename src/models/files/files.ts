/** Files of a trained model by path, and how text and JSON in them are read and written. */

import { isBytes, rangeError, typeError } from '../../core/validation.js';

/** Files of a trained model: path to bytes. The library itself touches no file system. */
export type Files = Map<string, Uint8Array>;

/** First bytes of the text that Git leaves in place of a large file. */
const LFS_POINTER = 'version https://git-lfs';

/**
 * Runs what makes something of a file's content. The functions that it calls know neither the
 * loader nor the file: their errors get both names.
 */
export function withFileName<T>(loader: string, file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    if (error.message.startsWith(`${loader}: `) || error.message.startsWith('nearfar: '))
      throw error;
    throw new RangeError(`${loader}: ${file} is not valid: ${error.message}`);
  }
}

/** Encodes a value as indented JSON. */
export function writeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** @throws {TypeError} if it is not a map of files */
export function checkFiles(loader: string, files: unknown): Files {
  if (typeof (files as Files | null | undefined)?.get !== 'function') {
    typeError(loader, 'files', 'a Map from paths to bytes', files);
  }
  return files as Files;
}

/**
 * Finds a file.
 * @throws {RangeError} if it is missing, or only Git's pointer to it is there
 */
export function readBytes(loader: string, files: Files, file: string): Uint8Array {
  const bytes = checkFiles(loader, files).get(file);
  if (bytes === undefined) {
    const short = file.length > 200 ? `${file.slice(0, 200)}…` : file;
    throw new RangeError(`${loader}: files must hold ${short}`);
  }
  if (!isBytes(bytes)) typeError(loader, file, 'a Uint8Array', bytes);
  if ([...LFS_POINTER].every((character, i) => bytes[i] === character.charCodeAt(0))) {
    throw new RangeError(
      `${loader}: ${file} is a Git LFS pointer, not the file itself: run "git lfs pull" there`,
    );
  }
  return bytes;
}

/** Reads the text of a file in UTF-8. */
export function readText(loader: string, files: Files, file: string): string {
  const bytes = readBytes(loader, files, file);
  try {
    // A copy: browsers do not decode shared or resizable memory.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.slice());
  } catch {
    throw new RangeError(`${loader}: ${file} must be valid UTF-8`);
  }
}

/** Splits a text into lines, whatever system wrote it; empty lines are left out. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '');
}

/** Reads the object in a JSON file. */
export function readJson(loader: string, files: Files, file: string): Record<string, unknown> {
  const text = readText(loader, files, file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RangeError(`${loader}: ${file} must be JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    rangeError(loader, file, 'a JSON object', value);
  }
  return value as Record<string, unknown>;
}
