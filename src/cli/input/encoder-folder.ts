/** The folder of a sentence encoder: sentence-transformers', model2vec's, or a plain transformer. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import { errorText, readBytes } from '../../terminal/files.js';
import { readUtf8 } from './texts.js';

/** Files that an encoder has; others, such as the same weights for other programs, are not read. */
const OF_ENCODERS = /\.(json|txt|safetensors|model)$/;

/** Folders of the modules that modules.json names, as far as it is valid: the loader refuses what is not. */
function moduleFolders(folder: string): string[] {
  const file = join(folder, 'modules.json');
  if (!existsSync(file)) return [];
  let list: unknown;
  try {
    list = JSON.parse(readUtf8(file));
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  const paths = list.map((entry) => (entry as { path?: unknown } | null)?.path);
  return paths.filter((path): path is string => {
    return typeof path === 'string' && !path.split('/').includes('..') && !path.startsWith('/');
  });
}

/** Tells whether a folder says itself that it is of a sentence encoder. */
export function hasModules(folder: string): boolean {
  return existsSync(join(folder, 'modules.json'));
}

/**
 * Reads the files of an encoder's folder.
 *
 * @returns bytes by path
 * @throws {InputError} if it is not a folder, or a file can't be read
 */
export function readEncoderFolder(folder: string): Files {
  const files: Files = new Map();
  for (const path of new Set(['', ...moduleFolders(folder)])) {
    const at = join(folder, path);
    let names: string[];
    try {
      names = readdirSync(at);
    } catch (error) {
      // What a module lacks is said by file.
      if (path !== '') continue;
      throw new InputError(`${folder}: cannot read it (${errorText(error)})`);
    }
    for (const name of names.sort()) {
      const file = join(at, name);
      const kind = statSync(file, { throwIfNoEntry: false });
      if (!OF_ENCODERS.test(name) || kind?.isFile() !== true) continue;
      const parts = [...path.split('/'), name].filter((part) => part !== '' && part !== '.');
      files.set(parts.join('/'), readBytes(file));
    }
  }
  if (!files.has('config.json') && !files.has('modules.json')) {
    throw new InputError(
      `${folder}: is not the folder of a sentence encoder, modules.json and config.json are missing`,
    );
  }
  return files;
}
