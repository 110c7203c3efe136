/** The kernels that only nearfar/nn needs: a second instance over the memory of the first. */

import code from '#wasm-nn';
import { compile } from '../core/kernels.js';
import type { instantiate } from './kernel-exports.js';

/** Types of all exports, generated from the AssemblyScript sources. */
export type NnKernels = Awaited<ReturnType<typeof instantiate>>;

let instance: NnKernels | undefined;

/** The exports, compiled at first use. */
export function nnKernels(): NnKernels {
  instance ??= compile<NnKernels>(code());
  return instance;
}
