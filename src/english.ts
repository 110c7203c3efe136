/**
 * nearfar/english: a general English sentence encoder that the package carries.
 *
 * @module
 */

import { fromBase64 } from './core/base64.js';
import { checkNoOptions } from './core/options.js';
import type { NoOptions } from './core/validation.js';
import { unzlib } from './data/images/inflate.js';
import { loadSentenceEncoder } from './models/sentence/load.js';
import type { SentenceEncoder } from './models/sentence/sentence-encoder.js';

export type { SentenceEncoder } from './models/sentence/sentence-encoder.js';

const NAME = 'loadEnglish';

/**
 * Unpacks the files of a folder: the number of their bytes in all (u32), then, in zlib's format, the
 * bytes of their list, `[[path, bytes], …]`, ended by a 0, and theirs.
 */
function unpackFiles(bytes: Uint8Array): Map<string, Uint8Array> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const all = unzlib([bytes.subarray(4)], length);
  if (all === undefined) throw new Error('it is too short');
  let at = all.indexOf(0) + 1;
  const list: [string, number][] = JSON.parse(
    new TextDecoder('utf-8', { fatal: true }).decode(all.subarray(0, at - 1)),
  );
  return new Map(
    list.map(([path, size]) => {
      at += size;
      return [path, all.subarray(at - size, at)];
    }),
  );
}

/** Loads the encoder, or throws what is wrong with the file. */
async function load(): Promise<SentenceEncoder> {
  const { default: text } = await import('#weights/english');
  return loadSentenceEncoder(unpackFiles(fromBase64(text)));
}

/**
 * Loads the English sentence encoder in the package: 256 columns, of which the first 128 or 64
 * stand alone, a row per token in 4 bits, no download. It was distilled from all-MiniLM-L6-v2
 * (Apache-2.0) and then trained to find the neighbors of a text that MiniLM finds.
 *
 * It is much faster than MiniLM and knows words, not their order, so that it finds less than
 * MiniLM in general texts. Train it on pairs of your own to make it better on yours: `train` of
 * nearfar/models.
 *
 * @param options none yet
 * @returns a new encoder at each call, with rows of unit length; `dispose()` frees its weights
 * @throws {Error} if the file of the weights is missing or damaged
 * @see https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2
 * @example
 * const encoder = await loadEnglish();
 * const rows = encoder.encode(['How do I reset my password?', 'Forgot my login']);
 */
export async function loadEnglish(options?: NoOptions): Promise<SentenceEncoder> {
  checkNoOptions(NAME, options);
  try {
    return await load();
  } catch (cause) {
    throw new Error(
      `${NAME}: english-weights.js, next to english.js in the package, can't be read: install nearfar again, or have your bundler keep that file`,
      { cause },
    );
  }
}
