/**
 * Declares operations: a name, the kernels of forward and backward, and what the backward reads
 * become a function that checks its tensors and records itself in the graph.
 */

import type { Pointer } from '../../core/memory.js';
import { checkTensor } from '../check.js';
import { tensor } from '../leaf.js';
import { record } from '../record.js';
import { empty, type Tensor } from '../tensor.js';
import { broadcastShape, copy, expand, sumToShape } from './broadcast.js';

/** A tensor, or a number that stands for a scalar. */
export type Operand = Tensor | number;

/** Checks an operand and makes a tensor of a number. */
export function operand(name: string, argument: string, value: unknown): Tensor {
  return typeof value === 'number' ? tensor(value) : checkTensor(name, argument, value);
}

/** Makes a tensor of the shape of another, its numbers written by a kernel. */
export function fromKernel(like: Tensor, kernel: (y: Pointer) => void): Tensor {
  const y = empty(like.shape);
  kernel(y.at);
  return y;
}

/**
 * Makes the gradient of an input from that of the output, of the same shape: in its memory where
 * nothing else has that, since a backward is the last that reads it. At most one input's gradient
 * may be made so, and the last of them.
 *
 * @param kernel writes the numbers to dx, which may be dy; by default they stay
 */
export function gradInPlace(dy: Tensor, kernel?: (dx: Pointer) => void): Tensor {
  if (!dy.ownsMemory) return kernel === undefined ? copy(dy) : fromKernel(dy, kernel);
  kernel?.(dy.at);
  return dy.detach();
}

/** An operation on each number of one tensor. */
export interface UnaryOp {
  /** Writes n numbers to y from n numbers at x. */
  forward(y: Pointer, x: Pointer, n: number): void;
  /** Writes the gradient of x from that of y and from what is saved. */
  backward(dx: Pointer, dy: Pointer, saved: Pointer, n: number): void;
  /** Tensor that the backward reads: none, x, or y = f(x). */
  saves: 'none' | 'input' | 'output';
}

/** Applies an operation on each number: the result has the shape of x. */
export function unary(name: string, x: Tensor, op: UnaryOp): Tensor {
  checkTensor(name, 'x', x);
  const output = op.saves === 'output';
  const y: Tensor = record(
    name,
    [x],
    x.shape,
    (at) => op.forward(at, x.at, x.size),
    (dy) => [fromKernel(dy, (dx) => op.backward(dx, dy.at, output ? y.at : x.at, dy.size))],
    { saved: op.saves === 'input' ? [x] : [], output },
  );
  return y;
}

/** An operation on the numbers of two tensors, pair by pair. */
export interface BinaryOp {
  /** Writes n numbers to y. */
  forward(y: Pointer, a: Pointer, b: Pointer, n: number): void;
  /** Gives fresh gradients of both inputs in their common shape, at least of those wanted. */
  backward(
    dy: Tensor,
    a: Tensor,
    b: Tensor,
    wantsA: boolean,
    wantsB: boolean,
  ): readonly [Tensor | undefined, Tensor | undefined];
  /** Tensors that the backward reads: none, both inputs, or of each input's gradient the other input. */
  saves: 'none' | 'both' | 'other';
}

/** Applies an operation on pairs: the result has the shape that both broadcast to. */
export function binary(name: string, left: Operand, right: Operand, op: BinaryOp): Tensor {
  const a = operand(name, 'a', left);
  const b = operand(name, 'b', right);
  const shape = broadcastShape(name, a.shape, b.shape);
  const all = op.saves === 'both';
  const saved = op.saves === 'none' ? [] : [a, b].filter((_, i) => all || [b, a][i]?.requiresGrad);
  return record(
    name,
    [a, b],
    shape,
    (y) =>
      withBroadcast(a, b, shape, (wideA, wideB) => op.forward(y, wideA.at, wideB.at, wideA.size)),
    (dy) => {
      const back = (x: Tensor, z: Tensor): (Tensor | undefined)[] => {
        const [da, db] = op.backward(dy, x, z, a.requiresGrad, b.requiresGrad);
        return [da && sumToShape(da, a.shape), db && sumToShape(db, b.shape)];
      };
      return op.saves === 'none' ? back(a, b) : withBroadcast(a, b, shape, back);
    },
    { saved },
  );
}

/** Runs a function with both inputs broadcast to a common shape, and frees the copies. */
export function withBroadcast<T>(
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
