/** The weights of a folder: `model.safetensors`, or shards by `model.safetensors.index.json`. */

import { readArray } from '../../core/safetensors.js';
import { rangeError } from '../../core/validation.js';
import { type Tensor, tensor } from '../../nn/index.js';
import type { Files } from './files.js';
import { type FileArray, openWeights, WEIGHTS } from './shards.js';

/** Other names that files have for a tensor, in the order in which they are tried. */
export type Aliases = (name: string) => readonly string[];

/** Tensors of a folder, read one by one. */
export class Weights {
  readonly #loader: string;
  readonly #arrays: ReadonlyMap<string, FileArray>;
  readonly #aliases: Aliases;

  private constructor(loader: string, arrays: ReadonlyMap<string, FileArray>, aliases: Aliases) {
    this.#loader = loader;
    this.#arrays = arrays;
    this.#aliases = aliases;
  }

  /**
   * Opens a folder's weights; no numbers are read yet.
   * @param loader function that messages name
   * @throws {RangeError} if they are missing or not valid
   */
  static open(loader: string, files: Files, aliases: Aliases = () => []): Weights {
    return new Weights(loader, openWeights(loader, files), aliases);
  }

  /** The name that the file has for a tensor. */
  #find(name: string): string | undefined {
    return [name, ...this.#aliases(name)].find((candidate) => this.#arrays.has(candidate));
  }

  /** Tells whether the file has a tensor. */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Refuses a file that lacks a tensor, or has it in another shape; no numbers are read. */
  check(name: string, shape: readonly number[]): void {
    const found = this.#find(name);
    if (found === undefined) rangeError(this.#loader, WEIGHTS, `with ${name}`, 'none');
    const { shape: own, file } = this.#arrays.get(found) as FileArray;
    // Some files have a scalar as one number in a row.
    if (shape.length === 0 && String(own) === '1') return;
    if (String(own) === String(shape)) return;
    throw new RangeError(
      `${this.#loader}: ${file}'s ${name} must be of shape [${shape}] as config.json says, got [${own}]`,
    );
  }

  /** Reads a tensor of a shape; call it inside `tidy`. */
  read(name: string, shape: readonly number[]): Tensor {
    this.check(name, shape);
    const found = this.#find(name) as string;
    const array = this.#arrays.get(found) as FileArray;
    const { data } = readArray(`${this.#loader}: ${array.file}`, found, array);
    return tensor(data, shape);
  }
}
