/** The kernels of PCA, classifiers and metrics of embeddings. */

export { heapBase } from './core/heap-base';
export {
  gramStride,
  gramScratch,
  demote,
  trace,
  columnMeans,
  centeredGram,
  principalComponents,
  projectRows,
} from './analysis/pca';
export { dotRow } from './core/rows';
export { symmetricEigen } from './analysis/eigen';
export {
  relevantRanks,
  hitsWithin,
  precisionSum,
  dcg,
  knnVoteRows,
} from './analysis/ranking';
export { bootstrapMeans } from './analysis/bootstrap';
export { alignmentRows, uniformityFromSums, effectiveRank } from './analysis/embedding-space';
export {
  designRows,
  hessianDiagonalBound,
  logisticRows,
  logisticHessianProduct,
  centerColumns,
  divideByRow,
  axpy,
  fillRows,
  argmaxRows,
} from './analysis/logistic';
