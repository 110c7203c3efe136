/** The kernels of similarity and search: scores of rows against rows, the k best of each row. */

export { heapBase } from './core/heap-base';
export { cosine, hashRows, maxAbs, scaleArray } from './core/rows';
export { scoreRows } from './search/similarity';
export { topKScratch, topKStart, topKUpdate, topKFinish } from './search/top-k';
export { bm25Weights } from './search/bm25';
