/** Operations on each number by itself, with NumPy's broadcasting where there are two. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import type { Pointer } from '../../core/memory.js';
import { checkFlag, checkOptions, typeError } from '../../core/validation.js';
import { attach, empty, record, Tensor, tensor } from '../tensor.js';
import { broadcastShape, checkTensor, copy, expand, sumToShape } from './shape.js';

/** A tensor, or a number that stands for a scalar. */
export type Operand = Tensor | number;

function operand(name: string, argument: string, value: unknown): Tensor {
  return typeof value === 'number' ? tensor(value) : checkTensor(name, argument, value);
}

type Kernel = (y: Pointer, a: Pointer, b: Pointer, n: number) => void;

/** Gradients of both inputs in their common shape; those that nobody wants may be left out. */
type BinaryGrads = (
  dy: Tensor,
  a: Tensor,
  b: Tensor,
) => readonly [Tensor | undefined, Tensor | undefined];

function binary(
  name: string,
  left: Operand,
  right: Operand,
  kernel: Kernel,
  slopes: BinaryGrads,
): Tensor {
  const a = operand(name, 'a', left);
  const b = operand(name, 'b', right);
  const shape = broadcastShape(name, a.shape, b.shape);
  return record(
    name,
    [a, b],
    shape,
    (y) => withBoth(a, b, shape, (wideA, wideB) => kernel(y, wideA.at, wideB.at, wideA.size)),
    (dy) =>
      withBoth(a, b, shape, (wideA, wideB) => {
        const [da, db] = slopes(dy, wideA, wideB);
        return [da && sumToShape(da, a.shape), db && sumToShape(db, b.shape)];
      }),
  );
}

/** Calls with both inputs repeated to a common shape, for as long as it takes. */
function withBoth<T>(
  a: Tensor,
  b: Tensor,
  shape: readonly number[],
  body: (a: Tensor, b: Tensor) => T,
): T {
  const wideA = expand(a, shape);
  const wideB = expand(b, shape);
  try {
    return body(wideA, wideB);
  } finally {
    if (wideA !== a) wideA.dispose();
    if (wideB !== b) wideB.dispose();
  }
}

/** A fresh tensor of a kernel's result. */
function made(like: Tensor, kernel: (y: Pointer) => void): Tensor {
  const y = empty(like.shape);
  kernel(y.at);
  return y;
}

/** a + b */
export function add(a: Operand, b: Operand): Tensor {
  const core = kernels(nnCode);
  const [x, bias] = [a, b];
  // A row added to every row, as every layer's bias is, needs no copy of the row.
  if (x instanceof Tensor && bias instanceof Tensor && isRowOf(bias, x)) return addRow(x, bias);
  return binary('add', a, b, core.addArray, (dy) => [copy(dy), copy(dy)]);
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
    (dy) => [
      x.requiresGrad ? copy(dy) : undefined,
      bias.requiresGrad
        ? made(bias, (y) => kernels(nnCode).columnSums(y, dy.at, rows, cols, cols, false))
        : undefined,
    ],
  );
}

/** a - b */
export function sub(a: Operand, b: Operand): Tensor {
  const core = kernels(nnCode);
  return binary('sub', a, b, core.subArray, (dy) => [
    copy(dy),
    made(dy, (y) => core.scaleTo(y, dy.at, dy.size, -1)),
  ]);
}

/** a b, element by element */
export function mul(a: Operand, b: Operand): Tensor {
  const core = kernels(nnCode);
  return binary('mul', a, b, core.mulArray, (dy, x, z) => [
    made(dy, (y) => core.mulArray(y, dy.at, z.at, dy.size)),
    made(dy, (y) => core.mulArray(y, dy.at, x.at, dy.size)),
  ]);
}

/** a / b */
export function div(a: Operand, b: Operand): Tensor {
  const core = kernels(nnCode);
  return binary('div', a, b, core.divArray, (dy, x, z) => {
    const da = empty(dy.shape);
    const db = empty(dy.shape);
    core.divArrayBackward(da.at, db.at, dy.at, x.at, z.at, dy.size);
    return [da, db];
  });
}

/** The larger of a and b; where they are equal, each has half the gradient. */
export function maximum(a: Operand, b: Operand): Tensor {
  const core = kernels(nnCode);
  return binary('maximum', a, b, core.maximumArray, (dy, x, z) => {
    const da = empty(dy.shape);
    const db = empty(dy.shape);
    core.maximumArrayBackward(da.at, db.at, dy.at, x.at, z.at, dy.size);
    return [da, db];
  });
}

/** a where the condition is not 0, else b. No gradient flows to the condition. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const core = kernels(nnCode);
  checkTensor('where', 'condition', condition);
  const x = operand('where', 'a', a);
  const z = operand('where', 'b', b);
  const both = broadcastShape('where', x.shape, z.shape);
  const shape = broadcastShape('where', condition.shape, both);
  const chosen = expand(condition, shape);
  return record(
    'where',
    [x, z],
    shape,
    (y) =>
      withBoth(x, z, shape, (wideA, wideB) =>
        core.whereArray(y, chosen.at, wideA.at, wideB.at, chosen.size),
      ),
    (dy) => [
      sumToShape(
        made(dy, (y) => core.whereArrayBackward(y, chosen.at, dy.at, dy.size, false)),
        x.shape,
      ),
      sumToShape(
        made(dy, (y) => core.whereArrayBackward(y, chosen.at, dy.at, dy.size, true)),
        z.shape,
      ),
    ],
  );
}

type UnaryBackward = (dx: Pointer, dy: Pointer, from: Pointer, n: number) => void;

/** y = f(x); the backward, looked up when it is run, reads x, or y with `fromOutput`. */
function unary(
  name: string,
  x: Tensor,
  forward: (y: Pointer, x: Pointer, n: number) => void,
  backward: () => UnaryBackward,
  fromOutput: boolean,
): Tensor {
  checkTensor(name, 'x', x);
  const y: Tensor = record(
    name,
    [x],
    x.shape,
    (at) => forward(at, x.at, x.size),
    (dy) => [made(dy, (dx) => backward()(dx, dy.at, fromOutput ? y.at : x.at, dy.size))],
  );
  return y;
}

/** e^x */
export function exp(x: Tensor): Tensor {
  return unary('exp', x, kernels(nnCode).expArray, () => kernels(nnCode).expArrayBackward, true);
}

/** Natural logarithm. */
export function log(x: Tensor): Tensor {
  return unary('log', x, kernels(nnCode).logArray, () => kernels(nnCode).logArrayBackward, false);
}

export function sqrt(x: Tensor): Tensor {
  return unary('sqrt', x, kernels(nnCode).sqrtArray, () => kernels(nnCode).sqrtArrayBackward, true);
}

export function tanh(x: Tensor): Tensor {
  return unary('tanh', x, kernels(nnCode).tanhArray, () => kernels(nnCode).tanhArrayBackward, true);
}

/** max(0, x) */
export function relu(x: Tensor): Tensor {
  return unary(
    'relu',
    x,
    kernels(nnCode).reluArray,
    () => kernels(nnCode).reluArrayBackward,
    false,
  );
}

/**
 * x Φ(x), Φ the normal distribution's (https://arxiv.org/abs/1606.08415).
 * @param options.approximate the form with tanh that GPT-2 has (default false)
 */
export function gelu(x: Tensor, options?: { approximate?: boolean | undefined }): Tensor {
  checkOptions('gelu', options, ['approximate']);
  const form = checkFlag('gelu', 'approximate', options?.approximate, false);
  const core = kernels(nnCode);
  return unary(
    'gelu',
    x,
    (y, at, n) => core.geluArray(y, at, n, form),
    () => (dx, dy, at, n) => core.geluArrayBackward(dx, dy, at, n, form),
    false,
  );
}

export interface CustomOp {
  /** Makes the output from the inputs, without a past. */
  forward(...inputs: Tensor[]): Tensor;
  /** One fresh gradient for each input, or undefined, from the output's gradient. */
  backward(dy: Tensor, output: Tensor, ...inputs: Tensor[]): readonly (Tensor | undefined)[];
}

/** An operation of one's own: a function of tensors, with the gradient that comes with it. */
export function customOp(definition: CustomOp): (...inputs: Tensor[]) => Tensor {
  if (typeof definition?.forward !== 'function' || typeof definition.backward !== 'function') {
    typeError('customOp', 'definition', 'functions forward and backward', definition);
  }
  return (...inputs) => {
    for (const [i, input] of inputs.entries()) checkTensor('customOp', `inputs[${i}]`, input);
    return attach(
      'customOp',
      inputs,
      () => checkTensor('customOp', 'the result of forward', definition.forward(...inputs)),
      (dy, output) => definition.backward(dy, output, ...inputs),
    );
  };
}
