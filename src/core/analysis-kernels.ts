/** The kernels that only PCA, classifiers and metrics need: an instance over the memory of the first. */

import code from '#wasm-analysis';
import type { instantiate } from './analysis-kernel-exports.js';
import { compile } from './kernels.js';

/** Types of all exports, generated from the AssemblyScript sources. */
export type AnalysisKernels = Awaited<ReturnType<typeof instantiate>>;

let instance: AnalysisKernels | undefined;

/** The exports, compiled at first use. */
export function analysisKernels(): AnalysisKernels {
  instance ??= compile<AnalysisKernels>(code());
  return instance;
}
