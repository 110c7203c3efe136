/**
 * One hash for each operation and each trained system: SHA-256 over the bits of everything that an
 * operation gives on its test sizes with seeded inputs, and of the losses and weights of fifty
 * steps of training. Equal hashes on two machines mean equal bits.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { Random } from '../../src/core/random.js';
import { operations } from './index.js';
import { type System, systems } from './models.js';
import type { Api, Operation, Outputs } from './operation.js';

export interface Hash {
  name: string;
  hash: string;
}

const STEPS = 50;

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

/** The hash of what one operation of the table gives, run through the functions that are given. */
export function hashOperation(api: Api, { name, sizes, inputs, run, gradient }: Operation): Hash {
  const hash = sha256.create();
  sizes.forEach((size, i) => {
    hash.update(bytesOf(run(api, inputs(size, new Random(1, i)))));
    if (gradient) hash.update(bytesOf(gradient.run(api, inputs(size, new Random(2, i)))));
  });
  return { name, hash: bytesToHex(hash.digest()) };
}

/** The hash of a system's training. */
export async function hashSystem(api: Api, { name, start }: System): Promise<Hash> {
  const { model, train } = start(api);
  const losses: number[] = [];
  for await (const { loss } of train({ steps: STEPS, seed: 1 })) losses.push(loss);
  const hash = sha256.create().update(bytesOf({ losses }));
  for (const [path, { data }] of model.stateDict()) hash.update(bytesOf({ [path]: data }));
  model.dispose();
  return { name: `${name}, ${STEPS} steps of training`, hash: bytesToHex(hash.digest()) };
}

/** Loads the encoder in the package: `loadEnglish` of nearfar/english. */
export type LoadEnglish = () => Promise<{
  encode(texts: string[]): { data: Float32Array };
  dispose(): void;
}>;

/** The hash of rows of the encoder in the package. */
export async function hashEnglish(loadEnglish: LoadEnglish): Promise<Hash> {
  const encoder = await loadEnglish();
  const { data } = encoder.encode([
    ...['near', 'What is near is pulled together.', 'far, farther, the farthest: 12,345'],
    ...['How do I reset my password?', 'naïve café', '', 'unbelievably idiosyncratic'],
  ]);
  encoder.dispose();
  return { name: 'English encoder', hash: bytesToHex(sha256(bytesOf({ data }))) };
}

/** All hashes, one after the other as they are ready. */
export async function* hashes(
  api: Api,
  loadEnglish: LoadEnglish,
): AsyncGenerator<Hash, void, void> {
  for (const operation of operations) yield hashOperation(api, operation);
  for (const system of systems) yield await hashSystem(api, system);
  yield await hashEnglish(loadEnglish);
}
