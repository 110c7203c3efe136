/** The generator: Philox's published answers, and that a position alone decides. */

import { philox, Random } from '../../src/core/random.js';
import { check, same, suite } from '../harness.js';

const test = suite('random');

test('Philox 4x32-10 gives the known answers of its authors', () => {
  const answer = (counter: number[], key0: number, key1: number): string => {
    const block = Uint32Array.from(counter);
    philox(block, key0, key1);
    return Array.from(block, (word) => word.toString(16).padStart(8, '0')).join(' ');
  };
  const ones = 0xffffffff;
  same(answer([0, 0, 0, 0], 0, 0), '6627e8d5 e169c58d bc57ac4c 9b00dbd8');
  same(answer([ones, ones, ones, ones], ones, ones), '408f276d 41c83b0e a20bc7c6 6d5451fd');
  same(
    answer([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], 0xa4093822, 0x299f31d0),
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  );
});

test('a stream depends on seed and position only', () => {
  const draw = (...position: [number, ...number[]]): number[] => {
    const random = new Random(...position);
    return Array.from({ length: 10 }, () => random.bits());
  };
  same(draw(7, 1, 2), draw(7, 1, 2));
  const streams = [[7], [8], [7, 1], [7, 0, 1], [7, 0, 0, 1], [7 + 2 ** 32]];
  const all = streams.map((position) => draw(...(position as [number])).join());
  same(new Set(all).size, streams.length);
});

test('numbers stay in their range and are spread evenly', () => {
  const random = new Random(1);
  const bins = new Array(8).fill(0);
  let sum = 0;
  for (let i = 0; i < 8000; i++) {
    bins[random.integer(8)]++;
    const value = random.uniform(-2, 4);
    check(value >= -2 && value < 4, `uniform gave ${value}`);
    sum += value;
  }
  // 1,000 expected in a bin and a mean of 1: four standard deviations.
  for (const count of bins) check(Math.abs(count - 1000) < 120, `a bin holds ${count}`);
  check(Math.abs(sum / 8000 - 1) < 0.08, `mean ${sum / 8000}`);
});

test('shuffle keeps all items', () => {
  const items = new Random(3).shuffle(Array.from({ length: 50 }, (_, i) => i));
  check(
    items.some((item, i) => item !== i),
    'nothing moved',
  );
  same(
    [...items].sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  );
});
