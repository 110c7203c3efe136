/** Rows of `nearfar/nn` for the test that goes through all exports. */

import * as nn from 'nearfar/nn';
import type { ExportRow, ExportRows } from './exports.js';

const x = (...shape: number[]): nn.Tensor => nn.ones(shape);

/** Operations of one tensor without options. */
const unary: ExportRow = { args: () => [x(2, 3)] };

/** Operations of two tensors or numbers. */
const binary: ExportRow = {
  args: () => [x(2, 3), x(2, 3)],
  allowed: { 0: ['number'], 1: ['number'] },
};

/** Operations along one axis. */
const alongAxis: ExportRow = { args: () => [x(2, 3)], options: () => ({ axis: -1 }) };

/** Reductions over axes. */
const reduction: ExportRow = {
  args: () => [x(2, 3)],
  options: () => ({ axis: -1, keepDims: true }),
};

const spread: ExportRow = {
  args: () => [x(2, 3)],
  options: () => ({ axis: -1, keepDims: true, correction: 0 }),
};

/** Layers' methods of one tensor. */
const onTensor = (named: string, ...shape: number[]): ExportRow => ({
  args: () => [x(...shape)],
  named,
});

const parameters = (): nn.Tensor[] => [nn.parameter([1, 2, 3])];

const adam: ExportRow = {
  args: () => [parameters()],
  options: () => ({ learningRate: 1e-3, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 }),
  methods: { loadStateDict: { args: () => [new Map([['steps', nn.tensor(1)]])] } },
};

const pool: ExportRow = {
  args: () => [x(1, 2, 4, 4), 2],
  options: () => ({ stride: 2, padding: 1 }),
};

const schedule: ExportRow = {
  options: () => ({ peak: 1, steps: 10, warmup: 2, floor: 0 }),
};

/** Functions of a tensor and no options, which without a row of their own take a tensor. */
const ofOneTensor = Object.entries(nn).filter(
  ([name, { length }]) => length <= 2 && /^[a-z]/.test(name),
);

export const NN: ExportRows = {
  ...Object.fromEntries(ofOneTensor.map(([name]) => [name, unary])),
  Tensor: {
    args: () => [[2, 3]],
    methods: {
      set: { args: () => [[1, 2, 3, 4, 5, 6]] },
      view: { args: () => [[3, 2]] },
    },
  },
  tensor: {
    args: () => [
      [1, 2, 3, 4],
      [2, 2],
    ],
    allowed: { 0: ['number'] },
  },
  parameter: {
    args: () => [
      [1, 2, 3, 4],
      [2, 2],
    ],
    allowed: { 0: ['number'] },
  },
  zeros: { args: () => [[2, 3]] },
  ones: { args: () => [[2, 3]] },
  arange: { args: () => [3] },
  debug: { args: () => [false] },
  bytesInUse: {},
  memoryBytes: {},
  noGrad: { args: () => [() => 1] },
  tidy: { args: () => [() => 1] },
  customOp: { args: () => [{ forward: (a: nn.Tensor) => a, backward: () => [] }] },
  globalAveragePool: onTensor('globalAveragePool', 1, 2, 3, 3),
  gelu: { args: () => [x(2, 3)], options: () => ({ approximate: true }) },
  clamp: { args: () => [x(2, 3)], options: () => ({ min: 0, max: 1 }) },
  pow: { args: () => [x(2, 3), 2] },
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  maximum: binary,
  where: {
    args: () => [x(2, 3), x(2, 3), x(2, 3)],
    allowed: { 1: ['number'], 2: ['number'] },
  },
  mse: { args: () => [x(2, 3), x(2, 3)], options: () => ({ reduction: 'mean' }) },
  matmul: {
    args: () => [x(2, 2), x(2, 2)],
    options: () => ({ transposeA: true, transposeB: false }),
  },
  linear: { args: () => [x(4, 3), x(2, 3), x(2)] },
  sum: reduction,
  mean: reduction,
  min: reduction,
  max: reduction,
  variance: spread,
  std: spread,
  argmax: alongAxis,
  softmax: alongAxis,
  logSoftmax: alongAxis,
  logSumExp: alongAxis,
  normalize: alongAxis,
  layerNorm: { args: () => [x(2, 3), x(3), x(3)], options: () => ({ eps: 1e-5 }) },
  batchNorm: {
    args: () => [x(2, 3), x(3), x(3)],
    options: () => ({
      eps: 1e-5,
      statistics: { mean: x(3), variance: x(3) },
      onStatistics: () => undefined,
    }),
  },
  groupNorm: { args: () => [x(2, 4), 2, x(4), x(4)], options: () => ({ eps: 1e-5 }) },
  dropout: { args: () => [x(2, 3), 0.5] },
  reshape: { args: () => [x(2, 3), [3, 2]] },
  squeeze: { args: () => [x(2, 1), 1] },
  unsqueeze: { args: () => [x(2, 3), 0] },
  transpose: { args: () => [x(2, 3), [1, 0]] },
  slice: { args: () => [x(2, 3), 0, 0, 1] },
  concat: { args: () => [[x(2, 3)], 0] },
  stack: { args: () => [[x(2, 3)]], options: () => ({ axis: 0 }) },
  gather: { args: () => [x(2, 3), [0, 1, 1, 0], [2, 2]] },
  embeddingBag: {
    args: () => [x(2, 3), [0, 1], [0, 1]],
    options: () => ({ mode: 'sum', weights: x(2) }),
  },
  attention: {
    args: () => [x(2, 3, 6)],
    options: () => ({
      heads: 2,
      causal: true,
      lengths: [3, 1],
      mask: [[true, true, true]],
      dropout: 0.5,
    }),
    allowed: { mask: ['boolean'] },
  },
  cachedAttention: { args: () => [x(1, 4), x(3, 4), x(3, 4), 2, 2] },
  conv2d: {
    args: () => [x(1, 2, 4, 4), x(3, 2, 2, 2), x(3)],
    options: () => ({ stride: 1, padding: 1 }),
  },
  maxPool2d: pool,
  avgPool2d: pool,
  patchify: { args: () => [x(1, 3, 4, 4), 2] },
  unpatchify: { args: () => [x(1, 4, 12), [2, 2], 2] },
  gatherTokens: { args: () => [x(1, 4, 2), [0, 1]] },
  sinCosPositions: { args: () => [8, [2, 2]], options: () => ({ classToken: true }) },
  manualSeed: { args: () => [1] },
  randomState: {},
  setRandomState: { args: () => [nn.randomState()] },
  randomNormal: { args: () => [[2, 3]], options: () => ({ mean: 0, std: 1 }) },
  randomUniform: { args: () => [[2, 3]], options: () => ({ low: 0, high: 1 }) },
  Module: {
    methods: {
      loadStateDict: { args: () => [new Map()], options: () => ({ strict: true }) },
      train: { args: () => [true] },
    },
  },
  LayerNorm: {
    args: () => [3],
    options: () => ({ eps: 1e-5, bias: true }),
    methods: { forward: onTensor('layerNorm', 2, 3) },
  },
  BatchNorm: {
    args: () => [3],
    options: () => ({ eps: 1e-5, momentum: 0.1, affine: true }),
    methods: { forward: onTensor('batchNorm', 2, 3) },
  },
  GroupNorm: {
    args: () => [2, 4],
    options: () => ({ eps: 1e-5, affine: true }),
    methods: { forward: onTensor('groupNorm', 2, 4) },
  },
  Embedding: {
    args: () => [5, 2],
    options: () => ({}),
    methods: { forward: { args: () => [[0, 4]], named: 'gather' } },
  },
  Dropout: { args: () => [0.5], methods: { forward: onTensor('dropout', 2, 3) } },
  MultiHeadAttention: {
    args: () => [4, 2],
    options: () => ({ causal: true, bias: false, dropout: 0.5 }),
    methods: { forward: onTensor('linear', 1, 3, 4) },
  },
  Mlp: {
    args: () => [3, 4],
    options: () => ({ outputs: 2, activation: 'relu', bias: false }),
    methods: { forward: onTensor('linear', 2, 3) },
  },
  TransformerBlock: {
    args: () => [4, 2],
    options: () => ({
      causal: true,
      bias: false,
      hidden: 8,
      dropout: 0.5,
      attentionDropout: 0.5,
      activation: 'gelu_new',
      eps: 1e-5,
      norm: 'pre',
    }),
    methods: { forward: onTensor('layerNorm', 1, 3, 4) },
  },
  Sequential: {
    args: () => [new nn.Linear(3, 2), nn.relu],
    allowed: { 0: ['function'], 1: ['object'] },
    methods: { forward: onTensor('linear', 2, 3) },
  },
  Conv2d: {
    args: () => [1, 2, 3],
    options: () => ({ stride: 1, padding: 1, bias: false }),
    methods: { forward: onTensor('conv2d', 1, 1, 4, 4) },
  },
  ResidualBlock: {
    args: () => [1, 2, 2, 'group'],
    methods: { forward: onTensor('conv2d', 1, 1, 4, 4) },
  },
  ResNet: {
    options: () => ({ channels: 1, widths: [2, 4], blocks: 1, stemStride: 1, norm: 'group' }),
    methods: { forward: onTensor('conv2d', 1, 1, 8, 8) },
  },
  ConvNet: {
    options: () => ({ height: 8, width: 8, channels: 1, widths: [2], features: 4 }),
    methods: { forward: onTensor('conv2d', 1, 1, 8, 8), stages: onTensor('conv2d', 1, 1, 8, 8) },
  },
  VisionTransformer: {
    options: () => ({
      imageSize: 8,
      channels: 1,
      patch: 4,
      width: 4,
      layers: 1,
      heads: 1,
      hidden: 4,
      eps: 1e-6,
    }),
    methods: {
      forward: onTensor('patchify', 1, 1, 8, 8),
      embed: onTensor('patchify', 1, 1, 8, 8),
    },
  },
  Adam: adam,
  AdamW: adam,
  Sgd: {
    args: () => [parameters()],
    options: () => ({ learningRate: 0.1, momentum: 0.9, weightDecay: 0, nesterov: true }),
  },
  decayGroups: { args: () => [new Map([['w', x(2, 3)]]), 0.1, () => false] },
  clipGradNorm: { args: () => [parameters(), 1] },
  emaUpdate: { args: () => [new nn.Linear(2, 2), new nn.Linear(2, 2), 0.9] },
  cosineSchedule: schedule,
  linearSchedule: schedule,
  saveSafetensors: { args: () => [new Map([['x', x(2)]]), { note: 'ours' }] },
  loadSafetensors: { args: () => [nn.saveSafetensors(new Map([['x', x(2)]]))] },
  readMetadata: { args: () => [nn.saveSafetensors(new Map([['x', x(2)]]))] },
  ntXent: { args: () => [x(4, 3)], options: () => ({ temperature: 0.5 }) },
  decoupledNtXent: { args: () => [x(4, 3)], options: () => ({ temperature: 0.5 }) },
  infoNce: {
    args: () => [x(4, 3), x(4, 3)],
    options: () => ({ temperature: 0.1, negatives: x(2, 3), ids: [1, 2, 3, 4], symmetric: true }),
  },
  clipLoss: {
    args: () => [x(4, 3), x(4, 3)],
    options: () => ({ logitScale: 10, ids: [1, 2, 3, 4] }),
  },
  sigLipLoss: {
    args: () => [x(4, 3), x(4, 3)],
    options: () => ({ logitScale: 10, logitBias: -10, ids: [1, 2, 3, 4] }),
  },
  coSentLoss: {
    args: () => [x(4, 3), x(4, 3), [3, 0.5, 1, 0.5]],
    options: () => ({ scale: 20 }),
  },
  angleLoss: {
    args: () => [x(4, 4), x(4, 4), [3, 0.5, 1, 0.5]],
    options: () => ({ scale: 20 }),
  },
  contrastiveLoss: {
    args: () => [x(4, 3), x(4, 3), [0, 1, 1, 0]],
    options: () => ({ margin: 0.5 }),
  },
  supCon: { args: () => [x(4, 3), [0, 0, 1, 1]], options: () => ({ temperature: 0.5 }) },
  tripletLoss: {
    args: () => [x(4, 3), x(4, 3), x(4, 3)],
    options: () => ({ margin: 0.5, distance: 'cosine' }),
  },
  crossEntropy: {
    args: () => [x(4, 3), [0, 1, 2, 0]],
    options: () => ({ ignoreIndex: -100, labelSmoothing: 0.1 }),
  },
  klDivergence: { args: () => [nn.softmax(x(4, 3)), nn.softmax(x(4, 3))], options: () => ({}) },
  Linear: {
    args: () => [3, 2],
    options: () => ({ bias: true }),
    methods: { forward: onTensor('linear', 4, 3) },
  },
};
