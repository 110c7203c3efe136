/**
 * Every kernel that only `nearfar/nn` needs, in reading order: a second module over the memory of
 * the first (index.ts), by the same rules.
 */

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
} from './elementwise';
export { gatherStrided, scatterStrided, scatterAddStrided } from './strided';
export { sumArray, sumOfSquares, meanSquaredError, sumAxis, columnSums } from './reduce';
export { layerNormRows, layerNormRowsBackward, layerNormColumnsBackward } from './layernorm';
export { geluArray, geluArrayBackward } from './gelu';
export { gatherRows, scatterAddRows } from './embedding';
export { adamWStep, sgdStep } from './optim';
export { fillUniform, fillUniformRows, fillNormal, dropoutArray } from './random';
export { attentionScratch, attention, attentionBackward } from './attention';
export { planViews } from './views';
export { resizePicture } from './resize';
export { pixelPlanes, renderViews } from './augment';
export {
  convolutionScratch,
  convolution,
  convolutionInputBackward,
  convolutionWeightBackward,
} from './conv';
export { maxPool, maxPoolBackward, averagePool, averagePoolBackward } from './pool';
export {
  channelSums,
  affineChannels,
  channelProducts,
  standardizeChannels,
  standardizeChannelsBackward,
} from './channels';
export { heapBase } from './memory';
