/** The folder of a trained model, as commands that use one read it. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ARCHITECTURES } from '../../models/sentence/architectures.js';
import type { Json } from '../../models/sentence/config.js';
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

/** Kinds of models whose folders are read as sentence encoders. */
const SENTENCE_TYPES: readonly unknown[] = [...Object.keys(ARCHITECTURES), 'model2vec'];

/** Reads a config.json; undefined if it is not an object. */
function readConfig(folder: string, bytes: Uint8Array | undefined): Json | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const config: unknown = JSON.parse(text);
    return typeof config === 'object' && config !== null ? (config as Json) : undefined;
  } catch {
    throw new InputError(`${folder}: config.json must be JSON in UTF-8`);
  }
}

/**
 * Tells whether a folder is of a sentence encoder and no other model: one with modules.json, or
 * with a config.json of one of its kinds; model2vec's often names none.
 */
export function isSentenceFolder(folder: string | undefined): boolean {
  if (folder === undefined || folder === '') return false;
  if (hasModules(folder)) return true;
  const config = join(folder, 'config.json');
  if (!existsSync(config)) return false;
  const json = readConfig(folder, readBytes(config));
  if (json === undefined) return false;
  const { model_type: type } = json;
  const isTrainedHere = MODELS.some(({ modelTypes }) => modelTypes.includes(type as string));
  return !isTrainedHere && (type === undefined || SENTENCE_TYPES.includes(type));
}

/** Opens the trained model in a folder, whatever its kind. */
export async function openModel(folder: string | undefined): Promise<OpenedModel> {
  if (folder === undefined || folder === '') throw new InputError('a folder is needed');
  if (isSentenceFolder(folder)) {
    const files = readEncoderFolder(folder);
    return inputError(folder, () => openSentence(files));
  }
  const files = readModel(folder);
  const { model_type: type } = readConfig(folder, files.get('config.json')) ?? {};
  const model = MODELS.find(({ modelTypes }) => modelTypes.includes(type as string));
  if (model === undefined) {
    const trained = MODELS.flatMap(({ modelTypes }) => modelTypes);
    const types = [...new Set([...trained, ...SENTENCE_TYPES])].join(' or ');
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
