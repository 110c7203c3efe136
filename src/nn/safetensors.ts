/** Tensors as a safetensors file, which Python reads. */

import { kernels } from '../core/kernels.js';
import { checkNoOptions } from '../core/options.js';
import { readSafetensors, type ShapedArray, writeSafetensors } from '../core/safetensors.js';
import { isMap, NonFiniteError, type NoOptions, typeError } from '../core/validation.js';
import { tensor } from './leaf.js';
import { Tensor } from './tensor.js';

/**
 * Writes tensors to the bytes of a safetensors file, as f32.
 *
 * @param map tensors by name
 * @param metadata short texts that the header carries along
 * @param options none
 * @returns bytes of the file, the same for the same tensors
 * @throws {TypeError | RangeError} if something is not a tensor, or a number is not finite
 * @see https://github.com/huggingface/safetensors
 * @example const bytes = saveSafetensors(model.stateDict());
 */
export function saveSafetensors(
  map: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
  options?: NoOptions,
): Uint8Array {
  checkNoOptions('saveSafetensors', options);
  if (!isMap(map)) typeError('saveSafetensors', 'map', 'a Map of tensors', map);
  const arrays = new Map<string, ShapedArray>();
  for (const [name, value] of map as ReadonlyMap<string, unknown>) {
    if (typeof name !== 'string') typeError('saveSafetensors', 'a name', 'a string', name);
    if (!(value instanceof Tensor)) typeError('saveSafetensors', name, 'a tensor', value);
    const bad = kernels().firstNonFinite(value.at, value.size);
    if (bad >= 0) {
      throw new NonFiniteError(
        `saveSafetensors: ${name}[${bad}] must be finite, got ${value.data[bad]}`,
      );
    }
    arrays.set(name, value);
  }
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    typeError('saveSafetensors', 'metadata', 'an object of strings', metadata);
  }
  for (const [key, text] of Object.entries<unknown>(metadata)) {
    if (typeof text !== 'string') typeError('saveSafetensors', `metadata.${key}`, 'a string', text);
  }
  return writeSafetensors(arrays, metadata);
}

/**
 * Reads the texts that a file's header carries along.
 *
 * @param bytes of a safetensors file
 * @param options none
 * @returns texts by name
 * @throws {TypeError | RangeError} if the bytes are not a valid file
 */
export function readMetadata(bytes: Uint8Array, options?: NoOptions): Record<string, string> {
  checkNoOptions('readMetadata', options);
  return readSafetensors('readMetadata', bytes).metadata;
}

/**
 * Reads the tensors of a file, all as f32: floats of 16 to 64 bits, and whole numbers as the nearest
 * f32.
 *
 * @param bytes of a safetensors file
 * @param options none
 * @returns tensors by name
 * @throws {TypeError | RangeError} if the bytes are not a valid file, or a number is not finite
 * @example model.loadStateDict(loadSafetensors(bytes));
 */
export function loadSafetensors(bytes: Uint8Array, options?: NoOptions): Map<string, Tensor> {
  checkNoOptions('loadSafetensors', options);
  const { arrays } = readSafetensors('loadSafetensors', bytes);
  const loaded = new Map<string, Tensor>();
  try {
    for (const [name, { data, shape }] of arrays) loaded.set(name, tensor(data, shape));
  } catch (error) {
    for (const made of loaded.values()) made.dispose();
    throw error;
  }
  return loaded;
}
