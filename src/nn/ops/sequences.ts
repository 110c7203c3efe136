/**
 * Operations of sequences of different lengths, one behind the other without padding: rows
 * offsets[s] to offsets[s + 1] of a tensor (T, C) are sequence s. `sequenceAttention` is in
 * attention.ts.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, scoped } from '../../core/memory.js';
import { type DropoutKeys, nextDropout } from '../random.js';
import { record } from '../record.js';
import { empty, filled, type Tensor } from '../tensor.js';

/** Writes the dropout of all sequences: their numbers, or the gradients of these. */
function dropSequences(
  y: Pointer,
  x: Pointer,
  cols: number,
  rate: number,
  offsets: Int32Array,
  { seed, step, rows }: DropoutKeys,
): void {
  scoped((scope) => {
    const [begins, keys] = [scope.i32From(offsets), scope.i32From(rows)];
    const count = offsets.length - 1;
    kernels(nnCode).dropoutSequences(y, x, begins, count, cols, rate, ...seed, step, keys);
  });
}

/**
 * Sets a fraction of the numbers of each sequence to 0 and scales the others up. In a training step
 * the sequences are the samples, once or in several views one after the other, and a sample's mask
 * depends on nothing else.
 *
 * @param x (T, C)
 * @param offsets rows where sequences begin, and T
 * @param rate from 0 to below 1
 */
export function sequenceDropout(x: Tensor, offsets: Int32Array, rate: number): Tensor {
  if (rate === 0) return x;
  const keys = nextDropout(offsets.length - 1);
  const cols = x.shape[1] as number;
  return record(
    'sequenceDropout',
    [x],
    x.shape,
    (y) => dropSequences(y, x.at, cols, rate, offsets, keys),
    (dy) => {
      const dx = empty(x.shape);
      dropSequences(dx.at, dy.at, cols, rate, offsets, keys);
      return [dx];
    },
    { saved: [] },
  );
}

/**
 * Computes layerNorm(x + dropout(branch)), the end of each half of a transformer block that
 * normalizes after it.
 *
 * @param x (T, C)
 * @param branch (T, C), what attention or the MLP made of x
 * @param weight C numbers
 * @param bias C numbers
 * @param offsets rows where sequences begin, and T
 * @param options eps: added to the variance; rate: of the dropout
 */
export function residualNorm(
  x: Tensor,
  branch: Tensor,
  weight: Tensor,
  bias: Tensor,
  offsets: Int32Array,
  { eps, rate }: { eps: number; rate: number },
): Tensor {
  const [rows, cols] = x.shape as [number, number];
  const core = kernels(nnCode);
  const keys = rate > 0 ? nextDropout(offsets.length - 1) : undefined;
  const sum = empty(x.shape);
  const [means, scales] = [empty([rows]), empty([rows])];
  return record(
    'residualNorm',
    [x, branch, weight, bias],
    x.shape,
    (y) => {
      if (keys) dropSequences(sum.at, branch.at, cols, rate, offsets, keys);
      core.addArray(sum.at, keys ? sum.at : branch.at, x.at, x.size);
      core.layerNormRows(...[y, means.at, scales.at, sum.at, weight.at, bias.at, rows, cols, eps]);
    },
    (dy) => {
      const dx = empty(x.shape);
      const from = [dy.at, sum.at, means.at, scales.at] as const;
      core.layerNormRowsBackward(dx.at, ...from, weight.at, rows, cols);
      const dBranch = branch.requiresGrad ? empty(x.shape) : undefined;
      if (dBranch) {
        if (keys) dropSequences(dBranch.at, dx.at, cols, rate, offsets, keys);
        else core.scaleTo(dBranch.at, dx.at, dx.size, 1);
      }
      if (!weight.requiresGrad) return [dx, dBranch];
      const [dWeight, dBias] = [filled(weight.shape, 0), filled(bias.shape, 0)];
      core.layerNormColumnsBackward(dWeight.at, dBias.at, ...from, rows, cols, cols);
      return [dx, dBranch, dWeight, dBias];
    },
    { saved: [weight], owned: [sum, means, scales] },
  );
}
