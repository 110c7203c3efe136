/** The files of a folder's weights: `model.safetensors`, or shards by `model.safetensors.index.json`. */

import { openSafetensors, type RawArray } from '../../core/safetensors.js';
import { rangeError } from '../../core/validation.js';
import { checkFiles, type Files, readBytes, readJson } from './files.js';

/** File of the weights where there are no shards. */
export const WEIGHTS = 'model.safetensors';
/** File that names the shards. */
const INDEX = 'model.safetensors.index.json';

/** Array of one of the files. */
export interface FileArray extends RawArray {
  readonly file: string;
}

/** Paths of the files that hold the weights, in a folder whose path is '' or ends in a slash. */
export function weightFiles(loader: string, files: Files, folder: string): string[] {
  if (checkFiles(loader, files).has(folder + WEIGHTS)) return [folder + WEIGHTS];
  if (files.has(folder + INDEX)) {
    const { weight_map: map } = readJson(loader, files, folder + INDEX);
    const names = typeof map === 'object' && map !== null ? Object.values(map) : [];
    if (names.length === 0 || !names.every((name) => typeof name === 'string')) {
      rangeError(loader, folder + INDEX, 'with a weight_map from tensors to files', map);
    }
    return [...new Set(names as string[])].map((name) => folder + name);
  }
  if (files.has(`${folder}pytorch_model.bin`)) {
    throw new RangeError(
      `${loader}: files must hold ${folder}${WEIGHTS}, got pytorch_model.bin, which can run code when it is ` +
        'read: convert it with save_pretrained(folder, safe_serialization=True) in Python',
    );
  }
  throw new RangeError(`${loader}: files must hold ${folder}${WEIGHTS}`);
}

/**
 * Opens a folder's weights; no numbers are read yet.
 *
 * @param loader function that messages name
 * @param folder '' or a path that ends in a slash
 * @throws {RangeError} if they are missing or not valid
 */
export function openWeights(loader: string, files: Files, folder = ''): Map<string, FileArray> {
  const arrays = new Map<string, FileArray>();
  for (const file of weightFiles(loader, files, folder)) {
    const opened = openSafetensors(`${loader}: ${file}`, readBytes(loader, files, file));
    for (const [name, array] of opened.arrays) arrays.set(name, { ...array, file });
  }
  return arrays;
}
