/**
 * One hash for each operation: SHA-256 over the bits of everything that it gives on its test sizes
 * with seeded inputs. Equal hashes on two machines mean equal bits.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { Random } from '../../src/random.js';
import { operations } from './index.js';
import type { Api, Outputs } from './operation.js';

export interface OperationHash {
  name: string;
  hash: string;
}

/** Bytes of outputs in the order of their names: f64 of every number, little-endian. */
function bytesOf(outputs: Outputs): Uint8Array {
  const numbers = Object.keys(outputs)
    .sort()
    .flatMap((name) => {
      const value = outputs[name] as number | ArrayLike<number>;
      return typeof value === 'number' ? [value] : Array.from(value);
    });
  const bytes = new Uint8Array(8 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    view.setFloat64(8 * i, value, true);
  });
  return bytes;
}

/** Hashes of all operations of the table, run through the functions that are given. */
export function hashOperations(api: Api): OperationHash[] {
  return operations.map(({ name, sizes, inputs, run, gradient }) => {
    const hash = sha256.create();
    sizes.forEach((size, i) => {
      hash.update(bytesOf(run(api, inputs(size, new Random(1, i)))));
      if (gradient) hash.update(bytesOf(gradient.run(api, inputs(size, new Random(2, i)))));
    });
    return { name, hash: bytesToHex(hash.digest()) };
  });
}
