/** Type of a partition of a kernel's work, and the partitions that many kernels have in common. */

export type Args = readonly number[];

/** Division of the items of one call (elements, rows, columns, heads) into parts. */
export interface Partition {
  /** Position of the parameter that is the number of items; of a grid, the first of its four bounds. */
  count: number;
  /** Parts begin at multiples of this; of a grid, rows and columns of a block. */
  step: number;
  /** Parts per thread (default 8); 1 where every part has to repeat some work. */
  partsPerThread?: number;
  /** Pairs: position of a parameter, and bytes from one item to the next. Pointers of 0 stay. */
  strides?: readonly number[];
  /** Position of the first item, where `count` is the end of the items and not their number. */
  first?: number;
  /** Position of the scratch, and its bytes. */
  scratch?: { at: number; bytes: number };
  /** True if items are a grid of blocks, of which each needs those before and above it. */
  grid?: boolean;
  /** True if a grid has no blocks left of the diagonal. */
  upper?: boolean;
}

/** Cost and partition of a kernel's calls. */
export interface Partitioner {
  /** Estimates the nanoseconds of a call on one thread. */
  costNs(args: Args): number;
  partition(args: Args): Partition;
}

/** Positions of parameters by their names. */
export type PositionsOf<Name extends string> = <const Names extends readonly Name[]>(
  ...names: Names
) => { [Index in keyof Names]: number };

/** Makes a partitioner: names are resolved once, calls are partitioned by positions. */
export type ByName<Name extends string> = (at: PositionsOf<Name>) => Partitioner;

/** Names of the parameters of a module's kernels, in order, as the build declares them. */
type Signatures<Parameters> = { [Kernel in keyof Parameters]: readonly string[] };

/** Partitions of kernels of a module: each names only parameters that its kernel has. */
export type Partitions<Parameters extends Signatures<Parameters>> = {
  readonly [Kernel in keyof Parameters]?: ByName<Parameters[Kernel][number]>;
};

/** Nanoseconds of a multiplication and an addition. */
export const PRODUCT = 0.055;

/** A multiple of the widths of all slivers, and of the elements of a cache line. */
export const SLIVERS = 16;

/** Stride of a parameter that is not a pointer but the index of an item, or a number of items. */
export const ITEM = 1;

/** The value of the argument at a position. */
export const value = (args: Args, position: number): number => args[position] as number;

/** Partitions elements: `n` of them, of which each pointer has one f32. */
export function elements<Pointer extends string>(
  pointers: readonly Pointer[],
  nanoseconds: number,
): ByName<Pointer | 'n'> {
  return (at) => {
    const [n] = at('n');
    const strides = at(...pointers).flatMap((pointer) => [pointer, 4]);
    return {
      costNs: (args) => value(args, n) * nanoseconds,
      partition: () => ({ count: n, step: SLIVERS, strides }),
    };
  };
}

/** Partitions the `cols` columns of rows: each pointer has one f32 per column. */
export function columns<Rows extends string, Pointer extends string>(
  rows: Rows,
  pointers: readonly Pointer[],
  nanoseconds: number,
): ByName<Rows | Pointer | 'cols'> {
  return (at) => {
    const [height, cols] = at(rows, 'cols');
    const strides = at(...pointers).flatMap((pointer) => [pointer, 4]);
    return {
      costNs: (args) => value(args, height) * value(args, cols) * nanoseconds,
      partition: () => ({ count: cols, step: SLIVERS, strides }),
    };
  };
}

/**
 * Partitions rows of `cols` numbers: `rows('rows', { y: 'cols', x: 'cols', norms: 8 }, 0.7)`.
 *
 * @param strides for each pointer the parameter that is its number of f32 per row, or its bytes
 */
export function rows<Rows extends string, Pointer extends string, Length extends string = never>(
  count: Rows,
  strides: { readonly [Name in Pointer]: Length | number },
  nanoseconds: number,
): ByName<Rows | Pointer | Length | 'cols'> {
  return (at) => {
    const [height, cols] = at(count, 'cols');
    const entries = Object.entries(strides) as [Pointer, Length | number][];
    const resolved = entries.map(([name, stride]) => {
      const [pointer] = at(name);
      return typeof stride === 'number'
        ? { pointer, bytes: () => stride }
        : { pointer, bytes: floats(...at(stride)) };
    });
    return {
      costNs: (args) => value(args, height) * value(args, cols) * nanoseconds,
      partition: (args) => ({
        count: height,
        step: 1,
        strides: resolved.flatMap(({ pointer, bytes }) => [pointer, bytes(args)]),
      }),
    };
  };
}

const floats =
  (length: number) =>
  (args: Args): number =>
    4 * value(args, length);
