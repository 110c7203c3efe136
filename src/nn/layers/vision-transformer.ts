/** Vision transformers: pictures as sequences of patches (https://arxiv.org/abs/2010.11929). */

import {
  checkCount,
  checkFlag,
  checkIntegers,
  checkOptions,
  checkPositive,
  rangeError,
} from '../../core/validation.js';
import { cosine, exponential, sine } from '../deterministic-math.js';
import { Module } from '../module.js';
import { checkImages } from '../ops/conv.js';
import { add } from '../ops/elementwise.js';
import { gather } from '../ops/embedding.js';
import { checkTensor, concat, reshape, slice, transpose } from '../ops/shape.js';
import { randomNormal } from '../random.js';
import { type Tensor, tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { buffer } from './resnet.js';
import {
  asParameter,
  checkSizes,
  LayerNorm,
  Linear,
  TransformerBlock,
} from './transformer-block.js';

/** Patches down and across. */
export type Grid = readonly [rows: number, columns: number];

/** Refuses patches that do not fill a picture. */
function gridOf(name: string, height: number, width: number, patch: number): Grid {
  checkCount(name, 'patch', patch, undefined, Math.min(height, width), 'the pixels');
  if (height % patch !== 0 || width % patch !== 0) {
    rangeError(name, 'patch', `a divisor of ${height} × ${width} pixels`, patch);
  }
  return [height / patch, width / patch];
}

/**
 * Pictures cut into squares of patch × patch pixels, row by row; within one the numbers stand by
 * row, column and channel, as MAE has it.
 *
 * @param images (B, C, H, W)
 * @returns (B, patches, patch² C)
 */
export function patchify(images: Tensor, patch: number): Tensor {
  const [batch, channels, height, width] = checkImages('patchify', 'images', images);
  const [rows, columns] = gridOf('patchify', height, width, patch);
  const cut = reshape(images, [batch, channels, rows, patch, columns, patch]);
  const turned = transpose(cut, [0, 2, 4, 3, 5, 1]);
  return reshape(turned, [batch, rows * columns, patch * patch * channels]);
}

/**
 * Puts patches back together: the inverse of `patchify`.
 *
 * @param patches (B, rows columns, patch² C)
 * @param grid how many patches there are down and across
 * @returns (B, C, rows patch, columns patch)
 */
export function unpatchify(patches: Tensor, grid: Grid, patch: number): Tensor {
  checkTensor('unpatchify', 'patches', patches);
  checkSizes('unpatchify', { 'grid[0]': grid?.[0], 'grid[1]': grid?.[1], patch });
  const [rows, columns] = grid;
  const [batch, count, length] = patches.shape as [number, number, number];
  const channels = length / (patch * patch);
  if (patches.shape.length !== 3 || count !== rows * columns || !Number.isInteger(channels)) {
    const expected = `(B, ${rows * columns}, a multiple of ${patch * patch})`;
    rangeError('unpatchify', 'patches', expected, showShape(patches.shape));
  }
  const cut = reshape(patches, [batch, rows, columns, patch, patch, channels]);
  const turned = transpose(cut, [0, 5, 1, 3, 2, 4]);
  return reshape(turned, [batch, channels, rows * patch, columns * patch]);
}

/**
 * Fixed positions on a grid: sines and cosines of the column in the first half of a vector and of
 * the row in the second, at wavelengths that rise from 2π to 10,000 · 2π.
 *
 * @param width of a vector, a multiple of 4
 * @param options.classToken put zeros first, the position of a class token (default false)
 * @returns (rows columns, width), one row more with a class token
 */
export function sinCosPositions(
  width: number,
  grid: Grid,
  options?: { classToken?: boolean },
): Tensor {
  checkOptions('sinCosPositions', options, ['classToken']);
  const first = checkFlag('sinCosPositions', 'classToken', options?.classToken, false);
  checkSizes('sinCosPositions', { width, 'grid[0]': grid?.[0], 'grid[1]': grid?.[1] });
  if (width % 4 !== 0) rangeError('sinCosPositions', 'width', 'a multiple of 4', width);
  const quarter = width / 4;
  const rates = Array.from({ length: quarter }, (_, k) =>
    exponential((-k / quarter) * 9.210340371976184 /* ln 10,000 */),
  );
  const waves = (place: number): number[] => {
    const angles = rates.map((rate) => place * rate);
    return [...angles.map(sine), ...angles.map(cosine)];
  };
  const [rows, columns] = grid;
  const across = Array.from({ length: columns }, (_, column) => waves(column));
  const down = Array.from({ length: rows }, (_, row) => waves(row));
  const vectors = down.flatMap((ofRow) => across.map((ofColumn) => [...ofColumn, ...ofRow]));
  if (first) vectors.unshift(new Array<number>(width).fill(0));
  return tensor(vectors.flat(), [vectors.length, width]);
}

/**
 * Some steps of each sequence: those of sample b are ids[b][0], ids[b][1], …
 *
 * @param x (B, T, width)
 * @param ids (B, n), flat; from 0 to T − 1
 * @returns (B, n, width)
 */
export function gatherTokens(x: Tensor, ids: ArrayLike<number>): Tensor {
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

/** One vector at the head of each of a batch's sequences. */
export function prependToken(token: Tensor, x: Tensor): Tensor {
  const [batch, , width] = x.shape as [number, number, number];
  const heads = gather(reshape(token, [1, width]), new Int32Array(batch), [batch, 1]);
  return concat([heads, x], 1);
}

export interface VisionTransformerOptions {
  /** Height and width of the pictures, or the side of square ones. */
  imageSize: number | readonly [number, number];
  /** Of the pictures: 1 grey, 3 colour (default 3). */
  channels?: number | undefined;
  /** Pixels along the side of a patch. */
  patch: number;
  width: number;
  layers: number;
  heads: number;
  /** Width of the middle of the MLPs (default 4 width). */
  hidden?: number | undefined;
  /** Of the layer normalisations (default 1e-6). */
  eps?: number | undefined;
}

const OPTIONS = ['imageSize', 'channels', 'patch', 'width', 'layers', 'heads', 'hidden', 'eps'];

/**
 * The encoder: patches through one linear layer, fixed positions, a class token before them,
 * pre-norm blocks, a last normalisation.
 */
export class VisionTransformer extends Module {
  readonly patch: number;
  readonly grid: Grid;
  readonly width: number;
  /** (width, patch² C) */
  readonly projection: Linear;
  /** (width) */
  readonly classToken: Tensor;
  /** (1 + patches, width), the class token's first; not trained. */
  readonly positions: Tensor;
  readonly blocks: TransformerBlock[];
  readonly norm: LayerNorm;

  constructor(options: VisionTransformerOptions) {
    super();
    checkOptions('VisionTransformer', options, OPTIONS);
    const { imageSize, channels = 3, patch, width, layers, heads } = options;
    const { hidden = 4 * width } = options;
    const eps = checkPositive('VisionTransformer', 'eps', options.eps, 1e-6);
    const [high, wide] = typeof imageSize === 'number' ? [imageSize, imageSize] : imageSize;
    checkSizes('VisionTransformer', { height: high, width: wide, channels, layers, hidden });
    this.patch = patch;
    this.grid = gridOf('VisionTransformer', high, wide, patch);
    this.width = width;
    this.projection = new Linear(patch * patch * channels, width);
    this.classToken = asParameter(randomNormal([width], { std: 0.02 }));
    this.positions = buffer(sinCosPositions(width, this.grid, { classToken: true }));
    this.blocks = Array.from(
      { length: layers },
      () => new TransformerBlock(width, heads, { hidden, eps }),
    );
    this.norm = new LayerNorm(width, { eps });
  }

  /** How many patches a picture has. */
  get patches(): number {
    return this.grid[0] * this.grid[1];
  }

  /** Vectors of all patches, with their positions: (B, C, H, W) to (B, patches, width). */
  embed(images: Tensor): Tensor {
    const patches = this.projection.forward(patchify(images, this.patch));
    return add(patches, slice(this.positions, 0, 1));
  }

  /**
   * @param images (B, C, H, W)
   * @param visible (B, n), flat: the patches that are looked at; all if left out
   * @returns (B, 1 + n, width), the class token first
   */
  forward(images: Tensor, visible?: ArrayLike<number>): Tensor {
    const all = this.embed(images);
    const token = add(this.classToken, slice(this.positions, 0, 0, 1));
    let x = prependToken(token, visible === undefined ? all : gatherTokens(all, visible));
    for (const block of this.blocks) x = block.forward(x);
    return this.norm.forward(x);
  }
}
