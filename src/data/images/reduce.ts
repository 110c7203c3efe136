/**
 * Large images made smaller while they are decoded, to a few times the size that is needed: the
 * remaining resize uses the triangle filter, which hides the difference.
 */

import pngCode from '#wasm/png';
import { kernels } from '../../core/kernels.js';
import { type Pointer, type Scope, u8 } from '../../core/memory.js';
import { cropOf, type DecodedImage } from './resize.js';
import type { ImageShape } from './shape.js';

/** Size that an image is needed at. */
export type NeededSize = Pick<ImageShape, 'height' | 'width'>;

/** Pixels up to which images are decoded as they are. */
const MIN_PIXELS = 2 ** 22;
/**
 * Side of a reduced image, as a multiple of the side that is needed: its middle and its blocks are
 * off by up to a pixel, which is then little.
 */
const GAP = 16;

/** Gives the factor by which an image may be reduced, 1 if not at all. */
export function reduction(image: NeededSize, needed: NeededSize | undefined): number {
  if (needed === undefined || image.height * image.width < MIN_PIXELS) return 1;
  const factor = Math.min(image.height / needed.height, image.width / needed.width) / GAP;
  return factor < 2 ? 1 : factor;
}

/** Offsets of the blocks that a length is cut into, and its end. */
function blockStarts(first: number, length: number, blocks: number): Uint32Array {
  return Uint32Array.from({ length: blocks + 1 }, (_, i) => {
    return first + Math.round((i * length) / blocks);
  });
}

/** Means of blocks of pixels of an image's middle, from rows that come one after the other. */
export class BlockMeans {
  readonly #means: DecodedImage;
  readonly #down: Uint32Array;
  /** Addresses of the sums of a line of blocks, of where blocks begin, and of a row. */
  readonly #sums: Pointer;
  readonly #starts: Pointer;
  readonly #pixels: Pointer;
  #row = 0;
  #line = 0;

  /**
   * @param needed size that the image is needed at, which says what its middle is
   * @param scope memory, for as long as rows come
   */
  constructor(image: ImageShape, needed: NeededSize, scope: Scope) {
    const { channels } = image;
    const [height, width] = [GAP * needed.height, GAP * needed.width];
    const { top, left, tall, wide } = cropOf(image, needed);
    this.#down = blockStarts(top, tall, height);
    this.#sums = scope.zeros(width * channels);
    this.#starts = scope.i32From(blockStarts(left, wide, width));
    this.#pixels = scope.bytes(image.width * channels);
    this.#means = { height, width, channels, data: new Uint8Array(height * width * channels) };
  }

  /** Adds the next row of the image, u8 (width, channels). */
  add(row: Uint8Array): void {
    u8().set(row, this.#pixels);
    this.addAt(this.#pixels);
  }

  /** Adds the next row of the image, at an address in WASM memory. */
  addAt(row: Pointer): void {
    const at = this.#row++;
    const { height, width, channels } = this.#means;
    if (at < (this.#down[0] as number) || this.#line === height) return;
    kernels(pngCode).addBlocks(this.#sums, row, this.#starts, width, channels);
    if (this.#row === this.#down[this.#line + 1]) this.#finishLine();
  }

  #finishLine(): void {
    const { channels, width, data } = this.#means;
    const line = this.#line++;
    const tall = (this.#down[line + 1] as number) - (this.#down[line] as number);
    const size = width * channels;
    const to = this.#pixels;
    kernels(pngCode).meansOfBlocks(to, this.#sums, this.#starts, width, channels, tall);
    data.set(u8().subarray(to, to + size), line * size);
  }

  /** The means, after the last row. */
  finish(): DecodedImage {
    return this.#means;
  }
}
