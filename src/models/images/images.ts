/** Images as callers of the models have them: tensors, bytes, a canvas's pixels, or datasets. */

import type { Matrix } from '../../core/matrix.js';
import { isBytes, rangeError } from '../../core/validation.js';
import { type AugmentOptions, imagesToTensor } from '../../data/images/augment.js';
import {
  checkImages,
  type ImageDataset,
  imagesFrom,
  type Pixels,
} from '../../data/images/dataset.js';
import { isImageData } from '../../data/images/resize.js';
import type { ImageShape } from '../../data/images/shape.js';
import { type Module, reshape, slice, Tensor } from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { imageBatches, stackRows } from './batches.js';

/** Augmentation of images in color that flips half of them and does nothing else. */
export const FLIPS: AugmentOptions = {
  ...{ scale: [1, 1] as const, ratio: [1, 1] as const, horizontalFlip: 0.5 },
  ...{ translate: 0, rotation: 0, shear: 0, jitter: 0, grayscale: 0, blur: 0, cutout: 0 },
};

/**
 * Images: a tensor (B, C, H, W) or one image (C, H, W), −1 black to 1 white; or bytes (B, H, W, C),
 * 0 black to 255 white; or `ImageData` of a canvas, one or many.
 */
export type ImageInput = Tensor | Pixels;

/** Checks a tensor of images; one image becomes a batch of one. */
function checkTensorShape(name: string, images: Tensor, shape: ImageShape): Tensor {
  const wanted = [shape.channels, shape.height, shape.width];
  const { shape: own } = images;
  if (String(own) === String(wanted)) return reshape(images, [1, ...wanted]);
  if (own.length === 4 && String(own.slice(1)) === String(wanted)) return images;
  return rangeError(name, 'images', `(B, ${wanted.join(', ')})`, `(${own.join(', ')})`);
}

/** Gives images as a tensor (B, C, H, W), to be called inside `tidy`. */
export function asImageTensor(name: string, images: ImageInput, shape: ImageShape): Tensor {
  if (images instanceof Tensor) return checkTensorShape(name, images, shape);
  if (isBytes(images)) return imagesToTensor(images, shape);
  const { count, read } = imagesFrom(images, shape);
  return imagesToTensor(read(Array.from({ length: count }, (_, i) => i)).pixels, shape);
}

/** Tells pixels from a dataset. */
function isPixels(images: Pixels | ImageDataset): images is Pixels {
  return ArrayBuffer.isView(images) || Array.isArray(images) || isImageData(images);
}

/** Makes the tensor of each batch, to be called inside `tidy`. */
function* tensorBatches(
  name: string,
  images: ImageInput | ImageDataset,
  shape: ImageShape,
  batchSize: number,
): Iterable<() => Tensor> {
  if (images instanceof Tensor) {
    const single = images.shape.length === 3;
    const count = single ? 1 : (images.shape[0] as number);
    for (let from = 0; from < count; from += batchSize) {
      yield () => {
        const whole = checkTensorShape(name, images, shape);
        return single ? whole : slice(whole, 0, from, Math.min(count, from + batchSize));
      };
    }
    return;
  }
  const data = isPixels(images) ? imagesFrom(images, shape) : images;
  checkImages(name, data, shape);
  for (const { pixels } of imageBatches(data, batchSize)) {
    yield () => imagesToTensor(pixels, data.shape);
  }
}

/**
 * Encodes images as rows of `cols` numbers, batch by batch, in evaluation mode.
 *
 * @param model module whose mode is restored afterwards
 * @param forward computes (B, cols) of (B, C, H, W)
 * @returns a row per image that can be read
 */
export function encodeImages(
  model: Module,
  images: ImageInput | ImageDataset,
  shape: ImageShape,
  { cols, batchSize }: { cols: number; batchSize: number },
  forward: (images: Tensor) => Tensor,
): Matrix {
  const { height, width, channels } = shape;
  const batches = tensorBatches('encode', images, { height, width, channels }, batchSize);
  const parts = Array.from(batches, (batch) => inference(model, () => forward(batch()).toArray()));
  return stackRows(parts, cols);
}
