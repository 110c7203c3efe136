/** Random views in f64, written to be read: what assembly/images/augment.ts must come to. */

import type { ImageShape } from '../../src/models/index.js';

const clip = (x: number): number => Math.min(1, Math.max(0, x));
const luma = ([r = 0, g = r, b = r]: number[]): number => 0.299 * r + 0.587 * g + 0.114 * b;

/** Pixels as rows of channels, from 0 to 1. */
type Image = number[][];

function sampled(image: Uint8Array, view: ArrayLike<number>, shape: ImageShape): Image {
  const { height, width, channels } = shape;
  const [xx = 0, xy = 0, x0 = 0, yx = 0, yy = 0, y0 = 0] = Array.from(view);
  const within = (v: number, most: number): number => Math.min(most, Math.max(0, v));
  const pixels: Image = [];
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const x = within(xx * j + xy * i + x0, width - 1);
      const y = within(yx * j + yy * i + y0, height - 1);
      const at = (row: number, column: number, c: number): number =>
        image[
          (within(row, height - 1) * width + within(column, width - 1)) * channels + c
        ] as number;
      const [left, top] = [Math.floor(x), Math.floor(y)];
      pixels.push(
        Array.from({ length: channels }, (_, c) => {
          const mix = (a: number, b: number, share: number): number => a + (b - a) * share;
          const upper = mix(at(top, left, c), at(top, left + 1, c), x - left);
          const lower = mix(at(top + 1, left, c), at(top + 1, left + 1, c), x - left);
          return mix(upper, lower, y - top) / 255;
        }),
      );
    }
  }
  return pixels;
}

/** Red, green and blue to hue in turns, saturation and value, and back. */
export function turned(rgb: number[], shift: number): number[] {
  const [r = 0, g = 0, b = 0] = rgb;
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (range === 0) return rgb;
  const sixths =
    value === r ? (g - b) / range : value === g ? 2 + (b - r) / range : 4 + (r - g) / range;
  const hue = ((((sixths / 6 + shift) % 1) + 1) % 1) * 6;
  const sector = Math.floor(hue);
  const low = value - range;
  const falling = value - range * (hue - sector);
  const rising = value - range * (1 - (hue - sector));
  const all = [
    [value, rising, low],
    [falling, value, low],
    [low, value, rising],
    [low, falling, value],
    [rising, low, value],
    [value, low, falling],
  ];
  return all[sector % 6] as number[];
}

/** The n-th order of four things, as the kernel counts them. */
export function orderOf(n: number): number[] {
  const left = [0, 1, 2, 3];
  const order: number[] = [];
  for (let remainder = n; left.length > 0; ) {
    const many = left.length;
    order.push(...left.splice(remainder % many, 1));
    remainder = Math.floor(remainder / many);
  }
  return order;
}

function jittered(pixels: Image, view: ArrayLike<number>): Image {
  const color = pixels[0]?.length === 3;
  let out = pixels;
  for (const what of orderOf(view[6] as number)) {
    const factor = view[7 + what] as number;
    const mean = out.reduce((sum, pixel) => sum + luma(pixel), 0) / out.length;
    out = out.map((pixel) => {
      const blend = (level: number): number[] =>
        pixel.map((v) => clip(factor * v + (1 - factor) * level));
      if (what === 0) return blend(0);
      if (what === 1) return blend(mean);
      if (!color) return pixel;
      return what === 2 ? blend(luma(pixel)) : turned(pixel, factor);
    });
  }
  return color && view[11] === 1 ? out.map((pixel) => pixel.map(() => luma(pixel))) : out;
}

function blurred(pixels: Image, std: number, { height, width }: ImageShape): Image {
  if (std === 0) return pixels;
  const radius = Math.max(1, Math.floor(height / 20));
  const steps = Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius);
  const weights = steps.map((t) => Math.exp((-t * t) / (2 * std * std)));
  const sum = weights.reduce((a, b) => a + b);
  const within = (v: number, most: number): number => Math.min(most, Math.max(0, v));
  return pixels.map((pixel, p) =>
    pixel.map((_, c) => {
      let total = 0;
      steps.forEach((dy, a) => {
        steps.forEach((dx, b) => {
          const row = within(Math.floor(p / width) + dy, height - 1);
          const column = within((p % width) + dx, width - 1);
          const weight = ((weights[a] as number) * (weights[b] as number)) / sum / sum;
          total += weight * (pixels[row * width + column]?.[c] as number);
        });
      });
      return total;
    }),
  );
}

/** Computes a view of an image, (C, H, W) from -1 to 1. */
export function viewReference(
  image: Uint8Array,
  view: ArrayLike<number>,
  shape: ImageShape,
): number[] {
  const { height, width, channels } = shape;
  const [top = 0, left = 0, tall = 0, wide = 0] = Array.from(view).slice(13, 17);
  const colored = jittered(sampled(image, view, shape), view);
  const pixels = blurred(colored, view[12] as number, shape);
  const planes: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < height * width; p++) {
      const [y, x] = [Math.floor(p / width), p % width];
      const hole = y >= top && y < top + tall && x >= left && x < left + wide;
      planes.push(2 * (hole ? 0 : (pixels[p]?.[c] as number)) - 1);
    }
  }
  return planes;
}
