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

export const NN: ExportRows = {
  relu: unary,
  exp: unary,
  add: binary,
  softmax: { args: () => [x(2, 3)], options: () => ({ axis: -1 }) },
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
    methods: { forward: { args: () => [x(4, 3)], named: 'linear' } },
  },
};
