/** Hashes of models: processes encode together only if all have the same one. */

import { createHash } from 'node:crypto';
import { BITS } from '../../index.js';
import { readEncoderFolder } from '../input/encoder-folder.js';
import { isSentenceFolder } from '../models/open.js';
import { readModel } from '../output/checkpoint.js';

/**
 * Hashes all that rows depend on besides the inputs.
 *
 * @param folder of the model; undefined for the English encoder in the package
 * @param options what the model is asked for
 * @returns 32 hexadecimal digits
 */
export async function hashModel(folder: string | undefined, options: object): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ bits: BITS, options }));
  if (folder === undefined) {
    const { default: weights } = await import('#weights/english');
    hash.update(weights);
  } else {
    const files = isSentenceFolder(folder) ? readEncoderFolder(folder) : readModel(folder);
    for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify([name, bytes.length])).update(bytes);
    }
  }
  return hash.digest('hex').slice(0, 32);
}
