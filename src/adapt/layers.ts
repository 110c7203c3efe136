/** The weights of an adapter in WASM memory, packed for products, and their application to rows. */

import adaptCode from '#wasm/adapt';
import { kernels } from '../core/kernels.js';
import { f32, type Pointer, type Scope, scoped } from '../core/memory.js';
import { OwnedMemory } from '../core/owned-memory.js';
import type { ShapedArray } from '../core/safetensors.js';
import type { Weights } from './shape.js';

/** A packed matrix (in, out). */
interface PackedMatrix {
  at: Pointer;
  inputs: number;
  outputs: number;
}

/** An adapter that is ready to be applied. */
export class Layers {
  readonly #memory = new OwnedMemory();
  readonly #base: PackedMatrix | undefined;
  readonly #first: PackedMatrix | undefined;
  readonly #second: PackedMatrix | undefined;
  readonly #hiddenBias: Pointer;
  readonly #bias: Pointer;
  readonly #outputWidth: number;

  /** @param weights as `parameterShapes` lists them, `projection` too where there is one */
  constructor(weights: Weights, outputWidth: number) {
    this.#outputWidth = outputWidth;
    this.#base = this.#pack(weights.get('weight') ?? weights.get('projection'));
    this.#first = this.#pack(weights.get('down') ?? weights.get('hidden.weight'));
    this.#second = this.#pack(weights.get('up') ?? weights.get('output.weight'));
    this.#hiddenBias = this.#copy(weights.get('hidden.bias'));
    this.#bias = this.#copy(weights.get('bias'));
  }

  #pack(matrix: ShapedArray | undefined): PackedMatrix | undefined {
    if (matrix === undefined) return undefined;
    const [inputs = 0, outputs = 0] = matrix.shape;
    const core = kernels();
    const nr = core.NR.value;
    const at = this.#memory.allocate(4 * core.packedLength(outputs, inputs, nr));
    scoped((scope) => {
      const from = scope.f32(inputs * outputs);
      f32().set(matrix.data, from / 4);
      core.packBlocks(at, from, outputs, inputs, 1, outputs, nr, 0, outputs);
    });
    return { at, inputs, outputs };
  }

  #copy(vector: ShapedArray | undefined): Pointer {
    if (vector === undefined) return 0;
    const at = this.#memory.allocate(4 * vector.data.length);
    f32().set(vector.data, at / 4);
    return at;
  }

  /** Floats that `apply` writes for so many rows: whole vectors, so there is room behind them. */
  outputLength(rows: number): number {
    return rows * this.#outputWidth + kernels().NR.value;
  }

  /** y (rows, outputWidth) = the adapted rows of x (rows, inputWidth). */
  apply(scope: Scope, y: Pointer, x: Pointer, rows: number, inputWidth: number): void {
    const adapt = kernels(adaptCode);
    const cols = this.#outputWidth;
    const scratch = rows === 1 ? 0 : scope.bytes(kernels().gemmScratch());
    if (this.#base === undefined) f32().copyWithin(y / 4, x / 4, x / 4 + rows * inputWidth);
    else multiply(y, x, this.#base, rows, false, scratch);
    if (this.#first !== undefined && this.#second !== undefined) {
      const width = this.#first.outputs;
      const inner = scope.f32(rows * width + kernels().NR.value);
      multiply(inner, x, this.#first, rows, false, scratch);
      if (this.#hiddenBias !== 0) {
        adapt.addRows(inner, inner, this.#hiddenBias, rows, width);
        adapt.reluArray(inner, inner, rows * width);
      }
      multiply(y, inner, this.#second, rows, true, scratch);
    }
    if (this.#bias !== 0) adapt.addRows(y, y, this.#bias, rows, cols);
  }

  dispose(): void {
    this.#memory.dispose();
  }
}

/** y (rows, outputs) = or += x (rows, inputs) matrix: the same bits for one row and for many. */
function multiply(
  y: Pointer,
  x: Pointer,
  { at, inputs, outputs }: PackedMatrix,
  rows: number,
  accumulate: boolean,
  scratch: Pointer,
): void {
  if (rows === 1) {
    kernels(adaptCode).multiplyRow(y, x, at, outputs, inputs, accumulate);
    return;
  }
  const core = kernels();
  const layout = [inputs, 1, accumulate, 0, scratch, 0, outputs] as const;
  core.gemmRows(y, x, at, rows, outputs, inputs, ...layout);
}
