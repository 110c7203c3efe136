/** Masks of a masked autoencoder: which patches of an image it sees. */

import { checkNoOptions } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import {
  type Check,
  checkInteger,
  checkIntegers,
  checkNumber,
  integerIn,
  type NoOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { type Tensor, tensor } from '../../nn/index.js';

/** Visible and hidden patches of each image of a batch. */
export interface Mask {
  /** Visible patches in the order in which the encoder sees them, (B, n), flat. */
  visible: Int32Array;
  /** Hidden patches, (B, L − n), flat. */
  hidden: Int32Array;
}

/** Position of the masks' random numbers: equal positions give equal masks. */
export interface MaskPosition {
  /** Seed of the run. */
  seed: number;
  /** Number of the step. */
  step: number;
  /** Index of each image in the whole batch of the step. @default 0, 1, 2, … */
  samples?: ArrayLike<number> | undefined;
}

/** Checks a fraction of patches, above 0 and below 1. */
export const checkMaskRatio: Check<number> = (name, argument, value) => {
  const ratio = checkNumber(name, argument, value);
  if (ratio > 0 && ratio < 1) return ratio;
  return rangeError(name, argument, 'above 0 and below 1', ratio);
};

/**
 * Hides a fraction of each image's patches at random: those of the largest noise. At least one patch
 * stays visible and one is hidden.
 *
 * @param batch number of images
 * @param patches patches per image, at least 2
 * @param ratio fraction that is hidden, above 0 and below 1
 * @param position seed, step and samples: the position of the random numbers
 * @param options none
 * @returns visible and hidden patches of each image
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function randomMask(
  batch: number,
  patches: number,
  ratio: number,
  position: MaskPosition,
  options?: NoOptions,
): Mask {
  checkNoOptions('randomMask', options);
  integerIn(1)('randomMask', 'batch', batch);
  integerIn(2)('randomMask', 'patches', patches);
  checkMaskRatio('randomMask', 'ratio', ratio);
  if (typeof position !== 'object' || position === null) {
    typeError('randomMask', 'position', 'an object of seed and step', position);
  }
  const seed = checkInteger('randomMask', 'seed', position.seed);
  const step = checkInteger('randomMask', 'step', position.step);
  const { samples } = position;
  if (samples !== undefined) {
    checkIntegers('randomMask', 'samples', samples, { of: batch, what: 'the images' });
  }
  const kept = Math.min(patches - 1, Math.max(1, Math.floor(patches * (1 - ratio))));
  const visible = new Int32Array(batch * kept);
  const hidden = new Int32Array(batch * (patches - kept));
  for (let b = 0; b < batch; b++) {
    const random = new Random(seed, STREAMS.patchMask, step, samples?.[b] ?? b);
    const noise = Array.from({ length: patches }, () => random.bits());
    const order = noise.map((_, patch) => patch);
    order.sort((i, j) => (noise[i] as number) - (noise[j] as number) || i - j);
    visible.set(order.slice(0, kept), b * kept);
    hidden.set(order.slice(kept), b * (patches - kept));
  }
  return { visible, hidden };
}

/** Makes a tensor of 1 for each visible patch and 0 for each hidden one, (B, L, 1). */
export function maskTensor({ visible }: Mask, batch: number, patches: number): Tensor {
  const shown = new Float32Array(batch * patches);
  const each = visible.length / batch;
  visible.forEach((patch, i) => {
    shown[Math.floor(i / each) * patches + patch] = 1;
  });
  return tensor(shown, [batch, patches, 1]);
}
