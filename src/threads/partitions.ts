/**
 * Partitions of the kernels' work among threads. A kernel that is not in this table runs
 * on the thread that calls it. To add one, name the parameter that counts its items, the bytes from
 * one item to the next of each pointer, and what a call costs; nothing changes where it is called.
 * The names are those of the kernel's declaration in assembly/: tsc rejects any other.
 */

import core, { type Parameters as CoreParameters } from '#wasm/core';
import nn, { type Parameters as NnParameters } from '#wasm/nn';
import search, { type Parameters as SearchParameters } from '#wasm/search';
import sentence, { type Parameters as SentenceParameters } from '#wasm/sentence';
import { kernels } from '../core/kernels.js';
import { i32 } from '../core/memory.js';
import { IMAGE_PARTITIONS } from './image-partitions.js';
import {
  type ByName,
  columns,
  elements,
  ITEM,
  type Partitions,
  PRODUCT,
  rows,
  SLIVERS,
  value,
} from './partition.js';

/** Nanoseconds of a number that is copied. */
const COPY = 0.4;
/** Nanoseconds of an exponential, and of adding it to two sums. */
const EXPONENTIAL = 1.2;
/** Below so many rows, columns are partitioned. */
const MANY_ROWS = 128;
/** Numbers of dropout that come from one draw. */
const DRAW = 4;

const pack: ByName<'y' | 'x' | 'rows' | 'depth' | 'rowStride'> = (at) => {
  const [y, x, count, depth, rowStride] = at('y', 'x', 'rows', 'depth', 'rowStride');
  return {
    costNs: (args) => value(args, count) * value(args, depth) * COPY,
    partition: (args) => ({
      count,
      step: SLIVERS,
      strides: [y, 4 * value(args, depth), x, 4 * value(args, rowStride)],
    }),
  };
};

const packBlocks: ByName<'depth' | 'first' | 'count'> = (at) => {
  const [depth, first, count] = at('depth', 'first', 'count');
  return {
    costNs: (args) => value(args, count) * value(args, depth) * COPY,
    partition: () => ({ count, step: SLIVERS, strides: [first, ITEM] }),
  };
};

/** Rows of c, or its columns where there are few rows: then all threads pack all of them. */
const gemmRows: ByName<'c' | 'a' | 'm' | 'n' | 'k' | 'aRow' | 'scratch' | 'first' | 'count'> = (
  at,
) => {
  const [c, a, m, n, k, aRow] = at('c', 'a', 'm', 'n', 'k', 'aRow');
  const [scratch, first, count] = at('scratch', 'first', 'count');
  return {
    costNs: (args) => value(args, m) * value(args, count) * value(args, k) * PRODUCT,
    partition(args) {
      const common = { step: SLIVERS, scratch: { at: scratch, bytes: kernels().gemmScratch() } };
      return value(args, m) >= MANY_ROWS
        ? { ...common, count: m, strides: [c, 4 * value(args, n), a, 4 * value(args, aRow)] }
        : { ...common, count, strides: [first, ITEM] };
    },
  };
};

/** Rows of scores, or columns where those are more. */
const scoreRows: ByName<'y' | 'i0' | 'i1' | 'j0' | 'j1' | 'depth' | 'ldy' | 'edge'> = (at) => {
  const [y, i0, i1, j0, j1] = at('y', 'i0', 'i1', 'j0', 'j1');
  const [depth, ldy, edge] = at('depth', 'ldy', 'edge');
  return {
    costNs(args) {
      const [height, width] = [
        value(args, i1) - value(args, i0),
        value(args, j1) - value(args, j0),
      ];
      return height * width * (value(args, depth) * PRODUCT + 0.3);
    },
    partition(args) {
      const bytes = 4 * kernels().MR.value * kernels().NR.value;
      const common = { step: SLIVERS, scratch: { at: edge, bytes } };
      return value(args, i1) >= value(args, j1)
        ? { ...common, count: i1, first: i0, strides: [y, 4 * value(args, ldy)] }
        : { ...common, count: j1, first: j0, strides: [y, 4] };
    },
  };
};

/** A pass over tiles, which makes so many products of each pair of rows. */
function tiles(
  products: number,
): ByName<'rows' | 'columns' | 'depth' | 'self' | 'scratch' | 'iFirst'> {
  return (at) => {
    const [height, width, depth, self] = at('rows', 'columns', 'depth', 'self');
    const [scratch, iFirst] = at('scratch', 'iFirst');
    return {
      costNs(args) {
        const pairs = value(args, height) * value(args, width) * (value(args, self) ? 0.5 : 1);
        return pairs * (products * value(args, depth) * PRODUCT + EXPONENTIAL);
      },
      partition: (args) => ({
        count: iFirst,
        step: kernels().TILE.value,
        scratch: { at: scratch, bytes: kernels().contrastiveScratch() },
        grid: true,
        upper: Boolean(value(args, self)),
      }),
    };
  };
}

/** Heads of attention, which makes so many products of queries and keys for each. */
function heads(products: number): ByName<'at' | 'scratch' | 'first' | 'count'> {
  return (at) => {
    const [plan, scratch, first, count] = at('at', 'scratch', 'first', 'count');
    /** Numbers of queries, keys and width of a head (src/nn/ops/attention.ts). */
    const sizes = (args: readonly number[]): [number, number, number] => {
      const from = value(args, plan) / 4 + 6;
      return Array.from(i32().subarray(from, from + 3)) as [number, number, number];
    };
    return {
      costNs(args) {
        const [queries, keys, width] = sizes(args);
        return value(args, count) * queries * keys * (products * width * PRODUCT + EXPONENTIAL);
      },
      partition(args) {
        const bytes = 4 * kernels(nn).attentionScratch(...sizes(args));
        return { count, step: 1, strides: [first, ITEM], scratch: { at: scratch, bytes } };
      },
    };
  };
}

/** Queries: each thread reads all of the corpus, so it takes all of its queries at once. */
const topKUpdate: ByName<'q0' | 'q1' | 'corpusRows' | 'depth' | 'scratch'> = (at) => {
  const [q0, q1, corpusRows, depth] = at('q0', 'q1', 'corpusRows', 'depth');
  const [scratch] = at('scratch');
  return {
    costNs(args) {
      const pairs = (value(args, q1) - value(args, q0)) * value(args, corpusRows);
      return pairs * (value(args, depth) * PRODUCT + 0.5);
    },
    partition: () => ({
      count: q1,
      first: q0,
      step: kernels().MR.value,
      partsPerThread: 1,
      scratch: { at: scratch, bytes: 4 * kernels(search).topKScratch() },
    }),
  };
};

const sumAxis: ByName<'y' | 'x' | 'outer' | 'n' | 'inner'> = (at) => {
  const [y, x, outer, n, inner] = at('y', 'x', 'outer', 'n', 'inner');
  return {
    costNs: (args) => value(args, outer) * value(args, n) * value(args, inner) * 0.4,
    partition: (args) => ({
      count: outer,
      step: 1,
      strides: [y, 4 * value(args, inner), x, 4 * value(args, n) * value(args, inner)],
    }),
  };
};

const CORE: Partitions<CoreParameters> = {
  pack,
  packBlocks,
  gemmRows,
  normalizeRows: rows('rows', { y: 'cols', x: 'cols', norms: 8 }, 0.7),
  softmaxRows: rows('rows', { y: 'cols', x: 'cols' }, 2),
  logSumExpRows: rows('rows', { x: 'cols', y: 4 }, 1.2),
  contrastiveSums: tiles(1),
  contrastiveGradients: tiles(2),
  logSumExpRowsBackward: rows('rows', { dx: 'cols', x: 'cols', dy: 4, y: 4 }, 1.2),
  softmaxRowsBackward: rows('rows', { dx: 'cols', dy: 'cols', y: 'cols' }, 1.5),
  sigLipRows: rows('rows', { x: 'cols', losses: 8, biasGrads: 8, first: ITEM }, 3),
  crossEntropyRows: rows('rows', { x: 'cols', losses: 8, targets: 4 }, 2),
};

const SEARCH: Partitions<SearchParameters> = { scoreRows, topKUpdate };

const binary = elements(['y', 'a', 'b'], 0.4);
const unary = elements(['y', 'x'], 0.3);
const gradOfInput = elements(['dx', 'dy', 'x'], 0.4);
const gradOfOutput = elements(['dx', 'dy', 'y'], 0.4);
const gradOfBoth = elements(['da', 'db', 'dy', 'a', 'b'], 0.8);

/** Columns: few samples have many numbers each. */
const dropoutRows: ByName<'y' | 'x' | 'rows' | 'cols' | 'block'> = (at) => {
  const [y, x, height, cols, block] = at('y', 'x', 'rows', 'cols', 'block');
  return {
    costNs: (args) => value(args, height) * value(args, cols) * 2,
    partition: () => ({ count: cols, step: SLIVERS, strides: [y, 4, x, 4, block, ITEM / DRAW] }),
  };
};

const NN: Partitions<NnParameters> = {
  addArray: binary,
  subArray: binary,
  mulArray: binary,
  divArray: binary,
  maximumArray: binary,
  divArrayBackward: gradOfBoth,
  maximumArrayBackward: gradOfBoth,
  whereArray: elements(['y', 'c', 'a', 'b'], 0.5),
  whereArrayBackward: elements(['y', 'c', 'x'], 0.4),
  accumulate: unary,
  scaleTo: unary,
  addScaled: unary,
  fillArray: elements(['y'], 0.15),
  expArray: elements(['y', 'x'], 1),
  expArrayBackward: gradOfOutput,
  logArray: elements(['y', 'x'], 2),
  logArrayBackward: gradOfInput,
  sqrtArray: unary,
  sqrtArrayBackward: gradOfOutput,
  tanhArray: elements(['y', 'x'], 1.5),
  tanhArrayBackward: gradOfOutput,
  reluArray: unary,
  reluArrayBackward: gradOfInput,
  geluArray: elements(['y', 'x'], 1.5),
  geluArrayWithGrad: elements(['y', 'grad', 'x'], 2),
  sigmoidArray: elements(['y', 'x'], 1.5),
  sigmoidArrayBackward: gradOfOutput,
  siluArray: elements(['y', 'x'], 1.5),
  siluArrayBackward: elements(['dx', 'dy', 'x'], 2),
  absArray: unary,
  absArrayBackward: gradOfInput,
  clampArray: unary,
  clampArrayBackward: gradOfInput,
  adamWStep: elements(['p', 'g', 'm', 'v'], 1.5),
  sgdStep: elements(['p', 'g', 'velocity'], 0.8),

  addRows: rows('rows', { y: 'cols', x: 'cols' }, 0.3),
  gatherRows: rows('count', { y: 'cols', ids: 4 }, 0.3),
  scatterAddRows: columns('count', ['dTable', 'dy'], 0.4),
  columnSums: columns('rows', ['y', 'x'], 0.4),
  sumAxis,
  logSoftmaxRows: rows('rows', { y: 'cols', x: 'cols', sums: 4 }, 1.4),
  layerNormRows: rows('rows', { y: 'cols', x: 'cols', mean: 4, rstd: 4 }, 1),
  layerNormRowsBackward: rows('rows', { dx: 'cols', dy: 'cols', x: 'cols', mean: 4, rstd: 4 }, 1.2),
  layerNormColumnsBackward: columns('rows', ['dWeight', 'dBias', 'dy', 'x'], 0.6),
  dropoutRows,
  dropoutSequences: rows<'count', 'offsets' | 'keys'>('count', { offsets: 4, keys: 8 }, 100),
  attention: heads(2),
  attentionBackward: heads(5),

  ...IMAGE_PARTITIONS,
};

/** Whole sequences: attention of one reads no other. */
const sequenceAttention: ByName<'offsets' | 'heads' | 'width' | 'scratch' | 'first' | 'count'> = (
  at,
) => {
  const [offsets, heads, width] = at('offsets', 'heads', 'width');
  const [scratch, first, count] = at('scratch', 'first', 'count');
  const lengths = (args: readonly number[]): number[] => {
    const from = value(args, offsets) / 4 + value(args, first);
    const ends = i32().subarray(from, from + value(args, count) + 1);
    return Array.from({ length: ends.length - 1 }, (_, s) => (ends[s + 1] ?? 0) - (ends[s] ?? 0));
  };
  return {
    costNs(args) {
      const pairs = lengths(args).reduce((sum, n) => sum + n * n, 0);
      return pairs * value(args, heads) * (2 * value(args, width) * PRODUCT + EXPONENTIAL);
    },
    partition(args) {
      const longest = Math.max(...lengths(args));
      const bytes = 4 * kernels(sentence).sequenceScratch(longest, value(args, width));
      return { count, step: 1, strides: [first, ITEM], scratch: { at: scratch, bytes } };
    },
  };
};

/** Columns: each thread reads all rows, which are packed. */
const integerProduct: ByName<'m' | 'k' | 'first' | 'count'> = (at) => {
  const [m, k, first, count] = at('m', 'k', 'first', 'count');
  return {
    costNs: (args) => (value(args, m) * value(args, count) * value(args, k) * PRODUCT) / 2,
    partition: () => ({ count, step: SLIVERS, strides: [first, ITEM] }),
  };
};

/** Slivers of rows, of pairs of integers. */
const packIntegerRows: ByName<'y' | 'scales' | 'x' | 'rows' | 'cols'> = (at) => {
  const [y, scales, x, height, cols] = at('y', 'scales', 'x', 'rows', 'cols');
  return {
    costNs: (args) => value(args, height) * value(args, cols),
    partition(args) {
      const width = value(args, cols);
      const strides = [y, 4 * Math.ceil(width / 2), scales, 4, x, 4 * width];
      return { count: height, step: SLIVERS, strides };
    },
  };
};

const SENTENCE: Partitions<SentenceParameters> = {
  addArray: binary,
  geluArray: elements(['y', 'x'], 1.5),
  layerNormRows: rows('rows', { y: 'cols', x: 'cols', mean: 4, rstd: 4 }, 1),
  embedTokens: rows('count', { y: 'cols', ids: 4, positions: 4 }, 0.5),
  embeddingBags: rows('bags', { y: 'cols', offsets: 4 }, 3),
  sequenceAttention,
  integerProduct,
  packIntegerRows,
};

/** All partitions, by module. Workers instantiate only these modules. */
export const PARTITIONS = [
  { code: core, partitions: CORE },
  { code: search, partitions: SEARCH },
  { code: nn, partitions: NN },
  { code: sentence, partitions: SENTENCE },
] as const;
