/**
 * nearfar/nn: tensors in WASM memory with reverse-mode gradients, the layers of transformers,
 * optimisers, schedules and checkpoints, over the kernels of `nearfar`.
 */

export { bytesInUse, memoryBytes } from '../core/memory.js';
export { noGrad } from './grad-mode.js';
export {
  BatchNorm,
  type BatchNormLayerOptions,
  type ChannelNorm,
  Conv2d,
  type Conv2dLayerOptions,
  ConvNet,
  type ConvNetOptions,
  GroupNorm,
  ResidualBlock,
  ResNet,
  type ResNetOptions,
} from './layers/resnet.js';
export {
  type Activation,
  asParameter,
  Dropout,
  Embedding,
  LayerNorm,
  Linear,
  Mlp,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
  TransformerBlock,
  type TransformerBlockOptions,
} from './layers/transformer-block.js';
export {
  type Grid,
  gatherTokens,
  patchify,
  sinCosPositions,
  unpatchify,
  VisionTransformer,
  type VisionTransformerOptions,
} from './layers/vision-transformer.js';
export {
  type ClipLossOptions,
  clipLoss,
  crossEntropy,
  type InfoNceOptions,
  infoNce,
  klDivergence,
  ntXent,
  type SigLipLossOptions,
  sigLipLoss,
  supCon,
  tripletLoss,
} from './losses.js';
export { Module } from './module.js';
export { type AttentionOptions, attention, cachedAttention } from './ops/attention.js';
export { type Conv2dOptions, conv2d } from './ops/conv.js';
export {
  add,
  type CustomOp,
  customOp,
  div,
  exp,
  gelu,
  log,
  maximum,
  mul,
  type Operand,
  relu,
  sqrt,
  sub,
  tanh,
  where,
} from './ops/elementwise.js';
export { gather } from './ops/embedding.js';
export { linear, type MatmulOptions, matmul } from './ops/matmul.js';
export {
  type BatchNormOptions,
  batchNorm,
  type ChannelStatistics,
  type GroupNormOptions,
  groupNorm,
} from './ops/norm.js';
export { avgPool2d, globalAveragePool, maxPool2d, type PoolOptions } from './ops/pool.js';
export { mean, mse, type ReduceOptions, sum } from './ops/reduce.js';
export { concat, reshape, slice, transpose } from './ops/shape.js';
export {
  type LayerNormOptions,
  layerNorm,
  logSoftmax,
  logSumExp,
  normalize,
  softmax,
} from './ops/softmax.js';
export {
  AdamW,
  type AdamWOptions,
  clipGradNorm,
  decayGroups,
  emaUpdate,
  type ParameterGroup,
  type Parameters,
  Sgd,
  type SgdOptions,
} from './optim.js';
export {
  dropout,
  manualSeed,
  type RandomState,
  randomNormal,
  randomState,
  randomUniform,
  setRandomState,
} from './random.js';
export { loadSafetensors, readMetadata, saveSafetensors } from './safetensors.js';
export { cosineSchedule, linearSchedule, type ScheduleOptions } from './schedules.js';
export { debug, parameter, Tensor, tensor } from './tensor.js';
export type { Shape, TensorData } from './tensor-data.js';
export { tidy } from './tidy.js';
