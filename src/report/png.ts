/** PNG files: pictures side by side, and as data: addresses for a page that needs no other file. */

import { encode } from 'fast-png';
import type { DecodedImage } from '../data/images/decode.js';
import type { Tensor } from '../nn/index.js';

/** Pixels between pictures, white. */
const GAP = 2;
/** Small pictures are drawn larger, up to this many pixels a side. */
const MIN_SIDE = 56;

/** A picture as the bytes of a PNG file. */
export function pngBytes({ width, height, channels, data }: DecodedImage): Uint8Array {
  return encode({ width, height, channels, data }, { zlib: { level: 9 } });
}

/** A picture as the address of a PNG. */
export function pngAddress(picture: DecodedImage): string {
  return `data:image/png;base64,${Buffer.from(pngBytes(picture)).toString('base64')}`;
}

/**
 * Pictures side by side, line after line, each column of a group in turn.
 * @param groups (B, C, H, W) each, −1 black to 1 white: line b holds picture b of each group
 */
export function contactSheet(groups: readonly Tensor[]): DecodedImage {
  const [lines = 0, channels = 1, height = 0, width = 0] = (groups[0] as Tensor).shape;
  const zoom = Math.max(1, Math.floor(MIN_SIDE / height));
  const [down, across] = [zoom * height + GAP, zoom * width + GAP];
  const sheet = {
    width: groups.length * across + GAP,
    height: lines * down + GAP,
    channels,
  };
  const data = new Uint8Array(sheet.width * sheet.height * channels).fill(255);
  groups.forEach((group, column) => {
    const values = group.data;
    for (let line = 0; line < lines; line++) {
      for (let y = 0; y < zoom * height; y++) {
        for (let x = 0; x < zoom * width; x++) {
          const pixel = Math.floor(y / zoom) * width + Math.floor(x / zoom);
          const row = (line * down + GAP + y) * sheet.width + column * across + GAP + x;
          for (let c = 0; c < channels; c++) {
            const value = values[(line * channels + c) * height * width + pixel] as number;
            data[row * channels + c] = Math.round((value + 1) * 127.5);
          }
        }
      }
    }
  });
  return { ...sheet, data };
}
