/** How the work of kernels is cut: what a cut says, and those that many kernels have in common. */

export type Args = readonly number[];

export interface Cut {
  /** Which argument is the number of items; of a grid, the first of its four borders. */
  at: number;
  /** Items are parted at multiples of this; of a grid, rows and columns of a block. */
  step: number;
  /** Parts for each thread (default 8); 1 where every part has to do something over again. */
  parts?: number;
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
export const PRODUCT = 0.055;

/** A multiple of the widths of all slivers, and of a line of the cache. */
export const SLIVERS = 16;
/** How an argument moves on that is the number of an item and no pointer, or of so many items. */
export const ITEM = 1;

export const of = (args: Args, place: number): number => args[place] as number;

/** Elements, of which the argument `count` is the number, in whole vectors. */
export function elements(count: number, pointers: readonly number[], nanoseconds: number): Cutting {
  const moves = pointers.flatMap((place) => [place, 4]);
  return {
    cost: (args) => of(args, count) * nanoseconds,
    cut: () => ({ at: count, step: SLIVERS, moves }),
  };
}

/** Columns of so many rows, of which `moving` arguments have one number each. */
export function columns(
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
export function rows(
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
