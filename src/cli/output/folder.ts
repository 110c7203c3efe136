/** A trained system's folder, as commands that use one read it. */

import { InputError } from '../command.js';
import { SYSTEMS } from '../models/index.js';
import type { Opened, Soon } from '../models/model.js';
import { readModel } from './checkpoint.js';

/** Turns what the library refuses into a line about the input. */
export async function inputError<T>(place: string, body: () => Soon<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new InputError(`${place}: ${error.message}`);
    }
    throw error;
  }
}

/** The kind of model that a config.json is of. */
function modelType(folder: string, bytes: Uint8Array | undefined): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const config: unknown = JSON.parse(text);
    return (config as { model_type?: unknown } | null)?.model_type;
  } catch {
    throw new InputError(`${folder}: config.json must be JSON in UTF-8`);
  }
}

/** The trained system in a folder, whatever its kind. */
export async function openSystem(folder: string | undefined): Promise<Opened> {
  if (folder === undefined || folder === '') throw new InputError('a folder is needed');
  const files = readModel(folder);
  const type = modelType(folder, files.get('config.json'));
  const system = SYSTEMS.find((system) => system.modelType === type);
  if (system === undefined) {
    const types = SYSTEMS.map((system) => system.modelType).join(' or ');
    const got = JSON.stringify(type) ?? 'none';
    throw new InputError(`${folder}: config.json's model_type must be ${types}, got ${got}`);
  }
  return inputError(folder, () => system.open(files));
}

/** What a folder's system does at a command, if it can. */
export async function openFor<Name extends keyof Opened>(
  command: Name,
  folder: string | undefined,
): Promise<NonNullable<Opened[Name]>> {
  const opened = await openSystem(folder);
  const found = opened[command];
  if (found !== undefined) return found;
  const able = Object.keys(opened).map((name) => (name === 'evaluate' ? 'eval' : name));
  throw new InputError(`${folder}: its system cannot ${command}; it can ${able.join(', ')}`);
}
