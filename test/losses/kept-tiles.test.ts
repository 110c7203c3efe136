/** The number of tiles of cosines that the contrastive passes keep changes only their time. */

import { readFileSync } from 'node:fs';
import { KernelHost } from '../../bench/operations/kernels.js';
import { Random } from '../../src/core/random.js';
import { check, same, sameBits, suite } from '../harness.js';

const test = suite('kept tiles');
const code = new Uint8Array(readFileSync('dist/nearfar.wasm'));

const DEPTH = 5;
/** Every tile is TILE × TILE floats. */
const TILE = 128;

interface Case {
  name: string;
  rows: number;
  /** As many as rows, and the same ones, if it is a contrast of rows with themselves. */
  columns?: number;
  scale: number;
  /** All that there are. */
  tiles: number;
}

const CASES: readonly Case[] = [
  { name: 'rows with themselves', rows: 300, scale: 2, tiles: 6 },
  { name: 'rows with themselves, sharp', rows: 258, scale: 90, tiles: 6 },
  { name: 'rows with others', rows: 131, columns: 390, scale: 14, tiles: 8 },
  { name: 'rows with others, sharp', rows: 260, columns: 128, scale: 70, tiles: 3 },
];

/** Sums, gradients, and what stands where tiles are kept, of both passes. */
function run({ rows, columns, scale, tiles }: Case, keptTiles: number): Float32Array[] {
  const host = new KernelHost(code);
  const room = (floats: number): number => host.put(new Float32Array(floats));
  const side = (count: number) => {
    const random = new Random(3, count);
    const unit = host.put(
      Float32Array.from({ length: count * DEPTH }, () => random.uniform(-1, 1)),
    );
    host.call('normalizeRows', unit, room(2 * count), unit, count, DEPTH);
    const packed = (width: number): number => {
      const to = room(host.call('packedLength', count, DEPTH, width));
      host.call('packBlocks', to, unit, count, DEPTH, DEPTH, 1, width, 0, count);
      return to;
    };
    const factor = room(host.call('packedLength', DEPTH, count, 8));
    host.call('pack', factor, unit, DEPTH, count, 1, DEPTH, 8);
    const padded = Math.ceil(count / 8) * 8;
    const coefficients = Float32Array.from({ length: padded }, (_, i) =>
      i < count ? random.uniform(0, 1) : 0,
    );
    return {
      packed,
      factor,
      padded,
      sums: room(2 * padded),
      shifts: room(padded),
      coefficients: host.put(coefficients),
      gradient: room(padded * 8),
    };
  };
  const self = columns === undefined;
  const left = side(rows);
  const right = self ? left : side(columns);
  const kept = room(tiles * TILE ** 2);
  const scratch = room(host.call('contrastiveScratch') / 4);
  const pass = [
    ...[left.packed(4), right.packed(8), rows, columns ?? rows, DEPTH, scale, self ? rows / 2 : 0],
    ...[0, 0, 0, Number(self), kept, keptTiles, scratch, 0, rows, 0, columns ?? rows],
  ];
  const sums = [left.sums, left.shifts, right.sums, right.shifts];
  host.call('contrastiveInit', ...sums, rows, columns ?? rows, scale, Number(self), 1);
  host.call('contrastiveSums', ...sums, 1, ...pass);
  const keptThere = host.take(kept, tiles * TILE ** 2);
  host.call(
    'contrastiveGradients',
    ...[left.gradient, right.gradient, left.factor, right.factor],
    ...[left.coefficients, left.shifts, right.coefficients, right.shifts],
    ...pass,
  );
  return [
    keptThere,
    host.take(left.sums, 2 * left.padded),
    host.take(left.gradient, left.padded * 8),
    host.take(right.sums, 2 * right.padded),
    host.take(right.gradient, right.padded * 8),
  ];
}

for (const each of CASES) {
  test(`${each.name}: the same bits however many are kept`, () => {
    const [, ...none] = run(each, 0);
    check(none[1]?.some((value) => value !== 0) === true, 'there is a gradient');
    for (const count of [1, 2, each.tiles]) {
      const [kept, ...values] = run(each, count);
      values.forEach((value, i) => {
        sameBits(value, none[i] as Float32Array);
      });
      // Those that are kept are there, and nothing is beyond them.
      const used = Array.from({ length: each.tiles }, (_, tile) =>
        kept?.subarray(tile * TILE ** 2, (tile + 1) * TILE ** 2).some((value) => value !== 0),
      );
      same(
        used,
        used.map((_, tile) => tile < count),
        'tiles that are kept',
      );
    }
  });
}
