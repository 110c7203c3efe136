/**
 * Tensors: f32 numbers in WASM memory with a shape and, where gradients are wanted, the operation
 * that they came from. An operation is its forward and a closure that turns the gradient of its
 * output into those of its inputs; `backward` walks from a scalar to the leaves.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { allocate, f32, free, type Pointer } from '../core/memory.js';
import { rangeError, show } from '../core/validation.js';
import { isGradEnabled, noGrad } from './grad-mode.js';
import {
  checkedShape,
  flatten,
  nestedShape,
  type Shape,
  showShape,
  sizeOf,
  type TensorData,
  writeNumbers,
} from './tensor-data.js';
import { type Disposable, isTracked, track, untrack } from './tidy.js';

/** What a tensor came from. */
interface GradFn {
  name: string;
  inputs: readonly Tensor[];
  /** Gradients of the inputs, undefined where none is wanted. */
  backward(dy: Tensor): readonly (Tensor | undefined)[];
}

/** A block of WASM memory that tensors of different shapes may share. */
class Storage {
  uses = 1;
  constructor(readonly at: Pointer) {}

  release(): void {
    if (--this.uses === 0) free(this.at);
  }
}

/** Frees what nobody disposed of. Not every runtime has it; then `dispose` is all there is. */
const registry:
  | { register(t: object, s: Storage, token: object): void; unregister(t: object): void }
  | undefined =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<Storage>((storage) => storage.release());

let debugging = false;
let made = 0;

/**
 * With `true`, every operation's result is scanned, and the first that holds NaN or infinity
 * throws an error that names the operation. Costs a pass over all results.
 */
export function debug(on: boolean): void {
  debugging = on;
}

export class Tensor implements Disposable {
  readonly shape: Shape;
  readonly size: number;
  /** Whether gradients flow to this tensor. */
  readonly requiresGrad: boolean;
  /** Of a parameter, after `backward`: the sum of gradients since the last `zeroGrad`. */
  grad: Tensor | undefined;
  /** Rises with every tensor made, so that an operation's output has a higher one than its inputs. */
  readonly order: number = made++;
  #storage: Storage | undefined;
  #origin: GradFn | undefined;

  /** Use `tensor`, `parameter` or an operation. */
  constructor(shape: Shape, storage?: Storage, origin?: GradFn, requiresGrad = false) {
    this.shape = shape;
    this.size = sizeOf(shape);
    this.#storage = storage ?? new Storage(allocate(4 * this.size));
    this.#origin = origin;
    this.requiresGrad = requiresGrad || origin !== undefined;
    if (isTracked()) track(this);
    else registry?.register(this, this.#storage, this);
  }

  /** Address of the first number. */
  get at(): Pointer {
    return this.#live().at;
  }

  #live(): Storage {
    if (this.#storage === undefined) {
      throw new Error(`tensor ${showShape(this.shape)} was disposed of and can't be used any more`);
    }
    return this.#storage;
  }

  get disposed(): boolean {
    return this.#storage === undefined;
  }

  /** A view of the numbers in WASM memory, valid until the next call. */
  get data(): Float32Array {
    const at = this.at / 4;
    return f32().subarray(at, at + this.size);
  }

  /** A copy of the numbers. */
  toArray(): Float32Array {
    return this.data.slice();
  }

  /** The one number of a tensor of size 1. */
  item(): number {
    if (this.size !== 1) {
      throw new RangeError(`item: the tensor must hold one number, got ${showShape(this.shape)}`);
    }
    return this.data[0] as number;
  }

  /** Overwrites the numbers. */
  set(data: TensorData): void {
    const { shape } = this;
    const flat = flatten('set', data);
    if (flat.length !== this.size) {
      rangeError('set', 'data', `${this.size} numbers for ${showShape(shape)}`, flat.length);
    }
    writeNumbers('set', flat, this.at);
  }

  /** The same numbers, in the same memory, without a past. */
  detach(): Tensor {
    return this.withHistory(undefined);
  }

  /** The same numbers in another shape of the same size; gradients flow through. */
  view(shape: Shape): Tensor {
    const wanted = isGradEnabled() && this.requiresGrad;
    const { shape: before } = this;
    const origin: GradFn = {
      name: 'reshape',
      inputs: [this],
      backward: (dy) => [new Tensor(before, dy.#share())],
    };
    return new Tensor(shape, this.#share(), wanted ? origin : undefined);
  }

  /** The same numbers, in the same memory, with another past. */
  withHistory(origin: GradFn | undefined): Tensor {
    return new Tensor(this.shape, this.#share(), origin);
  }

  #share(): Storage {
    const storage = this.#live();
    storage.uses++;
    return storage;
  }

  /** Gives the memory back. Doing so twice does no harm. */
  dispose(): void {
    if (this.#storage === undefined) return;
    registry?.unregister(this);
    this.#storage.release();
    this.#storage = undefined;
    this.#origin = undefined;
    this.grad?.dispose();
    this.grad = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * Gradients of this scalar with respect to every parameter that it depends on, added to their
   * `grad`.
   * @throws RangeError if it is no scalar, Error if it depends on no parameter
   */
  backward(): void {
    if (this.size !== 1) {
      throw new RangeError(`backward: the loss must be a scalar, got ${showShape(this.shape)}`);
    }
    if (!this.requiresGrad) {
      throw new Error('backward: the loss depends on no parameter, or was made under noGrad');
    }
    noGrad(() => this.#propagate());
  }

  #propagate(): void {
    const flowing = new Map<Tensor, Tensor>([[this, filled(this.shape, 1)]]);
    for (const output of reachable(this)) {
      const dy = flowing.get(output);
      if (dy === undefined) continue;
      flowing.delete(output);
      const origin = output.#origin;
      if (origin === undefined) {
        keepGradient(output, dy);
        continue;
      }
      const grads = origin.backward(dy);
      origin.inputs.forEach((input, i) => {
        const grad = grads[i];
        if (grad === undefined) return;
        if (!input.requiresGrad) {
          grad.dispose();
          return;
        }
        if (debugging) checkFinite(`the backward of ${origin.name}`, grad);
        const before = flowing.get(input);
        if (before === undefined) {
          flowing.set(input, grad);
        } else {
          kernels(nnCode).accumulate(before.at, grad.at, grad.size);
          grad.dispose();
        }
      });
      dy.dispose();
    }
  }

  /** What this tensor was made from, for walking the graph. */
  get parents(): readonly Tensor[] {
    return this.#origin?.inputs ?? [];
  }
}

/** All tensors with gradients that one depends on, latest first. */
function reachable(from: Tensor): Tensor[] {
  const found = new Set<Tensor>([from]);
  for (const tensor of found) {
    for (const parent of tensor.parents) if (parent.requiresGrad) found.add(parent);
  }
  return [...found].sort((a, b) => b.order - a.order);
}

/** Adds to a leaf's gradient, which lives as long as the leaf. */
function keepGradient(leaf: Tensor, grad: Tensor): void {
  if (leaf.grad === undefined) {
    untrack(grad);
    leaf.grad = grad;
  } else {
    kernels(nnCode).accumulate(leaf.grad.at, grad.at, grad.size);
    grad.dispose();
  }
}

/** A tensor of this shape, its numbers not set. */
export function empty(shape: Shape): Tensor {
  return new Tensor(shape);
}

/** A tensor of this shape, all its numbers the same. */
export function filled(shape: Shape, value: number): Tensor {
  const made = new Tensor(shape);
  kernels(nnCode).fillArray(made.at, made.size, value);
  return made;
}

/**
 * Makes an operation's output: `forward` writes it, `backward` is kept if a gradient may be asked
 * for.
 */
export function record(
  name: string,
  inputs: readonly Tensor[],
  shape: Shape,
  forward: (y: Pointer) => void,
  backward: GradFn['backward'],
): Tensor {
  const wanted = isGradEnabled() && inputs.some((input) => input.requiresGrad);
  const output = new Tensor(shape, undefined, wanted ? { name, inputs, backward } : undefined);
  forward(output.at);
  if (debugging) checkFinite(name, output);
  return output;
}

/**
 * Gives a result that was made by other means a past: what `make` returns, run without recording,
 * becomes the output of an operation with this backward.
 */
export function attach(
  name: string,
  inputs: readonly Tensor[],
  make: () => Tensor,
  backward: (dy: Tensor, output: Tensor) => readonly (Tensor | undefined)[],
): Tensor {
  const result = noGrad(make);
  const wanted = isGradEnabled() && inputs.some((input) => input.requiresGrad);
  const output = result.withHistory(
    wanted ? { name, inputs, backward: (dy) => backward(dy, output) } : undefined,
  );
  if (!inputs.includes(result)) result.dispose();
  if (debugging) checkFinite(name, output);
  return output;
}

function checkFinite(name: string, { at, size, shape }: Tensor): void {
  const bad = kernels().firstNonFinite(at, size);
  if (bad < 0) return;
  const value = f32()[at / 4 + bad] as number;
  throw new Error(`${name} made ${value} at index ${bad} of ${showShape(shape)}`);
}

/** Numbers and their shape, in WASM memory. */
function create(name: string, data: TensorData, shape: unknown, requiresGrad: boolean): Tensor {
  const flat = flatten(name, data);
  const extents = checkedShape(name, shape === undefined ? nestedShape(data) : shape);
  if (flat.length !== sizeOf(extents)) {
    const expected = `${sizeOf(extents)} numbers for ${showShape(extents)}`;
    throw new RangeError(`${name}: data must be ${expected}, got ${show(flat.length)}`);
  }
  const made = new Tensor(extents, undefined, undefined, requiresGrad);
  try {
    writeNumbers(name, flat, made.at);
  } catch (error) {
    untrack(made);
    made.dispose();
    throw error;
  }
  return made;
}

/**
 * A tensor of the given numbers.
 * @param data a number, a flat array in row-major order, or nested arrays
 * @param shape extents, those of the nesting if left out; `[]` is a scalar
 */
export function tensor(data: TensorData, shape?: Shape): Tensor {
  return create('tensor', data, shape, false);
}

/** A tensor that gradients are wanted for, and that `tidy` leaves alone: its owner disposes of it. */
export function parameter(data: TensorData, shape?: Shape): Tensor {
  const made = create('parameter', data, shape, true);
  untrack(made);
  return made;
}
