/** The kernels of tensors and images, which only `nearfar/nn` needs. */

export { heapBase } from './core/heap-base';
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
  whereArrayBackward,
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
export * from './nn/activations';
export { gatherStrided, scatterStrided, scatterAddStrided } from './nn/strided';
export { sumArray, sumOfSquares, meanSquaredError, sumAxis, columnSums } from './core/reduce';
export { layerNormRows, layerNormRowsBackward, layerNormColumnsBackward } from './nn/layernorm';
export { geluArray, geluArrayWithGrad } from './nn/gelu';
export { gatherRows, scatterAddRows } from './nn/embedding';
export { adamWStep, adamWRows, sgdStep } from './nn/optim';
export { fillUniform, fillUniformRows, fillNormal, dropoutRows, dropoutSequences } from './nn/random';
export { logSoftmaxRows } from './losses/softmax';
export { attentionScratch, attention, attentionBackward } from './nn/attention';
export { sampleViews } from './images/views';
export { resizeImage } from './images/resize';
export { imagesToPlanes, renderViews } from './images/augment';
export {
  conv2dScratch,
  conv2d,
  conv2dInputBackward,
  conv2dWeightBackward,
} from './images/conv';
export { maxPool2d, maxPool2dBackward, avgPool2d, avgPool2dBackward } from './images/pool';
export {
  channelSums,
  affineChannels,
  channelProducts,
  standardizeChannels,
  standardizeChannelsBackward,
} from './images/channels';
