/** A vision transformer as an encoder of images. */

import { Module, mean, slice, type Tensor, type VisionTransformer } from '../../nn/index.js';

/** The mean of what a vision transformer makes of a image's patches. */
export class PatchMean extends Module {
  readonly transformer: VisionTransformer;

  constructor(transformer: VisionTransformer) {
    super();
    this.transformer = transformer;
  }

  /** @param images (B, C, H, W) @returns (B, width) */
  forward(images: Tensor): Tensor {
    return mean(slice(this.transformer.forward(images), 1, 1), { axis: 1 });
  }
}
