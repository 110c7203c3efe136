/**
 * A static encoder from a transformer, as model2vec 0.10 makes it (Tulkens and van Dongen, 2024,
 * https://github.com/MinishLab/model2vec): every token goes through the transformer in its frame,
 * the rows are projected on their principal components, and each is weighted by the rank of its
 * token, as vocabularies are ordered by frequency (Zipf's law, and SIF of Arora et al., 2017).
 *
 *   x = mean of the hidden states of [CLS] token [SEP]              (V, C)
 *   row = PCA(x) · a / (a + p),  p ∝ 1 / (rank + 2),  a = 1e-4      (V, width)
 */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import type { Matrix } from '../../core/matrix.js';
import { f32, scoped } from '../../core/memory.js';
import { readOptions } from '../../core/options.js';
import { writeRawSafetensors } from '../../core/safetensors.js';
import { turn } from '../../core/turn.js';
import {
  checkCallback,
  checkInteger,
  checkSignal,
  integerIn,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { keepTokens } from '../../data/text/pipeline/keep-tokens.js';
import type { PipelineTokenizer } from '../../data/text/pipeline/tokenizer.js';
import { pca } from '../../linalg/pca.js';
import { type Files, readJson, writeJson } from '../files/files.js';
import { BaseSentenceEncoder } from './encoder.js';
import { loadSentenceEncoder } from './load.js';
import { applyPooling, MEAN_POOLING } from './modules.js';
import type { SentenceParts } from './parts.js';
import type { SentenceEncoder } from './sentence-encoder.js';
import type { TransformerEncoder } from './transformer.js';
import { TABLE_TYPES } from './weights.js';

/** Counts of `distill`. */
export interface DistillProgress {
  /** Tokens that went through the transformer. */
  done: number;
  /** Tokens in all. */
  total: number;
}

/** Options of `distill`. */
export interface DistillOptions {
  /**
   * Columns of the static encoder's rows, from 1 to those of the transformer's hidden states.
   * @default 256, or what there is
   */
  width?: number | undefined;
  /**
   * Seed of the run. Nothing is drawn today, so that every seed gives the same bits.
   * @default 0
   */
  seed?: number | undefined;
  /** Stops the work; the promise is rejected with its reason. */
  signal?: { readonly aborted: boolean; readonly reason?: unknown } | undefined;
  /** Is called after each batch of tokens. */
  onProgress?: ((progress: DistillProgress) => void) | undefined;
}

const NAME = 'distill';

/** Coefficient a of a / (a + p). */
const SIF_COEFFICIENT = 1e-4;
/** Tokens of a text that count at most, as model2vec's `max_length`. */
const MAX_LENGTH = 512;
/** Tokens that go through the transformer between two turns of the event loop. */
const TOKENS_AT_ONCE = 256;
/** Tokens that stand for nothing, which a vocabulary holds for others to use. */
const UNUSED = /^\[unused\d+\]/;

/** Name of a special token in the files next to a `tokenizer.json`. */
function specialName(files: ReadonlyMap<string, Uint8Array>, key: string): string | undefined {
  for (const file of ['tokenizer_config.json', 'special_tokens_map.json']) {
    if (!files.has(file)) continue;
    const token = readJson(NAME, files as Files, file)[key];
    const content = typeof token === 'object' ? (token as { content?: unknown } | null) : undefined;
    const name = content === undefined ? token : content?.content;
    if (typeof name === 'string') return name;
  }
  return undefined;
}

/** Unknown and padding token of a tokenizer. */
function specialTokens({ tokens, files }: SentenceParts): {
  unknown: string | undefined;
  padding: string | undefined;
} {
  const { tokenizer } = tokens;
  const { unknown: id } = tokenizer.model;
  const found = [...tokenizer.model.vocabulary].find(([, each]) => each === id)?.[0];
  const { padding } = tokenizer.json as { padding?: { pad_token?: unknown } | null };
  const known = (token: unknown): string | undefined =>
    typeof token === 'string' && tokenizer.idOf(token) !== undefined ? token : undefined;
  return {
    unknown: known(specialName(files, 'unk_token')) ?? found,
    padding: known(specialName(files, 'pad_token')) ?? known(padding?.pad_token),
  };
}

/** Means of the hidden states of tokens in their frame, (ids, C). */
async function embedTokens(
  encoder: SentenceEncoder,
  network: TransformerEncoder,
  tokenizer: PipelineTokenizer,
  ids: Int32Array,
  { signal, onProgress }: DistillOptions,
): Promise<Matrix> {
  const cols = network.config.width;
  const { prefix, suffix } = tokenizer.frame;
  const length = prefix.length + 1 + suffix.length;
  const data = new Float32Array(ids.length * cols);
  for (let start = 0; start < ids.length; start += TOKENS_AT_ONCE) {
    if (signal?.aborted) throw signal.reason ?? new Error(`${NAME}: the signal was aborted`);
    if (encoder.parts.memory.disposed) throw new Error(`${NAME}: the encoder was disposed of`);
    const some = ids.subarray(start, start + TOKENS_AT_ONCE);
    scoped((scope) => {
      const batch = {
        ids: Int32Array.from([...some].flatMap((id) => [...prefix, id, ...suffix])),
        offsets: Int32Array.from({ length: some.length + 1 }, (_, i) => i * length),
      };
      const hidden = network.forward(scope, batch);
      const rows = scope.f32(some.length * cols);
      const offsets = scope.i32From(batch.offsets);
      applyPooling(MEAN_POOLING, rows, hidden, offsets, some.length, cols, 0);
      const bad = kernels().firstNonFinite(rows, some.length * cols);
      if (bad >= 0) {
        const token = start + Math.floor(bad / cols);
        rangeError(NAME, 'encoder', `finite for every token, as token ${token}`, Number.NaN);
      }
      data.set(f32().subarray(rows / 4, rows / 4 + some.length * cols), start * cols);
    });
    onProgress?.({ done: Math.min(start + TOKENS_AT_ONCE, ids.length), total: ids.length });
    await turn();
  }
  return { data, rows: ids.length, cols };
}

/** Factor of each token by its rank. */
function rankWeights(count: number): Float32Array {
  let sum = 0;
  for (let rank = 0; rank < count; rank++) sum += 1 / (rank + 2);
  return Float32Array.from(
    { length: count },
    (_, rank) => SIF_COEFFICIENT / (SIF_COEFFICIENT + 1 / (rank + 2) / sum),
  );
}

/** Rows times a factor each. */
function weightRows({ data, rows, cols }: Matrix, weights: Float32Array): Float32Array {
  return scoped((scope) => {
    const [from, to, factors] = [scope.f32(rows * cols), scope.f32(rows * cols), scope.f32(rows)];
    f32().set(data, from / 4);
    f32().set(weights, factors / 4);
    const each = Int32Array.from({ length: rows + 1 }, (_, i) => i);
    const ids = scope.i32From(each.subarray(0, rows));
    const type = TABLE_TYPES.indexOf('F32');
    // Bags of one row each.
    const offsets = scope.i32From(each);
    kernels(sentence).embeddingBags(to, from, type, 0, 0, 0, factors, ids, offsets, rows, cols);
    return f32().slice(to / 4, to / 4 + rows * cols);
  });
}

/** Files of the static encoder, in model2vec's layout. */
function staticFiles(json: unknown, table: Float32Array, rows: number, cols: number): Files {
  const bytes = new Uint8Array(table.buffer, table.byteOffset, table.byteLength);
  const arrays = new Map([['embeddings', { dtype: 'F32', shape: [rows, cols], bytes }]]);
  const config = {
    ...{ model_type: 'model2vec', architectures: ['StaticModel'] },
    ...{ apply_pca: cols, sif_coefficient: SIF_COEFFICIENT, hidden_dim: cols },
    ...{ seq_length: 1_000_000, normalize: true, pooling: 'mean', max_length: MAX_LENGTH },
  };
  return new Map([
    ['config.json', writeJson(config)],
    ['model.safetensors', writeRawSafetensors(arrays, {})],
    // A line each would make a vocabulary half as large again.
    ['tokenizer.json', new TextEncoder().encode(JSON.stringify(json))],
  ]);
}

/**
 * Makes a static encoder of a transformer's: a row per token, whose mean is a text's row, hundreds
 * of times faster and a little less exact. The same as model2vec 0.10 makes with its defaults; what
 * `saveSentenceEncoder` writes of it opens in model2vec and in sentence-transformers. Train it on
 * your own texts to make it better.
 *
 * Gives the event loop a turn after each batch of tokens. Threads are used where they are set.
 *
 * @param encoder a transformer, from `loadSentenceEncoder`
 * @param options width, seed, signal, progress
 * @returns a static encoder with rows of unit length; `dispose()` frees its weights at once
 * @throws {TypeError} if the encoder is static already, {RangeError} if the width is too large
 * @see https://github.com/MinishLab/model2vec
 * @example
 * const small = await distill(encoder, { width: 256 });
 * for (const [path, bytes] of saveSentenceEncoder(small)) writeFileSync(join(folder, path), bytes);
 */
export async function distill(
  encoder: SentenceEncoder,
  options?: DistillOptions,
): Promise<SentenceEncoder> {
  if (!(encoder instanceof BaseSentenceEncoder)) {
    typeError(NAME, 'encoder', 'a SentenceEncoder', encoder);
  }
  const { parts } = encoder;
  const { network, tokens, memory } = parts;
  if (memory.disposed) throw new Error(`${NAME}: the encoder was disposed of`);
  if (network.kind === 'static') {
    throw new TypeError(`${NAME}: encoder must be a transformer, got a static encoder`);
  }
  const { tokenizer } = tokens;
  const special = specialTokens(parts);
  const keeps = (token: string): boolean => !UNUSED.test(token);
  const { json, ids } = keepTokens(tokenizer, { keeps, ...special, maxLength: MAX_LENGTH });
  const hidden = network.encoder.config.width;
  const largest = Math.min(hidden, ids.length - 1);
  const reader = readOptions(NAME, options);
  const what = hidden === largest ? 'the columns of hidden states' : 'fewer than its tokens';
  const width = reader.read('width', integerIn(1, largest, what), Math.min(256, largest));
  reader.read('seed', checkInteger, 0);
  const signal = reader.optional('signal', checkSignal<NonNullable<DistillOptions['signal']>>);
  const onProgress = reader.optional(
    'onProgress',
    checkCallback<NonNullable<DistillOptions['onProgress']>>,
  );
  reader.done();
  const run = { signal, onProgress };
  const rows = await embedTokens(encoder, network.encoder, tokenizer, ids, run);
  const { projected } = pca(rows, { components: width });
  const table = weightRows(projected, rankWeights(ids.length));
  return loadSentenceEncoder(staticFiles(json, table, ids.length, width));
}
