/** PNG files: images side by side, and as data: URLs for a page that needs no other file. */

import { encode } from 'fast-png';
import type { DecodedImage } from '../data/images/resize.js';
import type { Tensor } from '../nn/index.js';

/** Pixels between images, white. */
const GAP = 2;
/** Small images are drawn larger, up to this many pixels a side. */
const MIN_SIDE = 56;

/** Encodes an image as the bytes of a PNG file. */
export function pngBytes({ width, height, channels, data }: DecodedImage): Uint8Array {
  return encode({ width, height, channels, data }, { zlib: { level: 9 } });
}

/** Encodes an image as a data: URL of a PNG. */
export function pngAddress(image: DecodedImage): string {
  return `data:image/png;base64,${Buffer.from(pngBytes(image)).toString('base64')}`;
}

/**
 * Draws images in rows and columns, values outside the range as black or white.
 *
 * @param columns (B, C, H, W) each, −1 black to 1 white: row b holds image b of each column
 */
export function contactSheet(columns: readonly Tensor[]): DecodedImage {
  const [rows = 0, channels = 1, height = 0, width = 0] = (columns[0] as Tensor).shape;
  const zoom = Math.max(1, Math.floor(MIN_SIDE / height));
  const [down, across] = [zoom * height + GAP, zoom * width + GAP];
  const sheet = {
    width: columns.length * across + GAP,
    height: rows * down + GAP,
    channels,
  };
  // A clamped array rounds, too: a value of 1.02 is white and does not wrap around to black.
  const data = new Uint8ClampedArray(sheet.width * sheet.height * channels).fill(255);
  columns.forEach((images, column) => {
    const values = images.data;
    for (let b = 0; b < rows; b++) {
      for (let y = 0; y < zoom * height; y++) {
        for (let x = 0; x < zoom * width; x++) {
          const pixel = Math.floor(y / zoom) * width + Math.floor(x / zoom);
          const at = (b * down + GAP + y) * sheet.width + column * across + GAP + x;
          for (let c = 0; c < channels; c++) {
            const value = values[(b * channels + c) * height * width + pixel] as number;
            data[at * channels + c] = (value + 1) * 127.5;
          }
        }
      }
    }
  });
  return { ...sheet, data: new Uint8Array(data.buffer) };
}
