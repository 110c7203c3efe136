/**
 * Tensors: f32 numbers in WASM memory with a shape and, where gradients are wanted, the graph that
 * they came from. An operation records its forward's inputs and a closure that turns the gradient
 * of its output into those of its inputs; `backward` walks from a scalar to the leaves.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { allocate, f32, type Pointer, scoped } from '../core/memory.js';
import { rangeError, typeError } from '../core/validation.js';
import { checkFinite } from './debug.js';
import { isGradEnabled, noGrad } from './grad-mode.js';
import { registry, Storage } from './storage.js';
import {
  checkedShape,
  readData,
  resolveShape,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
  type TensorData,
  writeNumbers,
} from './tensor-data.js';
import { type Disposable, takeFromTidy, track, untrack } from './tidy.js';

/** The part of row-grad.ts's `RowGrad` that tensors need: that file imports this one. */
interface RowGrad {
  readonly rows: Int32Array;
  readonly values: Tensor;
  isStepFinite: boolean;
  dispose(): void;
}

/** Node of the graph that `backward` walks: how a tensor was made. */
export interface GradFn {
  /** Name of the operation. */
  name: string;
  /** Tensors that it was made from. */
  inputs: readonly Tensor[];
  /** Tensors that the backward reads, and the version that it has to find. */
  saved: readonly { tensor: Tensor; version: number }[];
  /**
   * Computes the gradients of the inputs.
   *
   * @param dy gradient of the output
   * @returns one fresh tensor for each input, undefined where none is wanted
   */
  backward(dy: Tensor): readonly (Tensor | undefined)[];
}

/** Internal arguments of the constructor of `Tensor`; not exported to users. */
export class Internals {
  /**
   * @param storage memory of the numbers
   * @param gradFn how they were made; undefined for a leaf
   * @param requiresGrad whether gradients flow to a leaf
   */
  constructor(
    readonly storage: Storage,
    readonly gradFn?: GradFn,
    readonly requiresGrad = false,
  ) {}
}

let created = 0;

/**
 * An array of f32 numbers in WASM memory, of any number of axes, row-major, with reverse-mode
 * gradients: nearfar's `torch.Tensor`.
 *
 * Made by `tensor`, `parameter`, `zeros`, … and by operations. `tidy` frees what is made inside it;
 * `dispose` frees one tensor at once; the garbage collector frees what was forgotten.
 *
 * @example const x = tensor([[1, 2], [3, 4]]); x.shape; // [2, 2]
 */
export class Tensor implements Disposable {
  /** True if gradients flow to this tensor. */
  readonly requiresGrad: boolean;
  /** Creation number: an operation's output has a higher one than its inputs. */
  readonly order: number = created++;
  readonly #shape: Shape;
  readonly #size: number;
  #storage: Storage | undefined;
  #gradFn: GradFn | undefined;
  #grad: Tensor | undefined;
  /**
   * Gradients of the rows of a table that were looked up with `sparse`, instead of `grad`.
   * @internal
   */
  rowGrad: RowGrad | undefined;
  /** Further tensors that the backward needs, freed with this one. */
  #owned: readonly Tensor[] | undefined;

  /**
   * Makes a tensor of zeros; `tensor`, `parameter` and operations make all others.
   *
   * @param shape extents, whole numbers of at least 1
   * @param internals for this package alone
   * @throws {TypeError | RangeError} if the shape is not valid
   */
  constructor(shape: Shape, internals?: Internals) {
    let inside = internals;
    if (!(inside instanceof Internals)) {
      if (inside !== undefined) typeError('Tensor', 'arguments', 'a shape alone', inside);
      checkedShape('Tensor', shape);
      inside = new Internals(new Storage(allocate(4 * sizeOf(shape))));
      kernels(nnCode).fillArray(inside.storage.at, sizeOf(shape), 0);
    }
    this.#shape = Object.freeze([...shape]);
    this.#size = sizeOf(shape);
    this.#storage = inside.storage;
    this.#gradFn = inside.gradFn;
    this.requiresGrad = inside.requiresGrad || inside.gradFn !== undefined;
    if (!track(this)) this.onUntracked();
  }

  /** Extents of the axes; none is a scalar. */
  get shape(): Shape {
    return this.#shape;
  }

  /** Number of elements. */
  get size(): number {
    return this.#size;
  }

  /** Address of the first number in WASM memory, in bytes. */
  get at(): Pointer {
    return this.#live().at;
  }

  #live(): Storage {
    if (this.#storage === undefined) {
      throw new Error(`tensor ${showShape(this.shape)} was disposed of and can't be used any more`);
    }
    return this.#storage;
  }

  /**
   * Refuses operators, which have no gradient: `a + b` of tensors would be a text, and `-a` NaN.
   *
   * @param hint what the engine asks for: `string` gives the name and the shape
   * @returns name and shape
   * @throws {TypeError} if a number is asked for
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return `tensor ${showShape(this.shape)}`;
    throw new TypeError(
      'a tensor has no operators: add, sub, mul and div compute with it, item() is the number of a scalar',
    );
  }

  /** True once the memory was given back. */
  get disposed(): boolean {
    return this.#storage === undefined;
  }

  /** Rises whenever `set`, an optimizer or another function overwrites the numbers. */
  get version(): number {
    return this.#live().version;
  }

  /**
   * View of the numbers in WASM memory, valid until the next call. What is written through it
   * `backward` does not notice; use `set`.
   */
  get data(): Float32Array {
    const at = this.at / 4;
    return f32().subarray(at, at + this.size);
  }

  /**
   * Copies the numbers.
   *
   * @returns all of them, in row-major order
   */
  toArray(): Float32Array {
    return this.data.slice();
  }

  /**
   * Gives the one number of a tensor of size 1.
   *
   * @returns that number
   * @throws {RangeError} if there are more
   */
  item(): number {
    if (this.size !== 1) {
      throw new RangeError(`item: the tensor must hold one number, got ${showShape(this.shape)}`);
    }
    return this.data[0] as number;
  }

  /**
   * Overwrites the numbers in place. A backward that needs the old ones throws, as in PyTorch.
   *
   * @param data finite numbers, as many as the tensor has; flat or nested
   * @throws {RangeError} before anything is written, if a number is not finite or the count differs
   */
  set(data: TensorData): void {
    const { numbers, shape } = readData('set', data);
    const { size } = this;
    if (sizeOf(shape) !== size) {
      rangeError('set', 'data', `${size} numbers for ${showShape(this.shape)}`, sizeOf(shape));
    }
    scoped((scope) => {
      const checked = scope.f32(size);
      writeNumbers('set', numbers(), checked);
      f32().copyWithin(this.at / 4, checked / 4, checked / 4 + size);
    });
    this.markChanged();
  }

  /** Tells `backward` that the numbers were overwritten. For kernels that write in place. */
  markChanged(): void {
    this.#live().version++;
  }

  /**
   * Gives the same numbers, in the same memory, without a graph.
   *
   * @returns a tensor that no gradient flows through
   */
  detach(): Tensor {
    return this.withHistory(undefined);
  }

  /**
   * Gives the same numbers, in the same memory, in another shape; gradients flow through.
   *
   * @param shape of as many numbers; one extent may be -1
   * @returns a tensor of that shape
   * @throws {TypeError | RangeError} if the numbers do not fit
   */
  view(shape: Shape): Tensor {
    const extents = resolveShape('view', shape, this.size);
    const wanted = isGradEnabled() && this.requiresGrad;
    const before = this.shape;
    const gradFn: GradFn = {
      name: 'reshape',
      inputs: [this],
      saved: [],
      backward: (dy) => [new Tensor(before, new Internals(dy.#share()))],
    };
    return new Tensor(extents, new Internals(this.#share(), wanted ? gradFn : undefined));
  }

  /**
   * Gives the same numbers, in the same memory, with another graph.
   *
   * @param gradFn how they were made; undefined for a leaf
   * @returns a tensor of the same shape
   */
  withHistory(gradFn: GradFn | undefined): Tensor {
    return new Tensor(this.shape, new Internals(this.#share(), gradFn));
  }

  /** True if no other tensor uses the same memory. */
  get ownsMemory(): boolean {
    return this.#live().refCount === 1;
  }

  #share(): Storage {
    const storage = this.#live();
    storage.refCount++;
    return storage;
  }

  /**
   * Takes ownership of further tensors that the backward needs: they are freed with this one.
   *
   * @param tensors fresh tensors that have no other owner
   */
  own(tensors: readonly Tensor[]): void {
    this.#owned = tensors;
    for (const tensor of tensors) takeFromTidy(tensor);
  }

  /** Frees the memory. Doing so twice does no harm. */
  dispose(): void {
    if (this.#storage === undefined) return;
    registry?.unregister(this);
    this.#storage.release();
    this.#storage = undefined;
    this.#gradFn = undefined;
    this.#grad?.dispose();
    this.#grad = undefined;
    this.rowGrad?.dispose();
    this.rowGrad = undefined;
    for (const tensor of this.#owned ?? []) tensor.dispose();
    this.#owned = undefined;
  }

  /** Frees the memory at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Leaves the memory to the garbage collector. */
  onUntracked(): void {
    if (this.#storage !== undefined) registry?.register(this, this.#storage, this);
    for (const tensor of this.#owned ?? []) tensor.onUntracked();
  }

  /** Gradient of a parameter after `backward`: the sum since the last `zeroGrad`; or undefined. */
  get grad(): Tensor | undefined {
    return this.#grad?.disposed ? undefined : this.#grad;
  }

  /** @param value a tensor of the same shape, which now belongs to this one, or undefined */
  set grad(value: Tensor | undefined) {
    if (value !== undefined) {
      if (!(value instanceof Tensor)) typeError('grad', 'the gradient', 'a tensor', value);
      if (value.disposed) throw new Error('grad: the gradient was disposed of');
      if (value.#storage === this.#storage) {
        throw new RangeError('grad: the gradient must have memory of its own');
      }
      if (!sameShape(value.shape, this.shape)) {
        const expected = `of shape ${showShape(this.shape)}`;
        rangeError('grad', 'the gradient', expected, showShape(value.shape));
      }
      untrack(value);
    }
    this.#grad = value;
  }

  /**
   * Computes the gradients of this scalar with respect to every parameter that it depends on, and
   * adds them to the parameters' `grad`.
   *
   * @throws {RangeError} if it holds more than one number
   * @throws {Error} before any gradient changes: if it depends on no parameter, if something that it
   *   was made from was disposed of (as at the end of a `tidy`), or if numbers that the backward
   *   needs were overwritten since the forward
   */
  backward(): void {
    if (this.disposed) throw new Error('backward: the loss was disposed of');
    if (this.size !== 1) {
      throw new RangeError(`backward: the loss must be a scalar, got ${showShape(this.shape)}`);
    }
    if (!this.requiresGrad) {
      throw new Error('backward: the loss depends on no parameter, or was made under noGrad');
    }
    noGrad(() => this.#propagate());
  }

  #propagate(): void {
    const graph = this.#graph();
    const pendingGrads = new Map<Tensor, Tensor>([[this, filled(this.shape, 1)]]);
    try {
      for (const output of graph) {
        const dy = pendingGrads.get(output);
        if (dy === undefined) continue;
        pendingGrads.delete(output);
        const gradFn = output.#gradFn;
        if (gradFn === undefined) {
          accumulateGrad(output, dy);
          continue;
        }
        const grads = gradFn.backward(dy);
        gradFn.inputs.forEach((input, i) => {
          const grad = grads[i];
          if (grad === undefined) return;
          if (!input.requiresGrad) {
            grad.dispose();
            return;
          }
          checkFinite(`the backward of ${gradFn.name}`, grad);
          const before = pendingGrads.get(input);
          if (before === undefined) {
            pendingGrads.set(input, grad);
          } else {
            kernels(nnCode).accumulate(before.at, grad.at, grad.size);
            grad.dispose();
          }
        });
        dy.dispose();
      }
    } finally {
      for (const grad of pendingGrads.values()) grad.dispose();
    }
  }

  /** Lists all tensors with gradients that this one depends on, latest first, and checks them. */
  #graph(): Tensor[] {
    const found = new Set<Tensor>([this]);
    for (const output of found) {
      const { name, inputs, saved } = output.#gradFn ?? { name: '', inputs: [], saved: [] };
      for (const input of inputs) {
        if (!input.requiresGrad) continue;
        if (input.disposed) throw new Error(disposedMessage(name, input));
        found.add(input);
      }
      for (const { tensor, version } of saved) {
        if (tensor.disposed) throw new Error(disposedMessage(name, tensor));
        if (tensor.version === version) continue;
        throw new Error(
          `backward: ${name} needs the numbers of a tensor ${showShape(tensor.shape)} as they were, but they were overwritten since; copy before you change, or call backward first`,
        );
      }
    }
    return [...found].sort((a, b) => b.order - a.order);
  }

  /** The tensors that this one was made from. */
  get parents(): readonly Tensor[] {
    return this.#gradFn?.inputs ?? [];
  }
}

/** Makes the message about a tensor of the graph that was disposed of. */
function disposedMessage(name: string, { shape }: Tensor): string {
  return (
    `backward: ${name} needs a tensor ${showShape(shape)} that was disposed of: by dispose(), or at ` +
    'the end of the tidy that it was made in; call backward inside the same tidy'
  );
}

/** Adds to a leaf's gradient, which lives as long as the leaf. */
function accumulateGrad(leaf: Tensor, grad: Tensor): void {
  const before = leaf.grad;
  if (before === undefined) leaf.grad = grad;
  else {
    kernels(nnCode).accumulate(before.at, grad.at, grad.size);
    before.markChanged();
    grad.dispose();
  }
}

/** Makes a tensor whose numbers the caller writes before they can be read. */
export function empty(shape: Shape): Tensor {
  return new Tensor(shape, new Internals(new Storage(allocate(4 * sizeOf(shape)))));
}

/** Makes a tensor whose numbers are all the same. */
export function filled(shape: Shape, value: number): Tensor {
  const made = empty(shape);
  kernels(nnCode).fillArray(made.at, made.size, value);
  return made;
}
