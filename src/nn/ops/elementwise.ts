/** Arithmetic on each number by itself, with NumPy's broadcasting where there are two tensors. */

import nnCode from '#wasm/nn';
import opsCode from '#wasm/ops';
import { kernels } from '../../core/kernels.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import { checkNumber, type NoOptions, typeError } from '../../core/validation.js';
import { checkTensor } from '../check.js';
import { record } from '../record.js';
import { empty, Tensor } from '../tensor.js';
import { broadcastShape, copy, expand, sumToShape } from './broadcast.js';
import {
  binary,
  fromKernel,
  gradInPlace,
  type Operand,
  operand,
  unary,
  withBroadcast,
} from './op.js';

/**
 * Adds: a + b, element by element.
 *
 * @param a tensor or number
 * @param b tensor or number, of a shape that broadcasts with a's
 * @param options none
 * @returns a tensor of their common shape
 * @throws {RangeError} if the shapes do not broadcast
 */
export function add(a: Operand, b: Operand, options?: NoOptions): Tensor {
  checkNoOptions('add', options);
  // A row added to every row, as every layer's bias is, needs no copy of the row.
  if (a instanceof Tensor && b instanceof Tensor && isRowOf(b, a)) return addRow(a, b);
  return binary('add', a, b, {
    forward: kernels(nnCode).addArray,
    backward(dy, _, __, wantsA, wantsB) {
      const db = wantsB ? (wantsA ? copy(dy) : gradInPlace(dy)) : undefined;
      return [wantsA ? gradInPlace(dy) : undefined, db];
    },
    saves: 'none',
  });
}

function isRowOf(row: Tensor, x: Tensor): boolean {
  return row.shape.length === 1 && x.shape.length > 1 && x.shape.at(-1) === row.size;
}

function addRow(x: Tensor, bias: Tensor): Tensor {
  checkTensor('add', 'a', x);
  checkTensor('add', 'b', bias);
  const cols = bias.size;
  const rows = x.size / cols;
  return record(
    'add',
    [x, bias],
    x.shape,
    (y) => kernels(nnCode).addRows(y, x.at, bias.at, rows, cols),
    (dy) => {
      const db = bias.requiresGrad
        ? fromKernel(bias, (y) => kernels(nnCode).columnSums(y, dy.at, rows, cols, cols, false))
        : undefined;
      return [x.requiresGrad ? gradInPlace(dy) : undefined, db];
    },
    { saved: [] },
  );
}

/**
 * Subtracts: a − b, element by element.
 *
 * @param a tensor or number
 * @param b tensor or number, of a shape that broadcasts with a's
 * @param options none
 * @returns a tensor of their common shape
 * @throws {RangeError} if the shapes do not broadcast
 */
export function sub(a: Operand, b: Operand, options?: NoOptions): Tensor {
  checkNoOptions('sub', options);
  const core = kernels(nnCode);
  return binary('sub', a, b, {
    forward: core.subArray,
    backward(dy, _, __, wantsA, wantsB) {
      const db = wantsB ? fromKernel(dy, (y) => core.scaleTo(y, dy.at, dy.size, -1)) : undefined;
      return [wantsA ? gradInPlace(dy) : undefined, db];
    },
    saves: 'none',
  });
}

/**
 * Multiplies: a b, element by element.
 *
 * @param a tensor or number
 * @param b tensor or number, of a shape that broadcasts with a's
 * @param options none
 * @returns a tensor of their common shape
 * @throws {RangeError} if the shapes do not broadcast
 */
export function mul(a: Operand, b: Operand, options?: NoOptions): Tensor {
  checkNoOptions('mul', options);
  const core = kernels(nnCode);
  return binary('mul', a, b, {
    forward: core.mulArray,
    backward: (dy, x, z, wantsA, wantsB) => [
      wantsA ? fromKernel(dy, (y) => core.mulArray(y, dy.at, z.at, dy.size)) : undefined,
      wantsB ? fromKernel(dy, (y) => core.mulArray(y, dy.at, x.at, dy.size)) : undefined,
    ],
    saves: 'other',
  });
}

/**
 * Divides: a / b, element by element.
 *
 * @param a tensor or number
 * @param b tensor or number, of a shape that broadcasts with a's
 * @param options none
 * @returns a tensor of their common shape
 * @throws {RangeError} if the shapes do not broadcast
 */
export function div(a: Operand, b: Operand, options?: NoOptions): Tensor {
  checkNoOptions('div', options);
  const core = kernels(nnCode);
  return binary('div', a, b, {
    forward: core.divArray,
    backward(dy, x, z) {
      const da = empty(dy.shape);
      const db = empty(dy.shape);
      core.divArrayBackward(da.at, db.at, dy.at, x.at, z.at, dy.size);
      return [da, db];
    },
    saves: 'both',
  });
}

/**
 * Takes the larger of a and b, element by element; where they are equal, each has half the gradient.
 *
 * @param a tensor or number
 * @param b tensor or number, of a shape that broadcasts with a's
 * @param options none
 * @returns a tensor of their common shape
 * @throws {RangeError} if the shapes do not broadcast
 */
export function maximum(a: Operand, b: Operand, options?: NoOptions): Tensor {
  checkNoOptions('maximum', options);
  const core = kernels(nnCode);
  return binary('maximum', a, b, {
    forward: core.maximumArray,
    backward(dy, x, z) {
      const da = empty(dy.shape);
      const db = empty(dy.shape);
      core.maximumArrayBackward(da.at, db.at, dy.at, x.at, z.at, dy.size);
      return [da, db];
    },
    saves: 'both',
  });
}

/**
 * Takes a where the condition is not 0, else b. No gradient flows to the condition.
 *
 * @param condition tensor of 0 and other numbers
 * @param a tensor or number
 * @param b tensor or number
 * @param options none
 * @returns a tensor of the shape that all three broadcast to
 * @throws {RangeError} if the shapes do not broadcast
 */
export function where(condition: Tensor, a: Operand, b: Operand, options?: NoOptions): Tensor {
  checkNoOptions('where', options);
  const core = kernels(nnCode);
  checkTensor('where', 'condition', condition);
  const x = operand('where', 'a', a);
  const z = operand('where', 'b', b);
  const both = broadcastShape('where', x.shape, z.shape);
  const shape = broadcastShape('where', condition.shape, both);
  const chosen = expand(condition, shape);
  const select = (dy: Tensor, of: Tensor, negate: boolean): Tensor | undefined =>
    of.requiresGrad
      ? sumToShape(
          fromKernel(dy, (y) => core.whereArrayBackward(y, chosen.at, dy.at, dy.size, negate)),
          of.shape,
        )
      : undefined;
  return record(
    'where',
    [x, z],
    shape,
    (y) =>
      withBroadcast(x, z, shape, (wideA, wideB) =>
        core.whereArray(y, chosen.at, wideA.at, wideB.at, chosen.size),
      ),
    (dy) => [select(dy, x, false), select(dy, z, true)],
    chosen === condition ? { saved: [condition] } : { saved: [], owned: [chosen] },
  );
}

/**
 * Computes e^x of each number.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape, within 2 ulp
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function exp(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('exp', options);
  const core = kernels(nnCode);
  return unary('exp', x, {
    forward: core.expArray,
    backward: core.expArrayBackward,
    saves: 'output',
  });
}

/**
 * Computes the natural logarithm of each number: −∞ at 0, NaN below.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape, within 2 ulp
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function log(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('log', options);
  const core = kernels(nnCode);
  return unary('log', x, {
    forward: core.logArray,
    backward: core.logArrayBackward,
    saves: 'input',
  });
}

/**
 * Computes the square root of each number; its gradient at 0 is infinite.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function sqrt(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('sqrt', options);
  const core = kernels(nnCode);
  return unary('sqrt', x, {
    forward: core.sqrtArray,
    backward: core.sqrtArrayBackward,
    saves: 'output',
  });
}

/**
 * Computes −x of each number.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function neg(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('neg', options);
  const { scaleTo } = kernels(nnCode);
  return unary('neg', x, {
    forward: (y, at, n) => scaleTo(y, at, n, -1),
    backward: (dx, dy, _, n) => scaleTo(dx, dy, n, -1),
    saves: 'none',
  });
}

/**
 * Computes |x| of each number; its gradient at 0 is 0.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function abs(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('abs', options);
  const core = kernels(nnCode);
  return unary('abs', x, {
    forward: core.absArray,
    backward: core.absArrayBackward,
    saves: 'input',
  });
}

/**
 * Computes x² of each number.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function square(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('square', options);
  const core = kernels(nnCode);
  return unary('square', x, {
    forward: (y, at, n) => core.mulArray(y, at, at, n),
    backward(dx, dy, at, n) {
      core.mulArray(dx, dy, at, n);
      core.scaleTo(dx, dx, n, 2);
    },
    saves: 'input',
  });
}

/**
 * Raises each number to a power, in f64: by repeated multiplication where the exponent is a whole
 * number of at most 64 in size, otherwise as exp(exponent log |x|). Rounded to f32 that is the
 * nearest number, or in rare cases its neighbor.
 *
 * @param x tensor of any shape; NaN where a negative number meets an exponent that is not whole
 * @param exponent finite number; the gradient is 0 for 0, and infinite at x = 0 for one below 1
 * @param options none
 * @returns a tensor of the same shape
 * @throws {TypeError | RangeError} if the exponent is not a finite number
 */
export function pow(x: Tensor, exponent: number, options?: NoOptions): Tensor {
  checkNoOptions('pow', options);
  const e = checkNumber('pow', 'exponent', exponent);
  const core = kernels(opsCode);
  return unary('pow', x, {
    forward: (y, at, n) => core.powArray(y, at, n, e),
    backward: (dx, dy, at, n) => core.powArrayBackward(dx, dy, at, n, e),
    saves: 'input',
  });
}

/** Options of `clamp`: at least one of them. */
export interface ClampOptions {
  /** Lower bound; none if left out. */
  min?: number | undefined;
  /** Upper bound; none if left out. Where it is below `min`, every number becomes it. */
  max?: number | undefined;
}

/**
 * Limits each number to a range. The gradient flows where x lies in the range, its ends included.
 *
 * @param x tensor of any shape
 * @param options min and max: at least one of them
 * @returns a tensor of the same shape
 * @throws {TypeError} if neither bound is given
 * @example clamp(x, { min: 0, max: 1 });
 */
export function clamp(x: Tensor, options: ClampOptions): Tensor {
  const read = readOptions('clamp', options);
  const min = read.optional('min', checkNumber);
  const max = read.optional('max', checkNumber);
  read.done();
  if (min === undefined && max === undefined) {
    typeError('clamp', 'min or max', 'a number', undefined);
  }
  const [low, high] = [min ?? Number.NEGATIVE_INFINITY, max ?? Number.POSITIVE_INFINITY];
  const core = kernels(nnCode);
  return unary('clamp', x, {
    forward: (y, at, n) => core.clampArray(y, at, n, low, high),
    backward: (dx, dy, at, n) => core.clampArrayBackward(dx, dy, at, n, low, high),
    saves: 'input',
  });
}
