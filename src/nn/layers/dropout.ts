/** The dropout layer. */

import { Module } from '../module.js';
import { checkDropoutRate, dropout } from '../random.js';
import type { Tensor } from '../tensor.js';

/**
 * Dropout: sets a fraction of the numbers to 0 while training, the others scaled up; does nothing in
 * evaluation.
 */
export class Dropout extends Module {
  /** Fraction that is set to 0. */
  readonly rate: number;

  /**
   * @param rate fraction that is set to 0, from 0 to below 1
   * @throws {RangeError} if it is not in this range
   */
  constructor(rate = 0.5) {
    super();
    this.rate = checkDropoutRate('Dropout', 'rate', rate);
  }

  /**
   * Drops numbers, while training.
   *
   * @param x tensor of any shape
   * @returns a tensor of the same shape
   */
  forward(x: Tensor): Tensor {
    return this.training && this.rate > 0 ? dropout(x, this.rate) : x;
  }
}
