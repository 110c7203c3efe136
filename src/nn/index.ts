/**
 * nearfar/nn: tensors in WASM memory with reverse-mode gradients, operations, layers, optimizers,
 * schedules and checkpoints, over the kernels of `nearfar`.
 *
 * @module
 */

export { bytesInUse, memoryBytes } from '../core/memory.js';
export { debug } from './debug.js';
export { emaUpdate } from './ema.js';
export { noGrad } from './grad-mode.js';
export { MultiHeadAttention, type MultiHeadAttentionOptions } from './layers/attention.js';
export { Conv2d, type Conv2dLayerOptions } from './layers/conv.js';
export { ConvNet, type ConvNetOptions } from './layers/conv-net.js';
export { Dropout } from './layers/dropout.js';
export { Embedding } from './layers/embedding.js';
export { Linear, type LinearOptions } from './layers/linear.js';
export { type Activation, Mlp, type MlpOptions } from './layers/mlp.js';
export {
  BatchNorm,
  type BatchNormLayerOptions,
  type ChannelNorm,
  GroupNorm,
  type GroupNormLayerOptions,
  LayerNorm,
  type LayerNormLayerOptions,
} from './layers/norm.js';
export { ResidualBlock, ResNet, type ResNetOptions } from './layers/resnet.js';
export { Sequential, type SequentialLayer } from './layers/sequential.js';
export { TransformerBlock, type TransformerBlockOptions } from './layers/transformer-block.js';
export {
  type PositionOptions,
  sinCosPositions,
  VisionTransformer,
  type VisionTransformerOptions,
} from './layers/vision-transformer.js';
export { asParameter, parameter, tensor } from './leaf.js';
export * from './losses.js';
export { type LoadStateDictOptions, Module } from './module.js';
export * from './ops/activations.js';
export {
  type AttentionMask,
  type AttentionOptions,
  attention,
  cachedAttention,
} from './ops/attention.js';
export { type Conv2dOptions, conv2d } from './ops/conv.js';
export * from './ops/create.js';
export * from './ops/custom.js';
export * from './ops/elementwise.js';
export * from './ops/embedding.js';
export * from './ops/matmul.js';
export * from './ops/norm.js';
export type { Operand } from './ops/op.js';
export { type Grid, gatherTokens, patchify, unpatchify } from './ops/patches.js';
export * from './ops/pool.js';
export * from './ops/reduce.js';
export * from './ops/shape.js';
export * from './ops/softmax.js';
export {
  Adam,
  type AdamOptions,
  AdamW,
  type AdamWOptions,
  decayGroups,
  type Optimizer,
  type ParameterGroup,
  Sgd,
  type SgdOptions,
} from './optim.js';
export { clipGradNorm, type Parameters } from './parameters.js';
export {
  dropout,
  manualSeed,
  type NormalOptions,
  type RandomState,
  randomNormal,
  randomState,
  randomUniform,
  setRandomState,
  type UniformOptions,
} from './random.js';
export { loadSafetensors, readMetadata, saveSafetensors } from './safetensors.js';
export { cosineSchedule, linearSchedule, type ScheduleOptions } from './schedules.js';
export { Tensor } from './tensor.js';
export type { Shape, ShapedData, TensorData } from './tensor-data.js';
export { tidy } from './tidy.js';
