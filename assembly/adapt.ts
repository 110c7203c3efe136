/** The kernels of adapters of embeddings: applying one, and the steps that train it. */

export { heapBase } from './core/heap-base';
export { multiplyRow } from './core/row-product';
export { addPrefix, copyPrefix } from './core/rows';
export { columnSums } from './core/reduce';
export { adamWStep } from './nn/optim';
export { accumulate, addRows, reluArray, reluArrayBackward } from './nn/elementwise';
