/**
 * Normalization of pixels before a network, (value / 255 − mean) / std for each channel. Our own
 * networks see −1 to 1, mean and std of a half; those of others bring their own.
 */

import { type Check, rangeError, typeError } from '../../core/validation.js';
import { add, div, mul, sub, type Tensor, tensor } from '../../nn/index.js';

/** Mean and standard deviation of each channel, of values from 0 to 1. */
export interface ImageNormalization {
  /** Mean of each channel. */
  imageMean: readonly number[];
  /** Standard deviation of each channel, above 0. */
  imageStd: readonly number[];
}

/** Makes a check for a number per channel, above `min`. */
export function perChannel(channels: number, min: number): Check<readonly number[]> {
  return (name, argument, value) => {
    if (!Array.isArray(value)) typeError(name, argument, 'an array of numbers', value);
    for (const each of value) {
      if (typeof each !== 'number') typeError(name, argument, 'an array of numbers', each);
      if (!Number.isFinite(each) || each <= min) {
        rangeError(name, argument, min === 0 ? 'above 0' : 'finite', each);
      }
    }
    if (value.length !== channels) {
      rangeError(name, argument, `${channels} numbers, one per channel`, value.length);
    }
    return [...(value as number[])];
  };
}

/** Half for each channel: what −1 to 1 is the normalization of. */
export const halves = (channels: number): readonly number[] => new Array(channels).fill(0.5);

function isOurs({ imageMean, imageStd }: ImageNormalization): boolean {
  return [...imageMean, ...imageStd].every((value) => value === 0.5);
}

/** Factor and offset of each channel, (C, 1, 1), from −1 to 1 to what the network sees. */
function affine({ imageMean, imageStd }: ImageNormalization): [factor: Tensor, offset: Tensor] {
  const shape = [imageMean.length, 1, 1];
  return [
    tensor(
      imageStd.map((std) => 0.5 / std),
      shape,
    ),
    tensor(
      imageStd.map((std, i) => (0.5 - (imageMean[i] as number)) / std),
      shape,
    ),
  ];
}

/** Normalizes images of −1 to 1, (B, C, H, W), for a network. */
export function normalizeImages(images: Tensor, normalization: ImageNormalization): Tensor {
  if (isOurs(normalization)) return images;
  const [factor, offset] = affine(normalization);
  return add(mul(images, factor), offset);
}

/** Inverts `normalizeImages`. */
export function denormalizeImages(images: Tensor, normalization: ImageNormalization): Tensor {
  if (isOurs(normalization)) return images;
  const [factor, offset] = affine(normalization);
  return div(sub(images, offset), factor);
}
