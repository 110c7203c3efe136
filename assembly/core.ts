/**
 * Every kernel of products, search and losses, in reading order; analysis.ts and nn.ts have what
 * only some need. A kernel borrows pointers for one call: it owns nothing, keeps nothing, and
 * checks nothing.
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
export { klDivergenceRows, firstImproper, firstUncovered } from './losses/divergence';
export { TILE, contrastiveScratch, contrastiveStart, contrastiveSums } from './losses/contrastive';
export { contrastiveGradients } from './losses/contrastive-gradients';
export { contrastRows, sumByLabel, supConRows } from './losses/contrastive-epilogues';
export { sigLipRows } from './losses/siglip';
export { tripletRows, tripletUpdateRows } from './losses/triplet';
