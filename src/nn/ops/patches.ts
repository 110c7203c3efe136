/** Images as sequences of patches, and steps of sequences. */

import { checkNoOptions } from '../../core/options.js';
import {
  checkIntegers,
  integerIn,
  type NoOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { checkSizes, checkTensor } from '../check.js';
import type { Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { checkImages } from './conv.js';
import { gather } from './embedding.js';
import { concat, reshape, transpose } from './shape.js';

/** Number of patches down and across. */
export type Grid = readonly [rows: number, columns: number];

/** Checks a grid. */
export function checkGrid(name: string, grid: unknown): Grid {
  if (!Array.isArray(grid) || grid.length !== 2) {
    typeError(name, 'grid', 'a pair of whole numbers', grid);
  }
  checkSizes(name, { 'grid[0]': grid[0], 'grid[1]': grid[1] });
  return grid as unknown as Grid;
}

/** Gives the grid of patches that fill an image. */
export function gridOf(name: string, height: number, width: number, patch: number): Grid {
  integerIn(1, Math.min(height, width), 'the pixels')(name, 'patch', patch);
  if (height % patch !== 0 || width % patch !== 0) {
    rangeError(name, 'patch', `a divisor of ${height} × ${width} pixels`, patch);
  }
  return [height / patch, width / patch];
}

/**
 * Splits images into squares of patch × patch pixels, row by row; within one the numbers stand by
 * row, column and channel, as MAE has it.
 *
 * @param images (B, C, H, W)
 * @param patch side of a patch in pixels, a divisor of H and W
 * @param options none
 * @returns (B, patches, patch² C)
 * @throws {TypeError | RangeError} if the patches do not fill the images
 */
export function patchify(images: Tensor, patch: number, options?: NoOptions): Tensor {
  checkNoOptions('patchify', options);
  const [batch, channels, height, width] = checkImages('patchify', 'images', images);
  const [rows, columns] = gridOf('patchify', height, width, patch);
  const split = reshape(images, [batch, channels, rows, patch, columns, patch]);
  const ordered = transpose(split, [0, 2, 4, 3, 5, 1]);
  return reshape(ordered, [batch, rows * columns, patch * patch * channels]);
}

/**
 * Joins patches to images: the inverse of `patchify`.
 *
 * @param patches (B, rows columns, patch² C)
 * @param grid number of patches down and across
 * @param patch side of a patch, in pixels
 * @param options none
 * @returns (B, C, rows patch, columns patch)
 * @throws {TypeError | RangeError} if the shapes do not fit
 */
export function unpatchify(
  patches: Tensor,
  grid: Grid,
  patch: number,
  options?: NoOptions,
): Tensor {
  checkNoOptions('unpatchify', options);
  checkTensor('unpatchify', 'patches', patches);
  const [rows, columns] = checkGrid('unpatchify', grid);
  checkSizes('unpatchify', { patch });
  const [batch, count, length] = patches.shape as [number, number, number];
  const channels = length / (patch * patch);
  if (patches.shape.length !== 3 || count !== rows * columns || !Number.isInteger(channels)) {
    const expected = `(B, ${rows * columns}, a multiple of ${patch * patch})`;
    rangeError('unpatchify', 'patches', expected, showShape(patches.shape));
  }
  const split = reshape(patches, [batch, rows, columns, patch, patch, channels]);
  const ordered = transpose(split, [0, 5, 1, 3, 2, 4]);
  return reshape(ordered, [batch, channels, rows * patch, columns * patch]);
}

/**
 * Selects steps of each sequence: those of sample b are ids[b][0], ids[b][1], …
 *
 * @param x (B, T, width)
 * @param ids (B, n), flat; whole numbers from 0 to T − 1
 * @param options none
 * @returns (B, n, width)
 * @throws {TypeError | RangeError} if an id is not a step, or samples have different numbers of them
 */
export function gatherTokens(x: Tensor, ids: ArrayLike<number>, options?: NoOptions): Tensor {
  checkNoOptions('gatherTokens', options);
  const { shape } = checkTensor('gatherTokens', 'x', x);
  if (shape.length !== 3) rangeError('gatherTokens', 'x', '(B, T, width)', showShape(shape));
  const [batch, steps, width] = shape as [number, number, number];
  checkIntegers('gatherTokens', 'ids', ids, undefined, {
    valid: (id) => id >= 0 && id < steps,
    what: `from 0 to ${steps - 1} (the steps of x)`,
  });
  const each = ids.length / batch;
  if (!Number.isInteger(each) || each < 1) {
    rangeError('gatherTokens', 'ids', `as many for each of ${batch} samples`, ids.length);
  }
  const rows = Int32Array.from(ids, (id, i) => Math.floor(i / each) * steps + id);
  return gather(reshape(x, [batch * steps, width]), rows, [batch, each]);
}

/**
 * Puts one vector before the tokens of each sample.
 *
 * @param token (width)
 * @param x (B, T, width)
 * @param options none
 * @returns (B, 1 + T, width)
 */
export function prependToken(token: Tensor, x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('prependToken', options);
  const [batch, , width] = x.shape as [number, number, number];
  const heads = gather(reshape(token, [1, width]), new Int32Array(batch), [batch, 1]);
  return concat([heads, x], 1);
}
