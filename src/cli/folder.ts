/** A trained system's folder, as commands that use one read it. */

import { type GPT, loadGpt } from '../models/index.js';
import { readModel } from './checkpoint.js';
import { InputError } from './command.js';

/** Turns what the library refuses into a line about the input. */
export function inputError<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new InputError(`${place}: ${error.message}`);
    }
    throw error;
  }
}

/** The trained system in a folder. */
export function readSystem(folder: string | undefined): GPT {
  if (folder === undefined || folder === '') throw new InputError('a folder is needed');
  const files = readModel(folder);
  return inputError(folder, () => loadGpt(files));
}
