/**
 * A sentence encoder: texts to rows whose cosines say how near their meanings are (Reimers and
 * Gurevych, 2019, https://arxiv.org/abs/1908.10084). Its network turns tokens to hidden states and
 * pools them, or takes the mean of a row per token; then follow the modules of its folder.
 */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import {
  copyIn,
  copyOut,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../../core/matrix.js';
import { f32, scoped } from '../../core/memory.js';
import { readOptions } from '../../core/options.js';
import { turn } from '../../core/turn.js';
import { checkSignal, checkString, integerIn, rangeError } from '../../core/validation.js';
import { TokenList } from '../../data/text/pipeline/token-list.js';
import { checkTextList } from '../../data/text/tokenizer.js';
import { forEachScoreRow } from '../../linalg/similarity.js';
import { SENTENCE_ENCODER } from './brand.js';
import { applyPooling, applyRowModule, normalizeInPlace, outputWidth } from './modules.js';
import type { SentenceParts, SimilarityName } from './parts.js';
import type { TokenBatch } from './transformer.js';

/** Options of `SentenceEncoder.encode`. */
export interface EncodeOptions {
  /**
   * Columns that are kept, from the first on, for encoders trained to have their meaning there; a
   * row that the encoder normalizes is normalized again. From 1 to `width`.
   * @default width
   */
  dimensions?: number | undefined;
  /**
   * Text put before each text.
   * @default that of promptName
   */
  prompt?: string | undefined;
  /**
   * Name of one of the encoder's prompts.
   * @default the encoder's default prompt, if it has one
   */
  promptName?: string | undefined;
}

/** Options of `SentenceEncoder.encodeStream`. */
export interface EncodeStreamOptions extends EncodeOptions {
  /**
   * Texts that are encoded between two turns of the event loop, at least 1.
   * @default 32
   */
  batchSize?: number | undefined;
  /** Stops the stream. */
  signal?: { readonly aborted: boolean } | undefined;
}

/** Rows of a batch of texts. */
export interface EncodedBatch {
  /** Index of the first text of the batch. */
  start: number;
  /** (texts of the batch, width) */
  rows: Matrix;
}

/** Tokens that go through a network at once, unless one text alone has more. */
const TOKENS_AT_ONCE = 1024;
/** Texts of a static encoder that are pooled at once. */
const TEXTS_AT_ONCE = 256;

/** Checked options of one call. */
interface EncodePlan {
  prompt: string;
  dimensions: number;
}

/**
 * All of a `SentenceEncoder` but its public constructor, which learns tokens and draws weights: who
 * only loads an encoder bundles nothing of that.
 */
export class BaseSentenceEncoder {
  /** @internal */
  readonly brand = SENTENCE_ENCODER;
  readonly #parts: SentenceParts;
  readonly #width: number;

  /** @internal */
  constructor(parts: SentenceParts) {
    this.#parts = parts;
    const { network, modules } = parts;
    const width =
      network.kind === 'bert'
        ? network.encoder.config.width * network.pooling.modes.length
        : network.encoder.width;
    this.#width = modules.reduce((cols, module) => outputWidth(module, cols), width);
  }

  /** Columns of a row. */
  get width(): number {
    return this.#width;
  }

  /** Tokens of a text that count, special ones among them; the text is cut there. Infinity if all do. */
  get maxTokens(): number {
    return this.#parts.tokens.rules.maxTokens ?? Number.POSITIVE_INFINITY;
  }

  /** Kind of network: a transformer, or a row per token. */
  get kind(): 'bert' | 'static' {
    return this.#parts.network.kind;
  }

  /** The encoder's prompts by name. */
  get prompts(): Readonly<Record<string, string>> {
    return this.#parts.settings.prompts;
  }

  /** Name of the prompt that is used where none is given; undefined without one. */
  get defaultPromptName(): string | undefined {
    return this.#parts.settings.defaultPromptName;
  }

  /** Name of the function that `similarity` compares rows by. */
  get similarityName(): SimilarityName {
    return this.#parts.settings.similarity;
  }

  /**
   * Parts of the encoder, for what uses or saves it.
   * @internal
   */
  get parts(): SentenceParts {
    this.#parts.prepare?.();
    return this.partsToTrain;
  }

  /**
   * Parts of the encoder, for what trains it: the table of a new one may not be drawn yet.
   * @internal
   */
  get partsToTrain(): SentenceParts {
    this.#parts.refresh?.();
    return this.#parts;
  }

  /** True if the last module normalizes the rows. */
  get #normalizes(): boolean {
    return this.#parts.modules.at(-1)?.type === 'Normalize';
  }

  #plan(name: string, options: ReturnType<typeof readOptions>): EncodePlan {
    const { prompts, defaultPromptName } = this.#parts.settings;
    const dimensions = options.read(
      'dimensions',
      integerIn(1, this.#width, 'the columns of a row'),
      this.#width,
    );
    const given = options.optional('prompt', checkString);
    const promptName = options.optional('promptName', checkString);
    if (promptName !== undefined && !Object.hasOwn(prompts, promptName)) {
      const known = Object.keys(prompts).map((each) => `'${each}'`);
      const list =
        known.length === 0 ? 'undefined, as the encoder has no prompts' : known.join(' or ');
      rangeError(name, 'promptName', list, promptName);
    }
    const chosen = promptName ?? defaultPromptName;
    return { prompt: given ?? (chosen === undefined ? '' : (prompts[chosen] ?? '')), dimensions };
  }

  #live(name: string): void {
    if (this.#parts.memory.disposed) {
      throw new Error(`${name}: the encoder was disposed of and can't be used any more`);
    }
  }

  /**
   * Encodes texts.
   *
   * @param texts one text, or several
   * @param options prompt, columns
   * @returns (texts, width), or as many columns as `dimensions` says; normalized if the encoder's
   * folder says so
   * @throws {TypeError} if a text is not a string, {RangeError} if there is none
   * @example const { data, rows, cols } = encoder.encode(['near', 'far']);
   */
  encode(texts: string | readonly string[], options?: EncodeOptions): Matrix {
    this.#live('encode');
    const list = checkTextList('encode', texts);
    const reader = readOptions('encode', options);
    const plan = this.#plan('encode', reader);
    reader.done();
    return this.#encode(list, plan);
  }

  /**
   * Encodes texts a batch at a time and gives the event loop a turn between two, so that a page
   * paints and a server answers. Ends early at its signal. The same bits as `encode`.
   *
   * @param texts one text, or several
   * @param options prompt, columns, texts of a batch, signal
   * @returns rows of one batch after the other, each with the index of its first text
   * @throws {TypeError} if a text is not a string, {RangeError} if there is none
   * @example
   * for await (const { start, rows } of encoder.encodeStream(texts)) index.upsert(ids.slice(start, start + rows.rows), rows);
   */
  encodeStream(
    texts: string | readonly string[],
    options?: EncodeStreamOptions,
  ): AsyncGenerator<EncodedBatch, void, void> {
    this.#live('encodeStream');
    const list = checkTextList('encodeStream', texts);
    const reader = readOptions('encodeStream', options);
    const plan = this.#plan('encodeStream', reader);
    const batchSize = reader.read('batchSize', integerIn(1), 32);
    const signal = reader.optional('signal', checkSignal);
    reader.done();
    return this.#stream(list, plan, batchSize, signal);
  }

  async *#stream(
    texts: readonly string[],
    plan: EncodePlan,
    batchSize: number,
    signal: { readonly aborted: boolean } | undefined,
  ): AsyncGenerator<EncodedBatch, void, void> {
    for (let start = 0; start < texts.length; start += batchSize) {
      if (signal?.aborted) return;
      this.#live('encodeStream');
      yield { start, rows: this.#encode(texts.slice(start, start + batchSize), plan) };
      if (start + batchSize < texts.length) await turn();
    }
  }

  #encode(texts: readonly string[], { prompt, dimensions }: EncodePlan): Matrix {
    const { tokens, network } = this.parts;
    const data = new Float32Array(texts.length * dimensions);
    const skipped =
      network.kind === 'bert' && !network.pooling.includePrompt ? tokens.promptLength(prompt) : 0;
    const maxTexts = network.kind === 'bert' ? texts.length : TEXTS_AT_ONCE;
    const maxTokens = network.kind === 'bert' ? TOKENS_AT_ONCE : Number.POSITIVE_INFINITY;
    const list = new TokenList();
    const offsets = new Int32Array(1 + Math.min(maxTexts, texts.length));
    let count = 0;
    let start = 0;
    /** Encodes the first texts of the list and leaves the others in it. */
    const flush = (ready: number): void => {
      const end = offsets[ready] as number;
      const batch = { ids: list.ids.subarray(0, end), offsets: offsets.subarray(0, ready + 1) };
      this.#run(batch, skipped, dimensions, data, start * dimensions);
      list.remove(0, end);
      start += ready;
      count -= ready;
      if (count > 0) offsets[count] = list.length;
    };
    for (const text of texts) {
      tokens.append(list, prompt + text);
      offsets[++count] = list.length;
      if (count > 1 && list.length > maxTokens) flush(count - 1);
      if (count === maxTexts) flush(count);
    }
    if (count > 0) flush(count);
    return { data, rows: texts.length, cols: dimensions };
  }

  /** Rows of some texts' tokens, into `data` from index `to` on. */
  #run(
    batch: TokenBatch,
    skipped: number,
    dimensions: number,
    data: Float32Array,
    to: number,
  ): void {
    const { network, modules } = this.#parts;
    const texts = batch.offsets.length - 1;
    scoped((scope) => {
      let cols: number;
      let x: number;
      if (network.kind === 'bert') {
        const { encoder, pooling } = network;
        const { width } = encoder.config;
        cols = width * pooling.modes.length;
        x = scope.f32(texts * cols);
        const hidden = batch.ids.length === 0 ? x : encoder.forward(scope, batch);
        applyPooling(pooling, x, hidden, scope.i32From(batch.offsets), texts, width, skipped);
      } else {
        cols = network.encoder.width;
        x = network.encoder.forward(scope, batch);
      }
      for (const module of modules) {
        x = applyRowModule(scope, module, x, texts, cols);
        cols = outputWidth(module, cols);
      }
      if (dimensions < cols) {
        const heap = f32();
        for (let r = 0; r < texts; r++) {
          const from = x / 4 + r * cols;
          heap.copyWithin(x / 4 + r * dimensions, from, from + dimensions);
        }
        if (this.#normalizes) normalizeInPlace(scope, x, texts, dimensions);
      }
      const bad = kernels().firstNonFinite(x, texts * dimensions);
      if (bad >= 0) {
        throw new RangeError(
          `encode: the row of text ${to / dimensions + Math.floor(bad / dimensions)} is past f32's range: the encoder's weights are too large`,
        );
      }
      data.set(f32().subarray(x / 4, x / 4 + texts * dimensions), to);
    });
  }

  /**
   * Compares rows as the encoder's folder says: cosine, dot product, or minus the euclidean or
   * Manhattan distance, so that larger is always nearer.
   *
   * @param a (m, d), or one vector
   * @param b (n, d), or one vector
   * @returns (m, n)
   * @example encoder.similarity(encoder.encode('password'), encoder.encode(documents))
   */
  similarity(a: MatrixLike | NumberArray, b: MatrixLike | NumberArray): Matrix {
    const left = readMatrix('similarity', 'a', a, true);
    const right = readMatrix('similarity', 'b', b, true);
    if (left.cols !== right.cols) {
      rangeError('similarity', 'b', `${left.cols} wide like a`, right.cols);
    }
    const { similarity } = this.#parts.settings;
    return scoped((scope) => {
      const [m, n] = [left.rows, right.rows];
      const result = scope.f32(m * n);
      if (similarity === 'manhattan') {
        const [x, y] = [copyIn(scope, left), copyIn(scope, right)];
        kernels(sentence).manhattanRows(result, x, y, m, n, left.cols);
      } else {
        forEachScoreRow(scope, left, right, similarity, (scores, row) => {
          f32().copyWithin(result / 4 + row * n, scores / 4, scores / 4 + n);
        });
      }
      return copyOut('similarity', result, m, n);
    });
  }

  /** Frees the weights at once; without it they are freed when the encoder is collected. */
  dispose(): void {
    this.#parts.memory.dispose();
  }

  /** Frees the weights at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
