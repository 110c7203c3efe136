/**
 * How the work of each kernel is cut among threads. A kernel that is not in this table runs on the
 * thread that calls it. To add one, say which argument counts its items, by how many bytes an item
 * its pointers move on, and what it costs; nothing changes where it is called.
 */

import nnCode from '#wasm/nn';
import searchCode from '#wasm/search';
import { kernels } from '../core/kernels.js';
import { i32 } from '../core/memory.js';
import { PICTURE_CUTTINGS } from './image-partitions.js';
import {
  type Args,
  type Cutting,
  columns,
  elements,
  ITEM,
  of,
  PRODUCT,
  rows,
  SLIVERS,
} from './partition.js';

/** Nanoseconds of a number that is copied to another place. */
const COPY = 0.4;
/** Nanoseconds of an exponential, and of adding it to two sums. */
const EXPONENTIAL = 1.2;
const FEW_ROWS = 128;
/** Numbers of dropout that come from one draw. */
const DRAW = 4;

const pack: Cutting = {
  cost: (args) => of(args, 2) * of(args, 3) * COPY,
  cut: (args) => ({ at: 2, step: SLIVERS, moves: [0, 4 * of(args, 3), 1, 4 * of(args, 4)] }),
};

const packBlocks: Cutting = {
  cost: (args) => of(args, 8) * of(args, 3) * COPY,
  cut: () => ({ at: 8, step: SLIVERS, moves: [7, ITEM] }),
};

/** Rows of c, or its columns where there are few rows: then all threads pack all of them. */
const gemmRows: Cutting = {
  cost: (args) => of(args, 3) * of(args, 11) * of(args, 5) * PRODUCT,
  cut(args) {
    const [, , , m = 0, n = 0, , aRow = 0] = args;
    const scratch = { at: 9, bytes: kernels().gemmScratch() };
    return m >= FEW_ROWS
      ? { at: 3, step: SLIVERS, moves: [0, 4 * n, 1, 4 * aRow], scratch }
      : { at: 11, step: SLIVERS, moves: [10, ITEM], scratch };
  },
};

/** Rows of scores, or columns where those are more. */
const scoreRows: Cutting = {
  cost(args) {
    const [, , , i0 = 0, i1 = 0, j0 = 0, j1 = 0, , , depth = 0] = args;
    return (i1 - i0) * (j1 - j0) * (depth * PRODUCT + 0.3);
  },
  cut(args) {
    const [, , , , i1 = 0, , j1 = 0, , , , ldy = 0] = args;
    const scratch = { at: 13, bytes: 4 * kernels().MR.value * kernels().NR.value };
    return i1 >= j1
      ? { at: 4, first: 3, step: SLIVERS, moves: [0, 4 * ldy], scratch }
      : { at: 6, first: 5, step: SLIVERS, moves: [0, 4], scratch };
  },
};

/** A pass over tiles; `sizes` is the place of rows, columns and depth, `products` how many it makes. */
function tiles(
  sizes: number,
  products: number,
  self: number,
  scratch: number,
  borders: number,
): Cutting {
  return {
    cost(args) {
      const pairs = of(args, sizes) * of(args, sizes + 1) * (of(args, self) ? 0.5 : 1);
      return pairs * (products * of(args, sizes + 2) * PRODUCT + EXPONENTIAL);
    },
    cut: (args) => ({
      at: borders,
      step: kernels().TILE.value,
      scratch: { at: scratch, bytes: kernels().contrastiveScratch() },
      grid: true,
      upper: Boolean(of(args, self)),
    }),
  };
}

/** Heads of attention, which makes so many products of queries and keys for each. */
function heads(plan: number, products: number): Cutting {
  /** Numbers of queries, keys and width of a head (src/nn/ops/attention.ts). */
  const sizes = (args: Args): [number, number, number] => {
    const at = of(args, plan) / 4 + 6;
    return Array.from(i32().subarray(at, at + 3)) as [number, number, number];
  };
  return {
    cost(args) {
      const [queries, keys, width] = sizes(args);
      return of(args, plan + 3) * queries * keys * (products * width * PRODUCT + EXPONENTIAL);
    },
    cut(args) {
      const scratch = { at: plan + 1, bytes: 4 * kernels(nnCode).attentionScratch(...sizes(args)) };
      return { at: plan + 3, step: 1, moves: [plan + 2, ITEM], scratch };
    },
  };
}

/** Queries: all threads read all of the corpus, so each takes its share of them at once. */
const topKUpdate: Cutting = {
  cost: (args) => (of(args, 5) - of(args, 4)) * of(args, 7) * (of(args, 8) * PRODUCT + 0.5),
  cut: () => ({
    at: 5,
    first: 4,
    step: kernels().MR.value,
    parts: 1,
    scratch: { at: 13, bytes: 4 * kernels(searchCode).topKScratch() },
  }),
};

const sumAxis: Cutting = {
  cost: (args) => of(args, 2) * of(args, 3) * of(args, 4) * 0.4,
  cut: (args) => ({
    at: 2,
    step: 1,
    moves: [0, 4 * of(args, 4), 1, 4 * of(args, 3) * of(args, 4)],
  }),
};

/** Columns: few samples have many numbers each. */
const dropoutRows: Cutting = {
  cost: (args) => of(args, 2) * of(args, 3) * 2,
  cut: () => ({ at: 3, step: SLIVERS, moves: [0, 4, 1, 4, 10, ITEM / DRAW] }),
};

const twoToOne = elements(3, [0, 1, 2], 0.4);
const oneToOne = elements(2, [0, 1], 0.3);

export const CUTTINGS: Readonly<Record<string, Cutting>> = {
  pack,
  packBlocks,
  gemmRows,
  scoreRows,
  normalizeRows: rows(3, 4, [0, 2], { 1: 8 }, 0.7),
  softmaxRows: rows(2, 3, [0, 1], {}, 2),
  logSumExpRows: rows(2, 3, [1], { 0: 4 }, 1.2),
  contrastiveSums: tiles(7, 1, 14, 17, 18),
  contrastiveGradients: tiles(10, 2, 17, 20, 21),
  logSumExpRowsBackward: rows(4, 5, [0, 3], { 1: 4, 2: 4 }, 1.2),
  softmaxRowsBackward: rows(3, 4, [0, 1, 2], {}, 1.5),
  sigLipRows: rows(3, 4, [2], { 0: 8, 1: 8, 5: ITEM }, 3),
  crossEntropyRows: rows(3, 4, [1], { 0: 8, 2: 4 }, 2),
  topKUpdate,

  addArray: twoToOne,
  subArray: twoToOne,
  mulArray: twoToOne,
  divArray: twoToOne,
  maximumArray: twoToOne,
  whereArrayBackward: twoToOne,
  expArrayBackward: twoToOne,
  logArrayBackward: twoToOne,
  sqrtArrayBackward: twoToOne,
  tanhArrayBackward: twoToOne,
  reluArrayBackward: twoToOne,
  divArrayBackward: elements(5, [0, 1, 2, 3, 4], 0.8),
  maximumArrayBackward: elements(5, [0, 1, 2, 3, 4], 0.8),
  whereArray: elements(4, [0, 1, 2, 3], 0.5),
  accumulate: oneToOne,
  scaleTo: oneToOne,
  addScaled: oneToOne,
  sqrtArray: oneToOne,
  reluArray: oneToOne,
  fillArray: elements(1, [0], 0.15),
  expArray: elements(2, [0, 1], 1),
  logArray: elements(2, [0, 1], 2),
  tanhArray: elements(2, [0, 1], 1.5),
  geluArray: elements(2, [0, 1], 1.5),
  geluArrayBackward: elements(3, [0, 1, 2], 2.5),
  adamWStep: elements(4, [0, 1, 2, 3], 1.5),
  sgdStep: elements(3, [0, 1, 2], 0.8),

  addRows: rows(3, 4, [0, 1], {}, 0.3),
  gatherRows: rows(3, 4, [0], { 2: 4 }, 0.3),
  layerNormRows: rows(6, 7, [0, 3], { 1: 4, 2: 4 }, 1),
  layerNormRowsBackward: rows(6, 7, [0, 1, 2], { 3: 4, 4: 4 }, 1.2),
  layerNormColumnsBackward: columns(6, 7, [0, 1, 2, 3], 0.6),
  columnSums: columns(2, 3, [0, 1], 0.4),
  scatterAddRows: columns(3, 4, [0, 1], 0.4),
  sumAxis,
  dropoutRows,
  attention: heads(2, 2),
  attentionBackward: heads(6, 5),

  ...PICTURE_CUTTINGS,
};
