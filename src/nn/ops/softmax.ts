/** Operations on rows, the last axis: softmax, its logarithm, unit length, layer normalisation. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { scoped } from '../../core/memory.js';
import { checkOptions, checkPositive, rangeError } from '../../core/validation.js';
import { empty, filled, record, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { sub } from './elementwise.js';
import { checkTensor } from './shape.js';

/** Rows and their width, of a tensor of at least one axis. */
function rowsOf(name: string, x: Tensor): { rows: number; cols: number } {
  checkTensor(name, 'x', x);
  const cols = x.shape.at(-1);
  if (cols === undefined) rangeError(name, 'x', 'of at least one axis', showShape(x.shape));
  return { rows: x.size / cols, cols };
}

/** exp(x) over the sum of its row. */
export function softmax(x: Tensor): Tensor {
  const { rows, cols } = rowsOf('softmax', x);
  const core = kernels();
  const y: Tensor = record(
    'softmax',
    [x],
    x.shape,
    (at) => core.softmaxRows(at, x.at, rows, cols),
    (dy) => {
      const dx = empty(x.shape);
      core.softmaxRowsBackward(dx.at, dy.at, y.at, rows, cols);
      return [dx];
    },
  );
  return y;
}

/** log Σ exp(x) of each row: the last axis becomes 1 long. */
export function logSumExp(x: Tensor): Tensor {
  const { rows, cols } = rowsOf('logSumExp', x);
  const core = kernels();
  const y: Tensor = record(
    'logSumExp',
    [x],
    [...x.shape.slice(0, -1), 1],
    (at) => core.logSumExpRows(at, x.at, rows, cols),
    (dy) => {
      const dx = empty(x.shape);
      core.logSumExpRowsBackward(dx.at, dy.at, y.at, x.at, rows, cols);
      return [dx];
    },
  );
  return y;
}

/** x - log Σ exp(x) of its row. */
export function logSoftmax(x: Tensor): Tensor {
  return sub(x, logSumExp(x));
}

/** Each row divided by its length; a row of zeros stays zero and has a gradient of zero. */
export function normalize(x: Tensor): Tensor {
  const { rows, cols } = rowsOf('normalize', x);
  const core = kernels();
  const y: Tensor = record(
    'normalize',
    [x],
    x.shape,
    (at) => scoped((scope) => core.normalizeRows(at, scope.f64(rows), x.at, rows, cols)),
    (dy) => {
      const dx = empty(x.shape);
      scoped((scope) => {
        const norms = scope.f64(rows);
        // The lengths again, on the way to unit rows that nobody needs twice.
        core.normalizeRows(dx.at, norms, x.at, rows, cols);
        core.normalizeRowsBackward(dx.at, dy.at, y.at, norms, rows, cols, cols);
      });
      return [dx];
    },
  );
  return y;
}

export interface LayerNormOptions {
  /** Added to the variance (default 1e-5). */
  eps?: number | undefined;
}

/**
 * Each row less its mean, over its standard deviation, times the gain, plus the bias
 * (https://arxiv.org/abs/1607.06450).
 *
 * @param gain, bias as many numbers as a row has; either may be left out
 */
export function layerNorm(
  x: Tensor,
  gain?: Tensor,
  bias?: Tensor,
  options?: LayerNormOptions,
): Tensor {
  const { rows, cols } = rowsOf('layerNorm', x);
  checkOptions('layerNorm', options, ['eps']);
  const eps = checkPositive('layerNorm', 'eps', options?.eps, 1e-5);
  for (const [argument, part] of [
    ['gain', gain],
    ['bias', bias],
  ] as const) {
    if (part === undefined) continue;
    if (checkTensor('layerNorm', argument, part).size !== cols) {
      rangeError('layerNorm', argument, `${cols} numbers`, showShape(part.shape));
    }
  }
  const core = kernels(nnCode);
  const means = empty([rows]);
  const scales = empty([rows]);
  const inputs = [x, gain, bias].filter((input) => input !== undefined);
  return record(
    'layerNorm',
    inputs,
    x.shape,
    (y) =>
      core.layerNormRows(
        y,
        means.at,
        scales.at,
        x.at,
        gain?.at ?? 0,
        bias?.at ?? 0,
        rows,
        cols,
        eps,
      ),
    (dy) => {
      const dx = empty(x.shape);
      const dGain = gain && filled(gain.shape, 0);
      const dBias = bias && filled(bias.shape, 0);
      const from = [dy.at, x.at, means.at, scales.at] as const;
      core.layerNormRowsBackward(dx.at, ...from, gain?.at ?? 0, rows, cols);
      if (dGain || dBias) {
        const to = [dGain?.at ?? 0, dBias?.at ?? 0] as const;
        core.layerNormColumnsBackward(...to, ...from, rows, cols, cols);
      }
      return [dx, dGain, dBias].filter((_, i) => [x, gain, bias][i] !== undefined);
    },
  );
}
