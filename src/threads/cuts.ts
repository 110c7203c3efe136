/**
 * How the work of each kernel is cut among threads. A kernel that is not in this table runs on the
 * thread that calls it. To add one, say which argument counts its items, by how many bytes an item
 * its pointers move on, and what it costs; nothing changes where it is called.
 */

import { kernels } from '../kernels.js';
import { i32 } from '../memory.js';
import { nnKernels } from '../nn/kernels.js';

type Args = readonly number[];

export interface Cut {
  /** Which argument is the number of items; of a grid, the first of its four borders. */
  at: number;
  /** Items are parted at multiples of this; of a grid, rows and columns of a block. */
  step: number;
  /** Pairs: which argument moves on, and by how many bytes an item. Pointers of 0 stay. */
  moves?: readonly number[];
  /** Which argument is the first item, where `at` is the end of them and not their number. */
  first?: number;
  /** Which argument is the scratch, and how many bytes it has. */
  scratch?: { at: number; bytes: number };
  /** Whether items are a grid of blocks, of which each needs those before and above it. */
  grid?: boolean;
  /** Of a grid: blocks left of the diagonal are not there. */
  upper?: boolean;
}

export interface Cutting {
  /** How long a call takes on one thread, in nanoseconds, roughly. */
  cost(args: Args): number;
  cut(args: Args): Cut;
}

/** Nanoseconds of a multiplication and an addition. */
const PRODUCT = 0.055;
/** Nanoseconds of an exponential, and of adding it to two sums. */
const EXPONENTIAL = 1.2;

/** Nanoseconds of a number that is copied to another place. */
const COPY = 0.4;
/** A multiple of the widths of all slivers, and of a line of the cache. */
const SLIVERS = 16;
const FEW_ROWS = 128;
/** How an argument moves on that is the number of an item and no pointer. */
export const ITEM = 1;

const of = (args: Args, place: number): number => args[place] as number;

/** Elements, of which the argument `count` is the number, in whole vectors. */
function elements(count: number, pointers: readonly number[], nanoseconds: number): Cutting {
  const moves = pointers.flatMap((place) => [place, 4]);
  return {
    cost: (args) => of(args, count) * nanoseconds,
    cut: () => ({ at: count, step: SLIVERS, moves }),
  };
}

/** Columns of so many rows, of which `moving` arguments have one number each. */
function columns(
  rows: number,
  count: number,
  moving: readonly number[],
  nanoseconds: number,
): Cutting {
  const moves = moving.flatMap((place) => [place, 4]);
  return {
    cost: (args) => of(args, rows) * of(args, count) * nanoseconds,
    cut: () => ({ at: count, step: SLIVERS, moves }),
  };
}

/** Rows: `wide` arguments have `cols` floats a row, `narrow` ones so many bytes. */
function rows(
  count: number,
  cols: number,
  wide: readonly number[],
  narrow: Readonly<Record<number, number>>,
  nanoseconds: number,
): Cutting {
  const fixed = Object.entries(narrow).flatMap(([place, bytes]) => [Number(place), bytes]);
  return {
    cost: (args) => of(args, count) * of(args, cols) * nanoseconds,
    cut: (args) => ({
      at: count,
      step: 1,
      moves: [...wide.flatMap((place) => [place, 4 * of(args, cols)]), ...fixed],
    }),
  };
}

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
      const scratch = { at: plan + 1, bytes: 4 * nnKernels().attentionScratch(...sizes(args)) };
      return { at: plan + 3, step: 1, moves: [plan + 2, ITEM], scratch };
    },
  };
}

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
  contrastiveSums: tiles(6, 1, 13, 15, 16),
  contrastiveGradients: tiles(10, 3, 17, 18, 19),
  logSumExpRowsBackward: rows(4, 5, [0, 3], { 1: 4, 2: 4 }, 1.2),
  softmaxRowsBackward: rows(3, 4, [0, 1, 2], {}, 1.5),

  addArray: twoToOne,
  subArray: twoToOne,
  mulArray: twoToOne,
  divArray: twoToOne,
  maximumArray: twoToOne,
  selectArray: twoToOne,
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
  attention: heads(2, 2),
  attentionBackward: heads(6, 5),
};
