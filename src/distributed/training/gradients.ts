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
import { bytesOf, joinBytes, NumberReader, splitBytes } from '../bytes.js';
import type { Communicator } from '../transport/communicator.js';
import {
  type GradientFormat,
  readValues,
  roundToBfloat16,
  writeValues,
} from '../transport/format.js';
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
  readonly #format: GradientFormat;
  /** Numbers of the gradients, which come first in the vector, and of all of it. */
  readonly #gradLength: number;
  readonly #length: number;
  #sum = this.#newSum();

  /**
   * @param params all parameters
   * @param buffers tensors that training moves but does not train
   * @param sparse parameters that have gradients of some rows
   * @param format of gradients; buffers are always f32
   */
  constructor(
    params: Iterable<Tensor>,
    buffers: Iterable<Tensor>,
    sparse: ReadonlySet<Tensor>,
    format: GradientFormat,
  ) {
    let length = 0;
    const allocateSlot = (tensor: Tensor): Slot => {
      const slot = { tensor, at: length };
      length += Math.ceil(tensor.size / ALIGNMENT) * ALIGNMENT;
      return slot;
    };
    for (const param of params) if (!sparse.has(param)) this.#dense.push(allocateSlot(param));
    this.#gradLength = length;
    for (const buffer of buffers) this.#buffers.push(allocateSlot(buffer));
    this.#sparse = [...sparse];
    this.#format = format;
    this.#length = length;
  }

  #newSum(): TreeSum<Node> {
    return new TreeSum<Node>((left, right) => this.#join(left, right));
  }

  #join(left: Node, right: Node): Node {
    kernels(nnCode).accumulate(left.at, right.at, this.#length);
    this.#round(left.at);
    free(right.at);
    return {
      first: left.first,
      count: 2 * left.count,
      at: left.at,
      rows: this.#joinTables(left.rows, right.rows),
    };
  }

  #joinTables(left: Node['rows'], right: Node['rows']): Node['rows'] {
    return left.map((rows, i) => {
      const joined = joinRows(this.#sparse[i] as Tensor, rows, right[i]);
      return this.#roundRows(joined);
    });
  }

  /** Rounds the gradients of a vector to their format. */
  #round(at: Pointer): void {
    if (this.#format === 'bf16') roundToBfloat16(at, this.#gradLength);
  }

  #roundRows(rows: RowGrad | undefined): RowGrad | undefined {
    if (rows !== undefined && this.#format === 'bf16') {
      roundToBfloat16(rows.values.at, rows.values.size);
    }
    return rows;
  }

  /**
   * Takes the gradients of a shard from the parameters, which have none afterwards, and the buffers
   * as they are.
   */
  take(shard: number): void {
    const core = kernels(nnCode);
    const left = this.#sum.nodes.at(-1);
    // What is rounded has a vector of its own.
    const isRight =
      this.#format === 'f32' && left !== undefined && areHalves(left, { first: shard, count: 1 });
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
      return this.#roundRows(rowGrad as RowGrad | undefined);
    });
    if (!isRight) {
      this.#round(at);
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
    const { grads, buffers } = await this.#reduceVector(communicator);
    const rows = await this.#gatherRows(communicator, shards);
    this.clear();
    const core = kernels(nnCode);
    for (const { tensor, at } of this.#dense) {
      const grad = empty(tensor.shape);
      grad.data.set(grads.subarray(at, at + tensor.size));
      if (factor !== 1) core.scaleTo(grad.at, grad.at, grad.size, factor);
      tensor.grad = grad;
    }
    for (const { tensor, at } of this.#buffers) {
      const from = at - this.#gradLength;
      tensor.data.set(buffers.subarray(from, from + tensor.size));
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

  /** Sums the vector, all of it at once where its parts have one format. */
  async #reduceVector(
    communicator: Communicator,
  ): Promise<Record<'grads' | 'buffers', Float32Array>> {
    const { nodes } = this.#sum;
    const reduce = async (from: number, to: number, format: GradientFormat) => {
      if (from === to) return new Float32Array(0);
      const subtrees = nodes.map(({ first, count, at }) => ({
        ...{ first, count },
        values: f32().subarray(at / 4 + from, at / 4 + to),
      }));
      return communicator.allReduce(subtrees, format);
    };
    const [middle, end] = [this.#gradLength, this.#length];
    if (this.#format === 'f32') {
      const all = await reduce(0, end, 'f32');
      return { grads: all.subarray(0, middle), buffers: all.subarray(middle) };
    }
    const grads = await reduce(0, middle, this.#format);
    return { grads, buffers: await reduce(middle, end, 'f32') };
  }

  /** Gathers the rows of sparse tables and sums them along the tree, on every rank. */
  async #gatherRows(
    communicator: Communicator,
    shards: number,
  ): Promise<readonly (RowGrad | undefined)[]> {
    if (this.#sparse.length === 0) return [];
    const own = this.#sum.nodes.flatMap(({ rows }) =>
      rows.map((each) => writeRows(each, this.#format)),
    );
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
          readRows(parts[b * this.#sparse.length + i] as Uint8Array, table, this.#format),
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

function writeRows(rowGrad: RowGrad | undefined, format: GradientFormat): Uint8Array {
  if (rowGrad === undefined) return new Uint8Array(0);
  const { rows, values } = rowGrad;
  return joinBytes([bytesOf(rows), writeValues(values.toArray(), format)]);
}

function readRows(bytes: Uint8Array, table: Tensor, format: GradientFormat): RowGrad | undefined {
  if (bytes.length === 0) return undefined;
  const [height, cols] = table.shape as [number, number];
  const [own, numbers] = splitBytes(bytes, 2) as [Uint8Array, Uint8Array];
  const count = Math.floor(own.length / 4);
  const reader = new NumberReader(own);
  const rows = reader.i32(count).slice();
  reader.done();
  if (rows.some((row) => row < 0 || row >= height)) {
    throw new RangeError('a message names rows that the table does not have');
  }
  const found = readValues(numbers, count * cols, format);
  if (found === undefined) throw new RangeError('a message must hold each of its rows');
  const values = empty([count, cols]);
  values.data.set(found);
  return new RowGrad(rows, values);
}
