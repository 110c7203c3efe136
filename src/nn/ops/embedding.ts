/** Rows of a table by number. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { scoped } from '../../core/memory.js';
import { checkIntegers, rangeError } from '../../core/validation.js';
import { filled, record, type Tensor } from '../tensor.js';
import { checkedShape, type Shape, showShape, sizeOf } from '../tensor-data.js';
import { checkTensor } from './shape.js';

/**
 * Rows of x by their numbers: an embedding's look-up.
 *
 * @param x (n, d)
 * @param indices whole numbers from 0 to n - 1
 * @param shape of the indices, one axis if left out
 * @returns (…shape, d)
 */
export function gather(x: Tensor, indices: ArrayLike<number>, shape?: Shape): Tensor {
  checkTensor('gather', 'x', x);
  if (x.shape.length !== 2) rangeError('gather', 'x', 'of two axes', showShape(x.shape));
  const [rows, cols] = x.shape as [number, number];
  checkIntegers('gather', 'indices', indices, undefined, {
    valid: (index) => index >= 0 && index < rows,
    what: `from 0 to ${rows - 1} (the rows of x)`,
  });
  const extents = shape === undefined ? [indices.length] : checkedShape('gather', shape);
  if (indices.length === 0 || sizeOf(extents) !== indices.length) {
    rangeError('gather', 'indices', `${sizeOf(extents)} long`, indices.length);
  }
  // A copy: the caller may fill its array anew before the backward.
  const ids = Int32Array.from(indices);
  const core = kernels(nnCode);
  return record(
    'gather',
    [x],
    [...extents, cols],
    (y) => scoped((scope) => core.gatherRows(y, x.at, scope.i32From(ids), ids.length, cols)),
    (dy) => {
      const dx = filled(x.shape, 0);
      scoped((scope) =>
        core.scatterAddRows(dx.at, dy.at, scope.i32From(ids), ids.length, cols, cols),
      );
      return [dx];
    },
  );
}
