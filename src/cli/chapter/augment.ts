/**
 * A view of a picture: moved, turned, stretched and slanted a little, with a rectangle wiped out.
 * What stays the same in two views of a picture is what training is to find. Sines and cosines
 * come as fractions of the half angle's tangent, so that all runtimes draw the same pixels.
 */

import type { Random } from '../../random.js';

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** How far each change goes, either way. */
const SHIFT = 2; // pixels
const HALF_TURN = 0.15; // tangent of half the angle: 17 degrees
const STRETCH = 0.2;
const SLANT = 0.35;
/** Sides of the wiped rectangle, in pixels. */
const WIPE = { least: 4, most: 12 };

const MIDDLE = (SIDE - 1) / 2;

/** Draws a random view of `picture` into `view`, both (28, 28) with 0 as the ground. */
export function augment(view: Float32Array, picture: Float32Array, random: Random): void {
  const t = random.uniform(-HALF_TURN, HALF_TURN);
  const cosine = (1 - t * t) / (1 + t * t);
  const sine = (2 * t) / (1 + t * t);
  const stretchX = 1 + random.uniform(-STRETCH, STRETCH);
  const stretchY = 1 + random.uniform(-STRETCH, STRETCH);
  const slant = random.uniform(-SLANT, SLANT);
  const shiftX = random.uniform(-SHIFT, SHIFT) + MIDDLE;
  const shiftY = random.uniform(-SHIFT, SHIFT) + MIDDLE;
  // Where in the picture a pixel of the view comes from.
  const xx = cosine * stretchX;
  const xy = (slant * cosine - sine) * stretchX;
  const yx = sine * stretchY;
  const yy = (cosine + slant * sine) * stretchY;
  for (let i = 0; i < PIXELS; i++) {
    const x = (i % SIDE) - MIDDLE;
    const y = Math.floor(i / SIDE) - MIDDLE;
    view[i] = sample(picture, xx * x + xy * y + shiftX, yx * x + yy * y + shiftY);
  }
  wipe(view, random);
}

/** The picture between pixels, by bilinear interpolation; 0 outside. */
function sample(picture: Float32Array, x: number, y: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < -1 || top < -1 || left >= SIDE || top >= SIDE) return 0;
  const right = x - left;
  const down = y - top;
  const upper = pixel(picture, left, top) * (1 - right) + pixel(picture, left + 1, top) * right;
  const below = top + 1;
  const lower = pixel(picture, left, below) * (1 - right) + pixel(picture, left + 1, below) * right;
  return upper * (1 - down) + lower * down;
}

function pixel(picture: Float32Array, x: number, y: number): number {
  if (x < 0 || y < 0 || x >= SIDE || y >= SIDE) return 0;
  return picture[y * SIDE + x] as number;
}

function wipe(view: Float32Array, random: Random): void {
  const width = WIPE.least + random.integer(WIPE.most - WIPE.least + 1);
  const height = WIPE.least + random.integer(WIPE.most - WIPE.least + 1);
  const left = random.integer(SIDE - width + 1);
  const top = random.integer(SIDE - height + 1);
  for (let y = top; y < top + height; y++) {
    view.fill(0, y * SIDE + left, y * SIDE + left + width);
  }
}
