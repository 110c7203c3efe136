/** The kernels of losses of pairs that have a similarity each. */

export { heapBase } from './core/heap-base';
export {
  pairSimilarities,
  pairSimilaritiesBackward,
  coSentPairs,
  contrastivePairs,
} from './losses/pairs';
