/** What hidden patches are to those who have learned nothing: the rivals of a masked autoencoder. */

import type { ImageDataset } from '../../data/images/dataset.js';
import {
  conv2d,
  div,
  gatherTokens,
  mse,
  mul,
  patchify,
  reshape,
  sum,
  type Tensor,
  tensor,
  tidy,
  unpatchify,
  where,
} from '../../nn/index.js';
import type { MAE } from './mae.js';
import { maskTensor } from './patch-mask.js';

/**
 * Images whose hidden pixels are the mean of the image's visible ones.
 *
 * @param images (B, C, H, W)
 * @param shown (B, 1, H, W), 0 where a pixel is hidden
 */
export function meanFill(images: Tensor, shown: Tensor): Tensor {
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  const total = (x: Tensor, of: number): Tensor =>
    sum(reshape(x, [batch, of, height * width]), { axis: 2 });
  const means = div(total(mul(images, shown), channels), total(shown, 1));
  return where(shown, images, reshape(means, [batch, channels, 1, 1]));
}

/** Turns until values no longer change, at gaps of some dozens of pixels. */
const ITERATIONS = 200;

/**
 * Images whose hidden pixels are interpolated from the visible ones: each the mean of its
 * neighbors above, below, left and right (Laplace's equation, by Jacobi's method).
 */
export function interpolate(images: Tensor, shown: Tensor): Tensor {
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  const planes = [batch * channels, 1, height, width];
  const cross = tensor([0, 1, 0, 1, 0, 1, 0, 1, 0], [1, 1, 3, 3]);
  const around = (x: Tensor): Tensor => conv2d(x, cross, undefined, { padding: 1 });
  const neighbors = around(tensor(new Float32Array(height * width).fill(1), [1, 1, height, width]));
  let x = meanFill(images, shown);
  for (let turn = 0; turn < ITERATIONS; turn++) {
    const next = tidy(() => {
      const means = div(around(reshape(x, planes)), neighbors);
      return where(shown, images, reshape(means, images.shape));
    });
    x.dispose();
    x = next;
  }
  return x;
}

/** Mean squared errors over hidden pixels, from −1 black to 1 white. */
export interface ReconstructionErrors {
  /** The model's loss. */
  loss: number;
  /** Of its pixels, which is the loss unless that is of normalized ones. */
  reconstruction: number;
  meanFill: number;
  interpolation: number;
}

/** How well a model makes hidden patches up, beside those who have learned nothing. */
export function reconstructionErrors(model: MAE, data: ImageDataset): ReconstructionErrors {
  const { grid, patch, patches } = model.encoder;
  const totals = { reconstruction: 0, meanFill: 0, interpolation: 0 };
  let seen = 0;
  const loss = model.evaluate(data, (images, mask) => {
    const [batch] = images.shape as [number];
    const square = tensor(new Float32Array(patch * patch).fill(1), [patch * patch]);
    const shown = unpatchify(mul(maskTensor(mask, batch, patches), square), grid, patch);
    const hidden = (x: Tensor): Tensor => gatherTokens(patchify(x, patch), mask.hidden);
    const truth = hidden(images);
    const error = (x: Tensor): number => batch * mse(hidden(x), truth).item();
    totals.reconstruction += error(model.reconstructMasked(images, mask).reconstructed);
    totals.meanFill += error(meanFill(images, shown));
    totals.interpolation += error(interpolate(images, shown));
    seen += batch;
  });
  return {
    loss,
    reconstruction: totals.reconstruction / seen,
    meanFill: totals.meanFill / seen,
    interpolation: totals.interpolation / seen,
  };
}
