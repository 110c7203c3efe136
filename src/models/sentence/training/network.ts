/** The network of a sentence encoder while it is trained: rows of texts with gradients. */

import { Module, type Tensor } from '../../../nn/index.js';
import type { TrainDefaults } from '../../../train/options.js';

import type { SentenceKind } from './data.js';

/** Numbers of a text's tokens, as `SentenceTokens.ids` gives them. */
export type TokenIds = ArrayLike<number>;

/**
 * The network of an encoder while it is trained. Its parameters are the encoder's weights: the same
 * memory, or copies that `refresh` writes back.
 */
export abstract class TrainableNetwork extends Module {
  /** Columns of a row. */
  abstract readonly width: number;

  /** Texts that are embedded at once where the loss compares more: gradients are cached beyond. */
  abstract readonly chunkSize: number;

  /** Tokens of these texts at most. */
  readonly chunkTokens: number = Number.POSITIVE_INFINITY;

  /**
   * Embeds texts.
   *
   * @param texts tokens of each text; one may have none
   * @returns (texts, width), not normalized
   */
  abstract embed(texts: readonly TokenIds[]): Tensor;

  /**
   * Chooses learning rate, batch size and so on.
   *
   * @param kind what the data is
   * @param examples number of examples
   * @param isNew whether the weights were drawn at random
   */
  abstract defaults(kind: SentenceKind, examples: number, isNew: boolean): TrainDefaults;

  /** Writes the trained weights to the layout that `encode` reads, if that is another. */
  refresh(): void {}

  /**
   * Gives what a run needs to go on besides the weights that the encoder keeps.
   *
   * @returns tensors by names that begin with `run.`
   */
  carried(): Map<string, Tensor> {
    return new Map();
  }

  /** Ends a training: frees what only that needed. The encoder keeps its weights. */
  abstract release(): void;
}
