/** An adapter: a small map behind ready-made embeddings, trained on the pairs of one's own data. */

import {
  copyIn,
  copyOut,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { f32, scoped } from '../core/memory.js';
import { checkNoOptions, readOptions } from '../core/options.js';
import { gemm } from '../core/products.js';
import type { ShapedArray } from '../core/safetensors.js';
import { checkFlag, integerIn, type NoOptions, oneOf, rangeError } from '../core/validation.js';
import { readAdapter, writeAdapter, writeDense } from './files.js';
import { Layers } from './layers.js';
import {
  type AdapterShape,
  identityMatrix,
  MAX_WIDTH,
  SIDES,
  type Side,
  type Weights,
} from './shape.js';

/** Options of {@link Adapter}. */
export interface AdapterOptions {
  /** Columns of the embeddings, at least 1. */
  inputWidth: number;
  /**
   * Columns of the adapted embeddings, at least 1. Where it is smaller, training starts from the PCA
   * projection of the training rows.
   * @default inputWidth
   */
  outputWidth?: number | undefined;
  /** Low rank: y = x + x A B with A of so many columns, from 1; a full matrix without it. */
  rank?: number | undefined;
  /** Two layers: y = x + relu(x A + a) B with so many hidden units, from 1. */
  hidden?: number | undefined;
  /**
   * Side that is adapted: queries and documents alike, or queries alone, so that an index of documents
   * stays as it is.
   * @default 'both'
   */
  side?: 'both' | 'query' | undefined;
  /**
   * Add a vector at the end.
   * @default false
   */
  bias?: boolean | undefined;
}

/** Options of {@link Adapter.apply}. */
export interface ApplyOptions {
  /**
   * Side of the rows. An adapter for queries only gives documents back as they are.
   * @default 'query'
   */
  side?: 'query' | 'document' | undefined;
}

/** Key of an adapter's weights, which is not exported from the package. */
export const WEIGHTS: unique symbol = /* @__PURE__ */ Symbol('weights');

/** Sides of a row. */
const ROW_SIDES = ['query', 'document'] as const;

/**
 * A linear map, a low-rank one or a small two-layer network behind embeddings. A new one is the
 * identity: it gives rows back bit for bit, until `fitAdapter` or `tuneAdapter` has trained it. One
 * that narrows keeps the first columns until then.
 *
 * @example
 * const adapter = new Adapter({ inputWidth: 384 });
 * for await (const { step, loss } of fitAdapter(adapter, { queries, documents, pairs })) console.log(step, loss);
 * const query = adapter.apply(embedding);
 */
export class Adapter {
  /** Columns of the embeddings. */
  readonly inputWidth: number;
  /** Columns of the adapted embeddings. */
  readonly outputWidth: number;
  /** Columns between the two narrow matrices of a low-rank adapter. */
  readonly rank: number | undefined;
  /** Hidden units of a two-layer adapter. */
  readonly hidden: number | undefined;
  /** Side that is adapted: queries and documents alike, or queries alone. */
  readonly side: Side;
  /** True if a vector is added at the end. */
  readonly bias: boolean;
  #weights: Weights | undefined;
  #layers: Layers | undefined;

  /**
   * @param options inputWidth, outputWidth, rank, hidden, side, bias
   * @throws {RangeError} if both rank and hidden are given, or queries alone would get another width
   */
  constructor(options: AdapterOptions) {
    const name = 'Adapter';
    const reader = readOptions(name, options);
    const width = integerIn(1, MAX_WIDTH);
    this.inputWidth = reader.read('inputWidth', width);
    this.outputWidth = reader.read('outputWidth', width, this.inputWidth);
    this.rank = reader.optional('rank', integerIn(1, MAX_WIDTH));
    this.hidden = reader.optional('hidden', integerIn(1, MAX_WIDTH));
    this.side = reader.read('side', oneOf(SIDES), 'both');
    this.bias = reader.read('bias', checkFlag, false);
    reader.done();
    if (this.rank !== undefined && this.hidden !== undefined) {
      rangeError(name, 'hidden', 'left out where rank is given', this.hidden);
    }
    if (this.side === 'query' && this.outputWidth !== this.inputWidth) {
      const expected = `${this.inputWidth} like inputWidth, as documents stay as they are`;
      rangeError(name, 'outputWidth', expected, this.outputWidth);
    }
  }

  /** True for an adapter that has been neither trained nor loaded from a trained one. */
  get untrained(): boolean {
    return this.#weights === undefined;
  }

  /**
   * Adapts embeddings. A row's bits do not depend on what else is in the call. Rows are not
   * normalized: search by cosine, or normalize them.
   *
   * @param x (n, inputWidth) f32, or one vector
   * @param options side: what the rows are
   * @returns (n, outputWidth)
   * @throws {RangeError} if x has another width or a value is not finite
   * @example const { data } = adapter.apply(queryEmbedding);
   */
  apply(x: MatrixLike | NumberArray, options?: ApplyOptions): Matrix {
    const name = 'Adapter.apply';
    const input = readMatrix(name, 'x', x, true);
    const { rows, cols } = input;
    if (cols !== this.inputWidth) {
      rangeError(name, 'x', `${this.inputWidth} wide like inputWidth`, cols);
    }
    const reader = options === undefined ? undefined : readOptions(name, options);
    const side = reader?.read('side', oneOf(ROW_SIDES), 'query') ?? 'query';
    reader?.done();
    const weights = side === 'document' && this.side === 'query' ? undefined : this.#trained();
    return scoped((scope) => {
      const at = copyIn(scope, input);
      if (weights === undefined) return copyOut(name, at, rows, cols);
      this.#layers ??= new Layers(weights, this.outputWidth);
      const y = scope.f32(this.#layers.outputLength(rows));
      this.#layers.apply(scope, y, at, rows, cols);
      return copyOut(name, y, rows, this.outputWidth);
    });
  }

  /** Weights to apply; undefined for the identity. */
  #trained(): Weights | undefined {
    if (this.#weights !== undefined || this.inputWidth === this.outputWidth) return this.#weights;
    return new Map([['weight', identityMatrix(this.inputWidth, this.outputWidth)]]);
  }

  /**
   * Puts the map of documents into one matrix, which can be multiplied into stored vectors once. An
   * adapter for queries only leaves documents as they are: its matrix is the identity, whatever it
   * does to queries, which `toSentenceTransformers` writes.
   *
   * @param options none yet
   * @returns W (inputWidth, outputWidth): x W equals `apply(x, { side: 'document' })` up to rounding;
   *   the identity where documents stay as they are
   * @throws {RangeError} if the adapter has hidden units or a bias, which no matrix has
   * @example const stored = matmul(documents, adapter.fold());
   */
  fold(options?: NoOptions): Matrix {
    const name = 'Adapter.fold';
    checkNoOptions(name, options);
    if (this.bias) rangeError(name, 'the adapter', 'without a bias', 'one with a bias');
    if (this.side === 'query') {
      this.#refuseHidden(name);
      return { data: this.#identity().data, rows: this.inputWidth, cols: this.outputWidth };
    }
    return { data: this.#matrix(name), rows: this.inputWidth, cols: this.outputWidth };
  }

  #identity(): ShapedArray {
    return identityMatrix(this.inputWidth, this.outputWidth);
  }

  #refuseHidden(name: string): void {
    if (this.hidden === undefined) return;
    rangeError(name, 'the adapter', 'without hidden units', `one with ${this.hidden}`);
  }

  /** The whole map of queries as one matrix, row by row. */
  #matrix(name: string): Float32Array {
    this.#refuseHidden(name);
    const [rows, cols] = [this.inputWidth, this.outputWidth];
    const weights = this.#weights;
    const down = weights?.get('down')?.data;
    const up = weights?.get('up')?.data;
    const base = weights?.get('weight') ?? weights?.get('projection') ?? this.#identity();
    if (down === undefined || up === undefined) return base.data.slice();
    return scoped((scope) => {
      const at = [base.data, down, up].map((data) => {
        const to = scope.f32(data.length);
        f32().set(data, to / 4);
        return to;
      }) as [number, number, number];
      gemm(at[0], at[1], at[2], rows, cols, this.rank as number, false, false, true);
      return copyOut(name, at[0], rows, cols).data;
    });
  }

  /**
   * Writes the adapter as a safetensors file. The same adapter gives the same bytes.
   *
   * @param options none yet
   * @returns bytes of the file
   * @example await writeFile('adapter.safetensors', adapter.save());
   */
  save(options?: NoOptions): Uint8Array {
    checkNoOptions('Adapter.save', options);
    return writeAdapter(this, this.#weights);
  }

  /**
   * Reads an adapter that `save` wrote.
   *
   * @param bytes the file
   * @param options none yet
   * @returns the adapter
   * @throws {RangeError} if the bytes are not such a file
   * @example const adapter = Adapter.load(await readFile('adapter.safetensors'));
   */
  static load(bytes: Uint8Array, options?: NoOptions): Adapter {
    checkNoOptions('Adapter.load', options);
    const { shape, weights } = readAdapter('Adapter.load', bytes);
    const { rank, hidden, ...rest } = shape;
    const adapter = new Adapter({
      ...rest,
      ...(rank !== undefined && { rank }),
      ...(hidden !== undefined && { hidden }),
    });
    adapter.#weights = weights;
    return adapter;
  }

  /**
   * Writes the map of queries as a `Dense` module of sentence-transformers, which comes behind the
   * pooling of a model: save the files in a folder, load it with `Dense.load`. Where the adapter is
   * for both sides, that is the map of documents too, as `fold()` has it; where it is for queries only,
   * the module belongs behind a model that encodes queries alone.
   *
   * @param options none yet
   * @returns `config.json` and `model.safetensors`
   * @throws {RangeError} if the adapter has hidden units, which no dense layer has
   * @see https://sbert.net/docs/package_reference/sentence_transformer/models.html
   * @example for (const [path, bytes] of adapter.toSentenceTransformers()) await writeFile(`2_Dense/${path}`, bytes);
   */
  toSentenceTransformers(options?: NoOptions): Map<string, Uint8Array> {
    const name = 'Adapter.toSentenceTransformers';
    checkNoOptions(name, options);
    const bias = this.bias ? this.#weights?.get('bias')?.data : undefined;
    const matrix = { data: this.#matrix(name), shape: [this.inputWidth, this.outputWidth] };
    return writeDense(matrix, bias ?? (this.bias ? new Float32Array(this.outputWidth) : undefined));
  }

  /** Frees the memory that applying the adapter took; it takes it again when it is applied again. */
  dispose(): void {
    this.#layers?.dispose();
    this.#layers = undefined;
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal The weights; undefined for an untrained adapter. */
  get [WEIGHTS](): Weights | undefined {
    return this.#weights;
  }

  /** @internal */
  set [WEIGHTS](weights: Weights | undefined) {
    this.dispose();
    this.#weights = weights;
  }
}

/** The shape of an adapter, without its methods. */
export function shapeOf(adapter: Adapter): AdapterShape {
  const { inputWidth, outputWidth, rank, hidden, side, bias } = adapter;
  return { inputWidth, outputWidth, rank, hidden, side, bias };
}
