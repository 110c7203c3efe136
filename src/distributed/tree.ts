/**
 * The binary tree over the shards of a batch. The batch of a step is always cut into the same number
 * of shards, a power of two, and everything that is summed over them is summed along this tree:
 * shards 0 and 1, 2 and 3, …, then pairs of pairs. A rank has a contiguous block of shards and sums
 * the subtrees that lie in it; what is above them is summed in the same order wherever that happens. So
 * a sum has the same bits on any number of ranks.
 */

/** A range of shards. */
export interface Block {
  /** First shard. */
  first: number;
  /** Number of shards. */
  count: number;
}

/** Where a part of a whole begins, so that parts are of nearly equal size. */
export function partStart(total: number, parts: number, part: number): number {
  return Math.floor((total * part) / parts);
}

/** The block of shards that a rank has. */
export function blockOf(rank: number, size: number, shards: number): Block {
  const first = partStart(shards, size, rank);
  return { first, count: partStart(shards, size, rank + 1) - first };
}

/** Tells whether two blocks are the two halves of one subtree, the first one the left half. */
export function areHalves(left: Block, right: Block): boolean {
  return (
    left.count === right.count &&
    left.first + left.count === right.first &&
    left.first % (2 * left.count) === 0
  );
}

/** The largest subtrees that a block consists of, in order. */
export function subtreesOf({ first, count }: Block): Block[] {
  const found: Block[] = [];
  for (let at = first; at < first + count; ) {
    let size = 1;
    while (at % (2 * size) === 0 && at + 2 * size <= first + count) size *= 2;
    found.push({ first: at, count: size });
    at += size;
  }
  return found;
}

/**
 * Adds subtrees to the left end of a list, and joins halves as they come: what remains of all shards
 * in order is their sum.
 */
export class TreeSum<Node extends Block> {
  readonly nodes: Node[] = [];
  readonly #join: (left: Node, right: Node) => Node;

  /** @param join gives the sum of two halves */
  constructor(join: (left: Node, right: Node) => Node) {
    this.#join = join;
  }

  /** Takes the next subtree. */
  add(node: Node): void {
    const { nodes } = this;
    nodes.push(node);
    for (;;) {
      const right = nodes.at(-1) as Node;
      const left = nodes.at(-2);
      if (left === undefined || !areHalves(left, right)) return;
      nodes.length -= 2;
      nodes.push(this.#join(left, right));
    }
  }
}

/** Sums a number of each shard along the tree. */
export function treeSum(values: readonly number[]): number {
  const sum = new TreeSum<Block & { value: number }>((left, right) => ({
    first: left.first,
    count: 2 * left.count,
    value: left.value + right.value,
  }));
  for (const [first, value] of values.entries()) sum.add({ first, count: 1, value });
  const [total, other] = sum.nodes;
  if (total === undefined || other !== undefined) {
    throw new RangeError(`the number of shards must be a power of two, got ${values.length}`);
  }
  return total.value;
}
