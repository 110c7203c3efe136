/**
 * Every kernel of products, search and losses, in reading order; analysis.ts and nn.ts have what
 * only some need. A kernel borrows pointers for one call: it owns nothing, keeps nothing, and
 * checks nothing.
 */

export { heapBase } from './memory';
export { expArray, logArray, tanhArray } from './math';
export {
  firstNonFinite,
  largestMagnitude,
  scaleArray,
  normalizeRows,
  normalizeRowsBackward,
  dotRow,
  rowDots,
  addScaledRows,
  cosine,
  sumDoubles,
} from './rows';
export { KC, packedLength, pack, packBlocks } from './pack';
export { MR, NR, gemmScratch, gemmRows } from './gemm';
export { scoreRows } from './similarity';
export { topKScratch, topKStart, topKUpdate, topKFinish } from './topk';
export {
  logSumExpRows,
  logSumExpRowsBackward,
  softmaxRows,
  softmaxRowsBackward,
  crossEntropyRows,
} from './softmax';
export { klDivergenceRows, firstImproper, firstUncovered } from './divergence';
export { TILE, contrastiveScratch, contrastiveStart, contrastiveSums } from './contrastive';
export { contrastiveGradients } from './contrastive-gradients';
export { contrastRows, sumByLabel, supConRows } from './loss-ends';
export { sigLipRows } from './siglip';
export { tripletRows, tripletUpdateRows } from './triplet';
