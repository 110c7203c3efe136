/** Pooling and the modules behind it, with gradients. */

import opsCode from '#wasm/ops';
import sentenceCode from '#wasm/sentence';
import { kernels } from '../../../core/kernels.js';
import { scoped } from '../../../core/memory.js';
import {
  add,
  concat,
  layerNorm,
  linear,
  Module,
  normalize,
  relu,
  type Tensor,
  tanh,
} from '../../../nn/index.js';
import { applyGelu } from '../../../nn/ops/gelu.js';
import { unary } from '../../../nn/ops/op.js';
import { record } from '../../../nn/record.js';
import { filled } from '../../../nn/tensor.js';
import { ACTIVATIONS, type Activation } from '../activations.js';
import {
  NORM_EPS,
  POOLING_MODES,
  type Pooling,
  type PoolingMode,
  type RowModule,
} from '../modules.js';
import type { Affine, WeightLinks } from './weights.js';

/** Applies an activation function by its name to a result that nothing else reads. */
export function activate(x: Tensor, activation: Activation): Tensor {
  switch (activation) {
    case 'Identity':
      return x;
    case 'GELU':
      return applyGelu(x, false, true);
    case 'GELUTanh':
      return applyGelu(x, true, true);
    case 'ReLU':
      return relu(x);
    case 'Tanh':
      return tanh(x);
    default: {
      const kind = ACTIVATIONS.indexOf(activation);
      return unary(activation, x, {
        forward: (y, at, n) => kernels(sentenceCode).activationArray(y, at, n, kind),
        backward: (dx, dy, at, n) => kernels(opsCode).activationArrayBackward(dx, dy, at, n, kind),
        saves: 'input',
      });
    }
  }
}

/** One row (C) per sequence of rows (T, C), by one mode of pooling. */
function poolBy(x: Tensor, offsets: Int32Array, mode: PoolingMode, skipped: number): Tensor {
  const cols = x.shape[1] as number;
  const texts = offsets.length - 1;
  const number = POOLING_MODES.indexOf(mode);
  return record(
    'poolSequences',
    [x],
    [texts, cols],
    (y) =>
      scoped((scope) => {
        const begins = scope.i32From(offsets);
        kernels(sentenceCode).poolSequences(
          ...[y, cols, x.at, begins, texts, cols, number, skipped],
        );
      }),
    (dy) => {
      const dx = filled(x.shape, 0);
      scoped((scope) => {
        const begins = scope.i32From(offsets);
        kernels(opsCode).poolSequencesBackward(
          ...[dx.at, dy.at, cols, x.at, begins, texts, cols, number, skipped],
        );
      });
      return [dx];
    },
    { saved: mode === 'max' ? [x] : [] },
  );
}

/**
 * Pools hidden states.
 *
 * @param x (T, C)
 * @param offsets rows where texts begin, and T
 * @param skipped tokens at the beginning of each text that don't count
 * @returns (texts, modes × C)
 */
export function pool({ modes }: Pooling, x: Tensor, offsets: Int32Array, skipped: number): Tensor {
  const [first, ...others] = modes.map((mode) => poolBy(x, offsets, mode, skipped));
  return others.length === 0 ? (first as Tensor) : concat([first as Tensor, ...others], 1);
}

/** A module behind the pooling, trained with the network. */
export class TrainedModule extends Module {
  readonly linear: Affine | undefined;
  readonly residual: Affine | undefined;
  readonly norm: Affine | undefined;
  readonly #module: RowModule;

  constructor(module: RowModule, links: WeightLinks) {
    super();
    this.#module = module;
    if (module.type === 'LayerNorm') this.norm = links.norm(module.norm);
    if (module.type !== 'Dense') return;
    this.linear = links.dense(module.dense);
    const { residual } = module;
    if (residual !== undefined && residual !== 'identity') this.residual = links.dense(residual);
  }

  /** (texts, in) to (texts, out) */
  forward(x: Tensor): Tensor {
    const module = this.#module;
    const { linear: dense, residual, norm } = this;
    if (module.type === 'Normalize') return normalize(x);
    if (module.type === 'LayerNorm') {
      return layerNorm(x, norm?.weight, norm?.bias, { eps: NORM_EPS });
    }
    const { weight, bias } = dense as Affine;
    const y = activate(linear(x, weight, bias), module.activation);
    if (module.residual === undefined) return y;
    return add(y, residual === undefined ? x : linear(x, residual.weight));
  }
}
