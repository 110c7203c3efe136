/** Pictures as callers of the systems have them. */

import type { Matrix } from '../../core/matrix.js';
import { rangeError } from '../../core/validation.js';
import {
  type AugmentOptions,
  type PictureShape,
  picturesToTensor,
} from '../../data/images/augment.js';
import { checkPictures, type Pictures, picturesOf } from '../../data/images/dataset.js';
import { slice, Tensor } from '../../nn/index.js';
import { chunks, inference, stacked } from './chunks.js';

/** Half of the pictures mirrored and nothing else. */
export const FLIPS: AugmentOptions = {
  ...{ area: [1, 1] as const, aspect: [1, 1] as const, flip: 0.5 },
  ...{ shift: 0, rotation: 0, slant: 0, jitter: 0, grey: 0, blur: 0, erase: 0 },
};

/** A tensor (B, C, H, W), −1 black to 1 white, or bytes (B, H, W, C), 0 black to 255 white. */
export type Images = Tensor | Uint8Array;

/** The tensor itself, or one that is made from the bytes. */
export function imagesToTensor(name: string, images: Images, shape: PictureShape): Tensor {
  if (!(images instanceof Tensor)) return picturesToTensor(images, shape);
  const { height, width, channels } = shape;
  const wanted = [channels, height, width];
  if (String(images.shape.slice(1)) !== String(wanted)) {
    rangeError(name, 'images', `(B, ${wanted.join(', ')})`, `(${images.shape.join(', ')})`);
  }
  return images;
}

/** Pictures some at a time: what makes the tensor of each part, to be called inside `tidy`. */
function* imageChunks(
  images: Images | Pictures,
  shape: PictureShape,
  most: number,
): Iterable<() => Tensor> {
  if (images instanceof Tensor) {
    const whole = imagesToTensor('encode', images, shape);
    const count = whole.shape[0] as number;
    for (let from = 0; from < count; from += most) {
      yield () => slice(whole, 0, from, Math.min(count, from + most));
    }
    return;
  }
  const pictures = images instanceof Uint8Array ? picturesOf(images, shape) : images;
  checkPictures('encode', pictures, shape);
  for (const { pixels } of chunks(pictures, most)) yield () => picturesToTensor(pixels, shape);
}

/** What a network makes of pictures: a row of `cols` numbers each, `most` pictures at a time. */
export function rowsOfImages(
  images: Images | Pictures,
  shape: PictureShape,
  { cols, most }: { cols: number; most: number },
  forward: (images: Tensor) => Tensor,
): Matrix {
  const parts = Array.from(imageChunks(images, shape, most), (part) =>
    inference(() => forward(part()).toArray()),
  );
  return stacked(parts, cols);
}
