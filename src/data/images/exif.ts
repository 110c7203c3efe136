/** Orientation of photos, and images turned by it. */

import type { DecodedImage } from './resize.js';

/**
 * Reads the orientation of EXIF data.
 *
 * @param bytes TIFF header and directories
 * @returns 1 to 8, or undefined if there is none
 */
export function readOrientation(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    const count = view.getUint16(directory, little);
    for (let i = 0; i < count; i++) {
      const entry = directory + 2 + 12 * i;
      if (view.getUint16(entry, little) !== 0x0112) continue;
      const value = view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : undefined;
    }
  } catch {
    // Damaged data say nothing.
  }
  return undefined;
}

/** Tells whether width and height are swapped. */
export function swapsSides(orientation: number): boolean {
  return orientation >= 5;
}

/** Turns and mirrors an image as an orientation of EXIF says. */
export function turned(image: DecodedImage, orientation: number): DecodedImage {
  if (orientation === 1) return image;
  const { width, height, channels, data } = image;
  const swapped = swapsSides(orientation);
  const [wide, tall] = swapped ? [height, width] : [width, height];
  const mirroredX = [2, 3, 7, 8].includes(orientation);
  const mirroredY = [3, 4, 6, 7].includes(orientation);
  const out = new Uint8Array(data.length);
  for (let y = 0; y < tall; y++) {
    for (let x = 0; x < wide; x++) {
      const [u, v] = swapped ? [y, x] : [x, y];
      const from = (mirroredY ? height - 1 - v : v) * width + (mirroredX ? width - 1 - u : u);
      for (let c = 0; c < channels; c++) {
        out[(y * wide + x) * channels + c] = data[from * channels + c] as number;
      }
    }
  }
  return { width: wide, height: tall, channels, data: out };
}
