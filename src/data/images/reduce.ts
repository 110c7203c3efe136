/**
 * Large images made smaller while they are decoded, to a few times the size that is needed: the
 * remaining resize uses the triangle filter, which hides the difference.
 */

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
  readonly #across: Uint32Array;
  readonly #sums: Uint32Array;
  #row = 0;
  #line = 0;

  /** @param needed size that the image is needed at, which says what its middle is */
  constructor(image: ImageShape, needed: NeededSize) {
    const { channels } = image;
    const [height, width] = [GAP * needed.height, GAP * needed.width];
    const { top, left, tall, wide } = cropOf(image, needed);
    this.#down = blockStarts(top, tall, height);
    this.#across = blockStarts(left, wide, width);
    this.#sums = new Uint32Array(width * channels);
    this.#means = { height, width, channels, data: new Uint8Array(height * width * channels) };
  }

  /** Adds the next row of the image, u8 (width, channels). */
  add(row: Uint8Array): void {
    const at = this.#row++;
    if (at < (this.#down[0] as number) || this.#line === this.#means.height) return;
    const [sums, across, { channels, width }] = [this.#sums, this.#across, this.#means];
    for (let block = 0, x = across[0] as number; block < width; block++) {
      const end = across[block + 1] as number;
      for (; x < end; x++) {
        for (let c = 0; c < channels; c++) {
          const i = block * channels + c;
          sums[i] = (sums[i] as number) + (row[x * channels + c] as number);
        }
      }
    }
    if (this.#row === this.#down[this.#line + 1]) this.#finishLine();
  }

  #finishLine(): void {
    const [sums, across, { channels, width, data }] = [this.#sums, this.#across, this.#means];
    const line = this.#line++;
    const tall = (this.#down[line + 1] as number) - (this.#down[line] as number);
    for (let i = 0; i < sums.length; i++) {
      const block = Math.floor(i / channels);
      const count = tall * ((across[block + 1] as number) - (across[block] as number));
      data[line * width * channels + i] = Math.round((sums[i] as number) / count);
    }
    sums.fill(0);
  }

  /** The means, after the last row. */
  finish(): DecodedImage {
    return this.#means;
  }
}
