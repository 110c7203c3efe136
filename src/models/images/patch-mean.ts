/** A vision transformer as an encoder of images. */

import { instanceOf } from '../../core/validation.js';
import { Module, mean, slice, type Tensor, VisionTransformer } from '../../nn/index.js';
import { type ImageNormalization, normalizeImages } from './normalization.js';

/** Encoder that gives the mean of a vision transformer's patches. */
export class PatchMean extends Module {
  /** Encoder of the patches. */
  readonly transformer: VisionTransformer;
  readonly #normalization: ImageNormalization | undefined;

  /**
   * @param transformer encoder of the patches
   * @param normalization mean and std of the pixels, where they are not a half
   * @throws {TypeError} if it is not a VisionTransformer
   */
  constructor(transformer: VisionTransformer, normalization?: ImageNormalization) {
    super();
    const what = 'a VisionTransformer';
    instanceOf(VisionTransformer, what)('PatchMean', 'transformer', transformer);
    this.transformer = transformer;
    this.#normalization = normalization;
  }

  /**
   * Encodes images.
   * @param images (B, C, H, W), −1 black to 1 white
   * @returns (B, width)
   */
  forward(images: Tensor): Tensor {
    const seen = this.#normalization ? normalizeImages(images, this.#normalization) : images;
    return mean(slice(this.transformer.forward(seen), 1, 1), { axis: 1 });
  }
}
