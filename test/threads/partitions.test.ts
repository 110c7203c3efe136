/** Partitions name parameters of kernels: wrong names don't compile, right ones become positions. */

import {
  type ByName,
  elements,
  type Partition,
  type Partitions,
  rows,
} from '../../src/threads/partition.js';
import { same, suite } from '../harness.js';

const test = suite('partitions');

/** As the build declares a module. */
interface Parameters {
  normalizeRows: ['y', 'norms', 'x', 'rows', 'cols'];
  fillArray: ['y', 'n', 'value'];
}

const right: Partitions<Parameters> = {
  normalizeRows: rows('rows', { y: 'cols', x: 'cols', norms: 8 }, 0.7),
  fillArray: elements(['y'], 0.15),
};

// tsc, which the tests and the build run, fails where one of these is not an error.
export const wrong: Partitions<Parameters>[] = [
  // @ts-expect-error: no such kernel
  { normaliseRows: rows('rows', { y: 'cols' }, 1) },
  // @ts-expect-error: no such pointer
  { normalizeRows: rows('rows', { z: 'cols' }, 1) },
  // @ts-expect-error: no such length
  { normalizeRows: rows('rows', { y: 'width' }, 1) },
  // @ts-expect-error: no such count
  { normalizeRows: rows('count', { y: 'cols' }, 1) },
  // @ts-expect-error: the parameters of another kernel
  { fillArray: rows('rows', { y: 'cols' }, 1) },
];

function partition(byName: ByName<string> | undefined, names: string, args: number[]): Partition {
  const list = names.split(' ');
  const positions = (...wanted: string[]) => wanted.map((name) => list.indexOf(name));
  return (byName as ByName<string>)(positions as never).partition(args);
}

test('rows are partitioned by the positions that their parameters have', () => {
  const { normalizeRows } = right as { normalizeRows: ByName<string> };
  const expected = { count: 3, step: 1, strides: [0, 28, 2, 28, 1, 8] };
  same(partition(normalizeRows, 'y norms x rows cols', [0, 64, 128, 5, 7]), expected);
  const moved = { count: 0, step: 1, strides: [4, 28, 3, 28, 2, 8] };
  same(partition(normalizeRows, 'rows cols norms x y', [5, 7, 64, 128, 0]), moved);
});

test('elements are partitioned in whole cache lines', () => {
  const { fillArray } = right as { fillArray: ByName<string> };
  same(partition(fillArray, 'y n value', [0, 100, 1]), { count: 1, step: 16, strides: [0, 4] });
});
