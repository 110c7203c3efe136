/** Images as callers of the systems have them. */

import type { Matrix } from '../../core/matrix.js';
import { rangeError } from '../../core/validation.js';
import { type AugmentOptions, type ImageShape, imagesToTensor } from '../../data/images/augment.js';
import { checkImages, type ImageDataset, imagesFrom } from '../../data/images/dataset.js';
import type { Module } from '../../nn/index.js';
import { slice, Tensor } from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { imageBatches, stackRows } from './chunks.js';

/** Half of the images mirrored and nothing else. */
export const FLIPS: AugmentOptions = {
  ...{ scale: [1, 1] as const, ratio: [1, 1] as const, horizontalFlip: 0.5 },
  ...{ translate: 0, rotation: 0, shear: 0, jitter: 0, grayscale: 0, blur: 0, cutout: 0 },
};

/** A tensor (B, C, H, W), −1 black to 1 white, or bytes (B, H, W, C), 0 black to 255 white. */
export type ImageInput = Tensor | Uint8Array;

/** The tensor itself, or one that is made from the bytes. */
export function asImageTensor(name: string, images: ImageInput, shape: ImageShape): Tensor {
  if (!(images instanceof Tensor)) return imagesToTensor(images, shape);
  const { height, width, channels } = shape;
  const wanted = [channels, height, width];
  if (String(images.shape.slice(1)) !== String(wanted)) {
    rangeError(name, 'images', `(B, ${wanted.join(', ')})`, `(${images.shape.join(', ')})`);
  }
  return images;
}

/** Images some at a time: what makes the tensor of each part, to be called inside `tidy`. */
function* tensorChunks(
  images: ImageInput | ImageDataset,
  shape: ImageShape,
  most: number,
): Iterable<() => Tensor> {
  if (images instanceof Tensor) {
    const whole = asImageTensor('encode', images, shape);
    const count = whole.shape[0] as number;
    for (let from = 0; from < count; from += most) {
      yield () => slice(whole, 0, from, Math.min(count, from + most));
    }
    return;
  }
  const dataset = images instanceof Uint8Array ? imagesFrom(images, shape) : images;
  checkImages('encode', dataset, shape);
  for (const { pixels } of imageBatches(dataset, most)) yield () => imagesToTensor(pixels, shape);
}

/** What a network makes of images: a row of `cols` numbers each, `most` images at a time. */
export function encodeImages(
  model: Module,
  images: ImageInput | ImageDataset,
  shape: ImageShape,
  { cols, most }: { cols: number; most: number },
  forward: (images: Tensor) => Tensor,
): Matrix {
  const parts = Array.from(tensorChunks(images, shape, most), (part) =>
    inference(model, () => forward(part()).toArray()),
  );
  return stackRows(parts, cols);
}
