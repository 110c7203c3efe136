/**
 * Every kernel of what looks at embeddings once they are there, PCA, classifiers and metrics, in
 * reading order: a module of its own over the memory of the first (index.ts), by the same rules, so
 * that who only wants a loss does not carry it.
 */

export { heapBase } from './core/heap-base';
export {
  gramStride,
  gramScratch,
  demote,
  trace,
  columnMeans,
  centredGram,
  principalComponents,
  projectRows,
} from './analysis/pca';
export { dotRow } from './core/rows';
export { symmetricEigen } from './analysis/eigen';
export {
  relevantRanks,
  hitsWithin,
  precisionSum,
  rankGain,
  idealGain,
  voteRows,
} from './analysis/ranking';
export { alignmentRows, uniformityOfSums, rankOfEigenvalues } from './analysis/embedding-space';
export {
  designRows,
  curvatureBound,
  logisticRows,
  logisticCurvature,
  centreColumns,
  divideByRow,
  addTimes,
  fillRows,
  argmaxRows,
} from './analysis/logistic';
