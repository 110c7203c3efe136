/** Pictures as callers of the systems have them. */

import { rangeError } from '../check.js';
import { type PictureShape, picturesToTensor } from '../data/augment.js';
import { Tensor } from '../nn/index.js';

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
