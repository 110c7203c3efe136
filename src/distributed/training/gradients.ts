/**
 * The gradients of a rank's shards, summed along the tree, and from all ranks back to the parameters.
 *
 * The dense gradients of all parameters are one vector, as are buffers that training moves, such as the
 * running statistics of batch norms. Tables of which a step touches few rows have those rows alone.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { allocate, f32, free, type Pointer } from '../../core/memory.js';
import type { Tensor } from '../../nn/index.js';
import { accumulateRowGrad, addRowGrad, RowGrad } from '../../nn/row-grad.js';
import { empty } from '../../nn/tensor.js';
import { joinBytes, NumberReader, splitBytes, writeNumbers } from '../bytes.js';
import type { Communicator } from '../transport/communicator.js';
import { areHalves, type Block, blockOf, subtreesOf, TreeSum } from '../tree.js';

/** Gradients of a subtree of shards. */
interface Node extends Block {
  /** Vector of the dense ones, and the buffers. */
  at: Pointer;
  /** Rows of each sparse table; undefined where none was touched. */
  rows: (RowGrad | undefined)[];
}

/** Kernels work on four numbers at a time: each tensor begins at a multiple. */
const ALIGNMENT = 4;

/** Position of each tensor in the vector. */
interface Slot {
  tensor: Tensor;
  at: number;
}

/** Gradients of all shards of a step. */
export class ShardGradients {
  readonly #dense: Slot[] = [];
  readonly #buffers: Slot[] = [];
  readonly #sparse: readonly Tensor[];
  readonly #length: number;
  #sum = this.#newSum();

  /**
   * @param params all parameters
   * @param buffers tensors that training moves but does not train
   * @param sparse parameters that have gradients of some rows
   */
  constructor(params: Iterable<Tensor>, buffers: Iterable<Tensor>, sparse: ReadonlySet<Tensor>) {
    let length = 0;
    const allocateSlot = (tensor: Tensor): Slot => {
      const slot = { tensor, at: length };
      length += Math.ceil(tensor.size / ALIGNMENT) * ALIGNMENT;
      return slot;
    };
    for (const param of params) if (!sparse.has(param)) this.#dense.push(allocateSlot(param));
    for (const buffer of buffers) this.#buffers.push(allocateSlot(buffer));
    this.#sparse = [...sparse];
    this.#length = length;
  }

  #newSum(): TreeSum<Node> {
    return new TreeSum<Node>((left, right) => this.#join(left, right));
  }

  #join(left: Node, right: Node): Node {
    kernels(nnCode).accumulate(left.at, right.at, this.#length);
    free(right.at);
    return {
      first: left.first,
      count: 2 * left.count,
      at: left.at,
      rows: this.#joinTables(left.rows, right.rows),
    };
  }

  #joinTables(left: Node['rows'], right: Node['rows']): Node['rows'] {
    return left.map((rows, i) => joinRows(this.#sparse[i] as Tensor, rows, right[i]));
  }

  /**
   * Takes the gradients of a shard from the parameters, which have none afterwards, and the buffers
   * as they are.
   */
  take(shard: number): void {
    const core = kernels(nnCode);
    const left = this.#sum.nodes.at(-1);
    const isRight = left !== undefined && areHalves(left, { first: shard, count: 1 });
    // Added to the left half where that waits for it, else to zeros: none is a negative zero, so both
    // have the same bits, and no gradient counts as one of zeros.
    const at = isRight ? left.at : allocate(4 * Math.max(1, this.#length));
    if (!isRight) core.fillArray(at, this.#length, 0);
    for (const { tensor, at: offset } of this.#dense) {
      const { grad, rowGrad } = tensor;
      const to = at + 4 * offset;
      if (rowGrad !== undefined) addDense(to, tensor, rowGrad);
      else if (grad !== undefined) core.accumulate(to, grad.at, grad.size);
      grad?.dispose();
      tensor.grad = undefined;
      tensor.rowGrad = undefined;
    }
    for (const { tensor, at: offset } of this.#buffers) {
      core.accumulate(at + 4 * offset, tensor.at, tensor.size);
    }
    const rows = this.#sparse.map((table) => {
      const { rowGrad } = table;
      table.rowGrad = undefined;
      return rowGrad as RowGrad | undefined;
    });
    if (!isRight) {
      this.#sum.add({ first: shard, count: 1, at, rows });
      return;
    }
    this.#sum.nodes.pop();
    this.#sum.add({ first: left.first, count: 2, at, rows: this.#joinTables(left.rows, rows) });
  }

  /**
   * Sums over all shards of all ranks, and gives the parameters their gradients and the buffers
   * their mean.
   *
   * @param shards number of all shards
   * @param factor of the sums of gradients
   */
  async reduce(communicator: Communicator, shards: number, factor: number): Promise<void> {
    const { nodes } = this.#sum;
    const total =
      this.#length === 0
        ? new Float32Array(0)
        : await communicator.allReduce(
            nodes.map(({ first, count, at }) => ({
              ...{ first, count },
              values: f32().subarray(at / 4, at / 4 + this.#length),
            })),
          );
    const rows = await this.#gatherRows(communicator, shards);
    this.clear();
    const core = kernels(nnCode);
    for (const { tensor, at } of this.#dense) {
      const grad = empty(tensor.shape);
      grad.data.set(total.subarray(at, at + tensor.size));
      if (factor !== 1) core.scaleTo(grad.at, grad.at, grad.size, factor);
      tensor.grad = grad;
    }
    for (const { tensor, at } of this.#buffers) {
      tensor.data.set(total.subarray(at, at + tensor.size));
      core.scaleTo(tensor.at, tensor.at, tensor.size, 1 / shards);
      tensor.markChanged();
    }
    for (const [i, table] of this.#sparse.entries()) {
      const own = rows[i];
      if (own === undefined) continue;
      if (factor !== 1) core.scaleTo(own.values.at, own.values.at, own.values.size, factor);
      table.rowGrad = own;
    }
  }

  /** Gathers the rows of sparse tables and sums them along the tree, on every rank. */
  async #gatherRows(
    communicator: Communicator,
    shards: number,
  ): Promise<readonly (RowGrad | undefined)[]> {
    if (this.#sparse.length === 0) return [];
    const own = this.#sum.nodes.flatMap(({ rows }) => rows.map((each) => writeRows(each)));
    const messages = await communicator.allGather(joinBytes(own));
    const sum = new TreeSum<Pick<Node, 'rows' | keyof Block>>((left, right) => ({
      first: left.first,
      count: 2 * left.count,
      rows: this.#joinTables(left.rows, right.rows),
    }));
    for (const [rank, message] of messages.entries()) {
      const blocks = subtreesOf(blockOf(rank, messages.length, shards));
      const parts = splitBytes(message, blocks.length * this.#sparse.length);
      for (const [b, block] of blocks.entries()) {
        const rows = this.#sparse.map((table, i) =>
          readRows(parts[b * this.#sparse.length + i] as Uint8Array, table),
        );
        sum.add({ ...block, rows });
      }
    }
    return sum.nodes[0]?.rows ?? [];
  }

  /** Bytes of the vector that ranks sum. */
  get bytes(): number {
    return 4 * this.#length;
  }

  /** Frees what was taken. */
  clear(): void {
    for (const { at, rows } of this.#sum.nodes) {
      free(at);
      for (const each of rows) each?.dispose();
    }
    this.#sum = this.#newSum();
  }
}

/** Adds the gradient of a table, which has one of rows, and may have one of all of it, too. */
function addDense(to: Pointer, { shape, grad }: Tensor, rowGrad: RowGrad): void {
  const core = kernels(nnCode);
  const whole = empty(shape);
  core.fillArray(whole.at, whole.size, 0);
  if (grad !== undefined) core.accumulate(whole.at, grad.at, grad.size);
  addRowGrad(whole, rowGrad);
  core.accumulate(to, whole.at, whole.size);
  whole.dispose();
  rowGrad.dispose();
}

/** Sum of the gradients of rows of a table; both are used up. */
function joinRows(
  table: Tensor,
  left: RowGrad | undefined,
  right: RowGrad | undefined,
): RowGrad | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  const before = table.rowGrad;
  table.rowGrad = left;
  accumulateRowGrad(table, right);
  const joined = table.rowGrad as RowGrad;
  table.rowGrad = before;
  return joined;
}

function writeRows(rowGrad: RowGrad | undefined): Uint8Array {
  if (rowGrad === undefined) return new Uint8Array(0);
  const { rows, values } = rowGrad;
  return writeNumbers(Int32Array.of(rows.length), rows, values.toArray());
}

function readRows(bytes: Uint8Array, table: Tensor): RowGrad | undefined {
  if (bytes.length === 0) return undefined;
  const [height, cols] = table.shape as [number, number];
  const reader = new NumberReader(bytes);
  const [count = 0] = reader.i32(1);
  const rows = reader.i32(count).slice();
  if (rows.some((row) => row < 0 || row >= height)) {
    throw new RangeError('a message names rows that the table does not have');
  }
  const values = empty([count, cols]);
  values.data.set(reader.f32(count * cols));
  reader.done();
  return new RowGrad(rows, values);
}
