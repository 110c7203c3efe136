/** The folder of a trained model, as commands that use one read it. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';
import { hasModules, readEncoderFolder } from '../input/encoder-folder.js';
import { readModel } from '../output/checkpoint.js';
import { MODELS } from './index.js';
import type { MaybePromise, OpenedModel } from './model.js';
import { openSentence } from './sentence-train.js';

/** Runs something, and turns errors of the library into a line about the input. */
export async function inputError<T>(at: string, body: () => MaybePromise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) {
      throw new InputError(`${at}: ${error.message}`);
    }
    throw error;
  }
}

/** Reads the kind of model from a config.json. */
function modelType(folder: string, bytes: Uint8Array | undefined): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const config: unknown = JSON.parse(text);
    return (config as { model_type?: unknown } | null)?.model_type;
  } catch {
    throw new InputError(`${folder}: config.json must be JSON in UTF-8`);
  }
}

/**
 * Tells whether a folder is of a sentence encoder and no other model: one with modules.json, or
 * with a config.json of a kind that is not trained here.
 */
export function isSentenceFolder(folder: string | undefined): boolean {
  if (folder === undefined || folder === '') return false;
  if (hasModules(folder)) return true;
  const config = join(folder, 'config.json');
  if (!existsSync(config)) return false;
  const type = modelType(folder, readBytes(config));
  return !MODELS.some(({ modelTypes }) => modelTypes.includes(type as string));
}

/** Opens the trained model in a folder, whatever its kind. */
export async function openModel(folder: string | undefined): Promise<OpenedModel> {
  if (folder === undefined || folder === '') throw new InputError('a folder is needed');
  if (isSentenceFolder(folder)) {
    const files = readEncoderFolder(folder);
    return inputError(folder, () => openSentence(files));
  }
  const files = readModel(folder);
  const type = modelType(folder, files.get('config.json'));
  const model = MODELS.find(({ modelTypes }) => modelTypes.includes(type as string));
  if (model === undefined) {
    const types = MODELS.flatMap(({ modelTypes }) => modelTypes).join(' or ');
    const got = JSON.stringify(type) ?? 'none';
    throw new InputError(`${folder}: config.json's model_type must be ${types}, got ${got}`);
  }
  return inputError(folder, () => model.open(files));
}

/** Returns the method of a folder's model that serves a command. */
export async function openFor<Name extends keyof OpenedModel>(
  command: Name,
  folder: string | undefined,
): Promise<NonNullable<OpenedModel[Name]>> {
  const opened = await openModel(folder);
  const found = opened[command];
  if (found !== undefined) return found;
  const able = Object.keys(opened).map((name) => (name === 'evaluate' ? 'eval' : name));
  throw new InputError(`${folder}: its model cannot ${command}; it can ${able.join(', ')}`);
}
