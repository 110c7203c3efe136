/**
 * The kernels of products and losses; search.ts, analysis.ts and nn.ts list what only some imports
 * need. A kernel borrows pointers for one call: it owns no memory, keeps no state and checks
 * nothing.
 */

export { heapBase } from './core/heap-base';
export {
  firstNonFinite,
  normalizeRows,
  normalizeRowsBackward,
  rowDots,
  addScaledRows,
  sumDoubles,
} from './core/rows';
export { KC, packedLength, pack, packBlocks } from './core/pack';
export { MR, NR, gemmScratch, gemmRows } from './core/gemm';
export {
  logSumExpRows,
  logSumExpRowsBackward,
  softmaxRows,
  softmaxRowsBackward,
  crossEntropyRows,
} from './losses/softmax';
export { klDivergenceRows, firstInvalidDistribution, firstInfiniteDivergence } from './losses/divergence';
export { TILE } from './losses/tiles';
export {
  contrastiveScratch,
  contrastiveInit,
  contrastiveSums,
  contrastiveGradients,
  contrastiveRows,
} from './losses/contrastive';
export { sumByLabel, countAnchors, supConRows } from './losses/sup-con';
export { sigLipRows } from './losses/siglip';
export { tripletRows, tripletUpdateRows } from './losses/triplet';
