/** Matrices that never leave WASM memory: how `nearfar/nn` hands its tensors to the losses. */

import { f32, type Pointer } from './memory.js';

/** A matrix that is in WASM memory already: it is read where it lies, and so is its gradient written. */
export class WasmMatrix {
  readonly at: Pointer;
  readonly rows: number;
  readonly cols: number;
  /** Where its gradient goes. */
  readonly grad: Pointer;

  constructor(at: Pointer, rows: number, cols: number, grad: Pointer) {
    this.at = at;
    this.rows = rows;
    this.cols = cols;
    this.grad = grad;
  }

  /** A view, valid until the next call. */
  get data(): Float32Array {
    const start = this.at / 4;
    return f32().subarray(start, start + this.rows * this.cols);
  }
}
