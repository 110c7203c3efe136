/** Baselines of a masked autoencoder: hidden patches by methods that have learned nothing. */

import { checkNoOptions } from '../../core/options.js';
import { instanceOf, type NoOptions, rangeError } from '../../core/validation.js';
import { checkImages, type ImageDataset } from '../../data/images/dataset.js';
import { checkTensor } from '../../nn/check.js';
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
import { MAE } from './mae.js';
import { maskTensor } from './patch-mask.js';

/** Checks images (B, C, H, W) and the mask of their pixels, (B, 1, H, W). */
function checkShown(name: string, images: Tensor, shown: Tensor): void {
  const { shape } = checkTensor(name, 'images', images);
  if (shape.length !== 4) rangeError(name, 'images', '(B, C, H, W)', `[${shape}]`);
  const [batch, , height, width] = shape;
  const wanted = [batch, 1, height, width];
  const { shape: own } = checkTensor(name, 'shown', shown);
  if (String(own) !== String(wanted)) rangeError(name, 'shown', `[${wanted}]`, `[${own}]`);
}

/**
 * Fills hidden pixels with the mean of the image's visible ones.
 *
 * @param images (B, C, H, W)
 * @param shown (B, 1, H, W), 0 where a pixel is hidden
 * @param options none
 * @returns (B, C, H, W)
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function meanFill(images: Tensor, shown: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('meanFill', options);
  checkShown('meanFill', images, shown);
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  const total = (x: Tensor, planes: number): Tensor =>
    sum(reshape(x, [batch, planes, height * width]), { axis: 2 });
  const means = div(total(mul(images, shown), channels), total(shown, 1));
  return where(shown, images, reshape(means, [batch, channels, 1, 1]));
}

/** Iterations until values no longer change, at gaps of some dozens of pixels. */
const ITERATIONS = 200;

/**
 * Fills hidden pixels by interpolation: each becomes the mean of its neighbors above, below, left and
 * right (Laplace's equation, by Jacobi's method).
 *
 * @param images (B, C, H, W)
 * @param shown (B, 1, H, W), 0 where a pixel is hidden
 * @param options none
 * @returns (B, C, H, W)
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function interpolate(images: Tensor, shown: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('interpolate', options);
  checkShown('interpolate', images, shown);
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  const planes = [batch * channels, 1, height, width];
  const cross = tensor([0, 1, 0, 1, 0, 1, 0, 1, 0], [1, 1, 3, 3]);
  const around = (x: Tensor): Tensor => conv2d(x, cross, undefined, { padding: 1 });
  const neighbors = around(tensor(new Float32Array(height * width).fill(1), [1, 1, height, width]));
  let x = meanFill(images, shown);
  for (let i = 0; i < ITERATIONS; i++) {
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
  /** Loss of the model. */
  loss: number;
  /** Error of the model's pixels: the loss, unless that is of normalized ones. */
  reconstruction: number;
  /** Error of the mean of the visible pixels. */
  meanFill: number;
  /** Error of interpolation. */
  interpolation: number;
}

/**
 * Evaluates how well a model reconstructs hidden patches, next to baselines.
 *
 * @param model masked autoencoder
 * @param data images
 * @param options none
 * @returns mean squared errors
 * @throws {TypeError | RangeError} if they are not images of the network's shape
 */
export function reconstructionErrors(
  model: MAE,
  data: ImageDataset,
  options?: NoOptions,
): ReconstructionErrors {
  checkNoOptions('reconstructionErrors', options);
  instanceOf(MAE, 'an MAE')('reconstructionErrors', 'model', model);
  const { height, width, channels } = model.config;
  checkImages('reconstructionErrors', data, { height, width, channels });
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
