/** Vision transformer: an encoder of images as sequences of patches. */

import { readOptions } from '../../core/options.js';
import { checkFlag, checkPositive, rangeError, typeError } from '../../core/validation.js';
import { checkSize, checkSizes } from '../check.js';
import { cosine, exponential, sine } from '../deterministic-math.js';
import { asParameter, tensor } from '../leaf.js';
import { Module } from '../module.js';
import { add } from '../ops/elementwise.js';
import {
  checkGrid,
  type Grid,
  gatherTokens,
  gridOf,
  patchify,
  prependToken,
} from '../ops/patches.js';
import { slice } from '../ops/shape.js';
import { randomNormal } from '../random.js';
import type { Tensor } from '../tensor.js';
import { Linear } from './linear.js';
import { LayerNorm } from './norm.js';
import { buffer } from './state.js';
import { TransformerBlock } from './transformer-block.js';

/** Options of `sinCosPositions`. */
export interface PositionOptions {
  /**
   * Put zeros first, the position of a class token.
   * @default false
   */
  classToken?: boolean | undefined;
}

/**
 * Makes fixed positions on a grid: sines and cosines of the column in the first half of a vector
 * and of the row in the second, at wavelengths that rise from 2π to 10,000 · 2π.
 *
 * @param width of a vector, a multiple of 4
 * @param grid number of patches down and across
 * @param options classToken: put zeros first
 * @returns (rows columns, width), one row more with a class token
 * @throws {TypeError | RangeError} if an argument is not valid
 * @see https://arxiv.org/abs/2111.06377
 */
export function sinCosPositions(width: number, grid: Grid, options?: PositionOptions): Tensor {
  const read = readOptions('sinCosPositions', options);
  const classToken = read.read('classToken', checkFlag, false);
  read.done();
  checkSizes('sinCosPositions', { width });
  const [rows, columns] = checkGrid('sinCosPositions', grid);
  if (width % 4 !== 0) rangeError('sinCosPositions', 'width', 'a multiple of 4', width);
  const quarter = width / 4;
  const frequencies = Array.from({ length: quarter }, (_, k) =>
    exponential((-k / quarter) * 9.210340371976184 /* ln 10,000 */),
  );
  const waves = (position: number): number[] => {
    const angles = frequencies.map((frequency) => position * frequency);
    return [...angles.map(sine), ...angles.map(cosine)];
  };
  const across = Array.from({ length: columns }, (_, column) => waves(column));
  const down = Array.from({ length: rows }, (_, row) => waves(row));
  const vectors = down.flatMap((ofRow) => across.map((ofColumn) => [...ofColumn, ...ofRow]));
  if (classToken) vectors.unshift(new Array<number>(width).fill(0));
  return tensor(vectors.flat(), [vectors.length, width]);
}

/** Options of `VisionTransformer`. */
export interface VisionTransformerOptions {
  /** Height and width of the images, in pixels, or the side of square ones. */
  imageSize: number | readonly [number, number];
  /**
   * Channels of the images: 1 for grayscale, 3 for color.
   * @default 3
   */
  channels?: number | undefined;
  /** Side of a patch in pixels, a divisor of height and width. */
  patch: number;
  /** Length of a vector, a multiple of 4 and of heads. */
  width: number;
  /** Number of transformer blocks. */
  layers: number;
  /** Number of heads of the attention. */
  heads: number;
  /**
   * Width of the middle of the MLPs, at least 1.
   * @default 4 width
   */
  hidden?: number | undefined;
  /**
   * Added to the variance in the layer norms; greater than 0.
   * @default 1e-6
   */
  eps?: number | undefined;
}

/** Checks a size of images: one side, or height and width. */
function checkImageSize(name: string, argument: string, value: unknown): [number, number] {
  if (!Array.isArray(value)) {
    const side = checkSize(name, argument, value);
    return [side, side];
  }
  if (value.length !== 2) typeError(name, argument, 'a side, or height and width', value);
  return [checkSize(name, `${argument}[0]`, value[0]), checkSize(name, `${argument}[1]`, value[1])];
}

/**
 * Vision transformer (ViT): patches through one linear layer, fixed positions, a class token before
 * them, pre-norm blocks, a last layer norm.
 *
 * @see https://arxiv.org/abs/2010.11929
 * @example new VisionTransformer({ imageSize: 28, channels: 1, patch: 4, width: 64, layers: 4, heads: 4 });
 */
export class VisionTransformer extends Module {
  /** Side of a patch, in pixels. */
  readonly patch: number;
  /** Number of patches down and across. */
  readonly grid: Grid;
  /** Length of a vector. */
  readonly width: number;
  /** (width, patch² C) */
  readonly projection: Linear;
  /** (width) */
  readonly classToken: Tensor;
  /** (1 + patches, width), the class token's first; not trained. */
  readonly positions: Tensor;
  /** Transformer blocks. */
  readonly blocks: TransformerBlock[];
  /** Last layer norm. */
  readonly norm: LayerNorm;

  /**
   * @param options imageSize, patch, width, layers and heads; channels, hidden, eps
   * @throws {TypeError | RangeError} if an option is not valid
   */
  constructor(options: VisionTransformerOptions) {
    super();
    const name = 'VisionTransformer';
    const read = readOptions(name, options);
    const [height, across] = read.read('imageSize', checkImageSize);
    const channels = read.read('channels', checkSize, 3);
    const patch = read.read('patch', checkSize);
    const width = read.read('width', checkSize);
    const layers = read.read('layers', checkSize);
    const heads = read.read('heads', checkSize);
    const hidden = read.read('hidden', checkSize, 4 * width);
    const eps = read.read('eps', checkPositive, 1e-6);
    read.done();
    this.patch = patch;
    this.grid = gridOf(name, height, across, patch);
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

  /** Number of patches of an image. */
  get patches(): number {
    return this.grid[0] * this.grid[1];
  }

  /**
   * Embeds all patches, with their positions.
   *
   * @param images (B, C, H, W)
   * @returns (B, patches, width)
   */
  embed(images: Tensor): Tensor {
    const patches = this.projection.forward(patchify(images, this.patch));
    return add(patches, slice(this.positions, 0, 1));
  }

  /**
   * Encodes images.
   *
   * @param images (B, C, H, W)
   * @param visible (B, n), flat: numbers of the patches that the encoder sees; all if left out
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
