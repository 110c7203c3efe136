/**
 * Weights of a sentence encoder as parameters. Vectors and tables are the encoder's own memory;
 * matrices, which inference has packed, are copies that are packed again when an optimizer has
 * changed them.
 */

import { kernels } from '../../../core/kernels.js';
import { Module, type Tensor } from '../../../nn/index.js';
import { asParameter, borrowParameter } from '../../../nn/leaf.js';
import { empty } from '../../../nn/tensor.js';
import { untrack } from '../../../nn/tidy.js';
import type { Norm } from '../transformer.js';
import {
  type Dense,
  type Table,
  unpackTo,
  type Vector,
  type WeightMemory,
  widenTable,
} from '../weights.js';

/** Parameters, and what writes their numbers to where inference has them. */
interface Link {
  params: readonly Tensor[];
  /** Versions of the parameters that were written last. */
  written: readonly number[];
  write(): void;
}

/** Weight and bias of a dense layer or of a normalization. */
export class Affine extends Module {
  /** (out, in), or C numbers. */
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;

  constructor(weight: Tensor, bias: Tensor | undefined) {
    super();
    this.weight = weight;
    this.bias = bias;
  }
}

/** Makes parameters of weights, and writes those back that have changed. */
export class WeightLinks {
  readonly #memory: WeightMemory;
  readonly #trained: boolean;
  readonly #links: Link[] = [];

  /**
   * @param memory owner of the encoder's weights
   * @param trained false if the weights stay as they are
   */
  constructor(memory: WeightMemory, trained: boolean) {
    this.#memory = memory;
    this.#trained = trained;
  }

  /** Has a function called by `refresh` when one of some parameters has changed. */
  watch(params: readonly Tensor[], write: () => void): void {
    this.#links.push({ params, written: params.map(({ version }) => version), write });
  }

  vector({ at, length }: Vector): Tensor {
    return borrowParameter(at, [length], this.#trained);
  }

  /** A table, whose type becomes f32. */
  table(table: Table): Tensor {
    widenTable(table, this.#memory);
    return borrowParameter(table.at, [table.rows, table.cols], this.#trained);
  }

  /** A packed matrix and its bias. */
  dense(dense: Dense): Affine {
    const { rows, cols, packed, bias } = dense;
    const numbers = empty([rows, cols]);
    unpackTo(numbers.at, dense);
    let weight = numbers;
    if (this.#trained) {
      weight = asParameter(numbers);
      this.watch([weight], () => {
        const core = kernels();
        core.packBlocks(packed, weight.at, rows, cols, cols, 1, core.NR.value, 0, rows);
      });
    } else {
      untrack(numbers);
    }
    const own = bias === undefined ? undefined : this.vector({ at: bias, length: rows });
    return new Affine(weight, own);
  }

  norm({ weight, bias }: Norm): Affine {
    return new Affine(this.vector(weight), this.vector(bias));
  }

  /** Writes the numbers of all parameters that have changed since. */
  refresh(): void {
    for (const link of this.#links) {
      const versions = link.params.map(({ version }) => version);
      if (versions.every((version, i) => version === link.written[i])) continue;
      link.write();
      link.written = versions;
    }
  }
}
