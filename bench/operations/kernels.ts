/**
 * Kernels that no function of `nearfar` shows as they are: rows of their own, run on an instance
 * with its own memory.
 */

/** A function of one number that a kernel applies to an array. */
export interface ArrayKernel {
  name: 'expArray' | 'logArray' | 'tanhArray';
  /** The function in f64. */
  reference(x: number): number;
  /** Largest error that is allowed, in ulp of the exact result as f32. */
  ulp: number;
}

export const arrayKernels: readonly ArrayKernel[] = [
  { name: 'expArray', reference: Math.exp, ulp: 1 },
  { name: 'logArray', reference: Math.log, ulp: 2 },
  { name: 'tanhArray', reference: Math.tanh, ulp: 1.5 },
];

/** A kernel's backward, checked against finite differences of its forward in f64. */
export interface BackwardKernel {
  name: string;
  /** y of one row of x, in f64. */
  forward(x: readonly number[]): number[];
  /**
   * Calls the kernel on rows of x with the gradient dy of y.
   * @returns the gradient of x
   */
  backward(
    host: KernelHost,
    dy: Float32Array,
    y: Float32Array,
    x: Float32Array,
    rows: number,
  ): Float32Array;
}

/** The largest number, and the sum of exp(x - largest). */
export const exponentials = (x: readonly number[]): { max: number; sum: number } => {
  const max = Math.max(...x);
  return { max, sum: x.reduce((sum, value) => sum + Math.exp(value - max), 0) };
};

export const backwardKernels: readonly BackwardKernel[] = [
  {
    name: 'softmaxRowsBackward',
    forward(x) {
      const { max, sum } = exponentials(x);
      return x.map((value) => Math.exp(value - max) / sum);
    },
    backward(host, dy, y, x, rows) {
      const at = [dy, y].map((values) => host.put(values)) as [number, number];
      host.call('softmaxRowsBackward', at[0], at[0], at[1], rows, x.length / rows);
      return host.take(at[0], x.length);
    },
  },
  {
    name: 'logSumExpRowsBackward',
    forward(x) {
      const { max, sum } = exponentials(x);
      return [max + Math.log(sum)];
    },
    backward(host, dy, y, x, rows) {
      const at = [dy, y, x].map((values) => host.put(values)) as [number, number, number];
      host.call('logSumExpRowsBackward', at[2], at[0], at[1], at[2], rows, x.length / rows);
      return host.take(at[2], x.length);
    },
  },
];

/** The kernels on a memory of their own, from which blocks are only ever taken. */
export class KernelHost {
  readonly #memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 });
  readonly #exports: Record<string, (...args: number[]) => number>;
  #top: number;

  constructor(code: Uint8Array<ArrayBuffer>) {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), {
      env: { memory: this.#memory },
    });
    this.#exports = exports as Record<string, (...args: number[]) => number>;
    this.#top = this.call('heapBase');
  }

  call(name: string, ...args: number[]): number {
    const kernel = this.#exports[name];
    if (kernel === undefined) throw new Error(`unknown kernel ${name}`);
    return kernel(...args);
  }

  /** Copies floats in and returns where they are. */
  put(values: Float32Array): number {
    const at = Math.ceil(this.#top / 64) * 64;
    this.#top = at + values.byteLength + 64;
    const missing = this.#top - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
    new Float32Array(this.#memory.buffer).set(values, at / 4);
    return at;
  }

  /** Copies floats out. */
  take(at: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer).slice(at / 4, at / 4 + length);
  }
}
