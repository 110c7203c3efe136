/** Images brought to another size or number of channels, and `ImageData` of a page as an image. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { scoped, u8 } from '../../core/memory.js';
import type { ImageShape } from './shape.js';

/** Pixels of one image. */
export interface DecodedImage extends ImageShape {
  /** u8 (height, width, channels) */
  data: Uint8Array;
}

/** Pixels as a canvas gives them: an `ImageData`, of any realm. */
export interface ImageDataLike {
  /** Red, green, blue and alpha of each pixel, row by row. */
  readonly data: Uint8ClampedArray | Uint8Array;
  /** Columns of pixels. */
  readonly width: number;
  /** Rows of pixels. */
  readonly height: number;
}

/** Tells whether a value is an `ImageData`. */
export function isImageData(value: unknown): value is ImageDataLike {
  const { data, width, height } = (value ?? {}) as Partial<ImageDataLike>;
  return (
    ArrayBuffer.isView(data) &&
    Number.isInteger(width) &&
    Number.isInteger(height) &&
    data.byteLength === 4 * (width as number) * (height as number)
  );
}

/** Drops the last channel, alpha: what is transparent lies on white. */
export function withoutAlpha(samples: ArrayLike<number>, shape: ImageShape): DecodedImage {
  const { height, width, channels } = shape;
  const colors = channels - 1;
  const data = new Uint8Array(width * height * colors);
  for (let p = 0; p < width * height; p++) {
    const alpha = samples[p * channels + colors] as number;
    if (alpha === 255) {
      for (let c = 0; c < colors; c++) data[p * colors + c] = samples[p * channels + c] as number;
      continue;
    }
    for (let c = 0; c < colors; c++) {
      const value = samples[p * channels + c] as number;
      data[p * colors + c] = Math.round((value * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return { width, height, channels: colors, data };
}

/** Converts a page's pixels. */
export function fromImageData({ data, width, height }: ImageDataLike): DecodedImage {
  return withoutAlpha(data, { width, height, channels: 4 });
}

/** Converts an image to grayscale, or to colors that are all gray. */
export function withChannels(image: DecodedImage, wanted: number): DecodedImage {
  const { width, height, channels, data } = image;
  if (channels === wanted) return image;
  const out = new Uint8Array(width * height * wanted);
  for (let p = 0; p < width * height; p++) {
    if (wanted === 3) {
      out.fill(data[p] as number, 3 * p, 3 * p + 3);
    } else {
      const [r = 0, g = 0, b = 0] = data.subarray(3 * p, 3 * p + 3);
      out[p] = Math.round((299 * r + 587 * g + 114 * b) / 1000);
    }
  }
  return { width, height, channels: wanted, data: out };
}

type Size = Pick<ImageShape, 'height' | 'width'>;

/** Finds the largest middle part of an image that has the proportions of a size. */
export function cropOf(
  { height, width }: Size,
  size: Size,
): { top: number; left: number; tall: number; wide: number } {
  const scale = Math.min(height / size.height, width / size.width);
  const tall = Math.max(1, Math.round(size.height * scale));
  const wide = Math.max(1, Math.round(size.width * scale));
  return { top: (height - tall) >> 1, left: (width - wide) >> 1, tall, wide };
}

/** Resizes the largest middle part of the wanted proportions to the wanted size and channels. */
export function fitImage(image: DecodedImage, shape: ImageShape): Uint8Array {
  const { width, channels } = image;
  const { top, left, tall, wide } = cropOf(image, shape);
  const from = top * width + left;
  const size = shape.height * shape.width * channels;
  const data = scoped((scope) => {
    const x = scope.bytes(image.data.length);
    const y = scope.bytes(size);
    const scratch = scope.f32(tall * shape.width * channels);
    u8().set(image.data, x);
    const sizes = [channels, width * channels, tall, wide, shape.height, shape.width] as const;
    kernels(nnCode).resizeImage(y, x + from * channels, scratch, ...sizes);
    return u8().slice(y, y + size);
  });
  return withChannels({ ...shape, channels, data }, shape.channels).data;
}
