/** The embedding layer. */

import { readOptions } from '../../core/options.js';
import { checkSizes } from '../check.js';
import { asParameter } from '../leaf.js';
import { Module } from '../module.js';
import { gather } from '../ops/embedding.js';
import { randomNormal } from '../random.js';
import type { Tensor } from '../tensor.js';
import type { Shape } from '../tensor-data.js';

/**
 * Embedding: a table of vectors that are looked up by number, initially of mean 0 and
 * standard deviation 1, as PyTorch's.
 *
 * @example const tokens = new Embedding(1000, 64); tokens.forward([3, 1, 4]); // (3, 64)
 */
export class Embedding extends Module {
  /** (count, width) */
  readonly weight: Tensor;

  /**
   * @param count number of vectors
   * @param width length of a vector
   * @param options there are none yet
   * @throws {TypeError | RangeError} if a size is not a whole number of at least 1
   */
  constructor(count: number, width: number, options?: Record<string, never>) {
    super();
    checkSizes('Embedding', { count, width });
    readOptions('Embedding', options).done();
    this.weight = asParameter(randomNormal([count, width]));
  }

  /**
   * Looks vectors up.
   *
   * @param indices whole numbers from 0 to count − 1
   * @param shape shape of the indices; one axis if left out
   * @returns (…shape, width)
   */
  forward(indices: ArrayLike<number>, shape?: Shape): Tensor {
    return gather(this.weight, indices, shape);
  }
}
