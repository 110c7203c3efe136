/**
 * Every kernel that only `nearfar/nn` needs, in reading order: a second module over the memory of
 * the first (index.ts), by the same rules.
 */

export { expArray, logArray, tanhArray } from './core/math';
export {
  addArray,
  subArray,
  mulArray,
  divArray,
  divArrayBackward,
  maximumArray,
  maximumArrayBackward,
  whereArray,
  selectArray,
  accumulate,
  scaleTo,
  addScaled,
  fillArray,
  addRows,
  expArrayBackward,
  logArrayBackward,
  sqrtArray,
  sqrtArrayBackward,
  tanhArrayBackward,
  reluArray,
  reluArrayBackward,
} from './nn/elementwise';
export { gatherStrided, scatterStrided, scatterAddStrided } from './nn/strided';
export { sumArray, sumOfSquares, meanSquaredError, sumAxis, columnSums } from './core/reduce';
export { layerNormRows, layerNormRowsBackward, layerNormColumnsBackward } from './nn/layernorm';
export { geluArray, geluArrayBackward } from './nn/gelu';
export { gatherRows, scatterAddRows } from './nn/embedding';
export { adamWStep, sgdStep } from './nn/optim';
export { fillUniform, fillUniformRows, fillNormal, dropoutArray } from './nn/random';
export { attentionScratch, attention, attentionBackward } from './nn/attention';
export { planViews } from './images/views';
export { resizePicture } from './images/resize';
export { pixelPlanes, renderViews } from './images/augment';
export {
  convolutionScratch,
  convolution,
  convolutionInputBackward,
  convolutionWeightBackward,
} from './images/conv';
export { maxPool, maxPoolBackward, averagePool, averagePoolBackward } from './images/pool';
export {
  channelSums,
  affineChannels,
  channelProducts,
  standardizeChannels,
  standardizeChannelsBackward,
} from './images/channels';
export { heapBase } from './core/heap-base';
