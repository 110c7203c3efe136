/** Scaled dot-product attention with many heads, fused. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, type Scope, scoped } from '../../core/memory.js';
import { checkNoOptions, type OptionReader, readOptions } from '../../core/options.js';
import {
  checkFlag,
  checkIntegers,
  type NoOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { checkSize, checkTensor } from '../check.js';
import { tensorOf } from '../leaf.js';
import { checkDropoutRate, type DropoutKeys, nextDropout } from '../random.js';
import { record } from '../record.js';
import { empty, Tensor } from '../tensor.js';
import { type Shape, sameShape, showShape } from '../tensor-data.js';
import { broadcastShape, expand } from './broadcast.js';

/** True where a query may look: booleans, nested by axes, or a tensor of 1 and 0. */
export type AttentionMask = Tensor | boolean | readonly AttentionMask[];

/** Options of `attention`. */
export interface AttentionOptions {
  /** Number of heads, a divisor of the width. */
  heads: number;
  /**
   * Let a query see only keys up to its own position.
   * @default false
   */
  causal?: boolean | undefined;
  /** Number of keys of each sample, from 1 to T, the others being padding; all if left out. */
  lengths?: ArrayLike<number> | undefined;
  /**
   * True, or 1 in a tensor, where a query may look at a key: of a shape that broadcasts to
   * (batch, heads, queries, keys). Numbers that are added to scores are no mask, and are refused.
   * A query that may look nowhere gives zeros, with a gradient of 0.
   */
  mask?: AttentionMask | undefined;
  /**
   * Fraction of the probabilities that are set to 0, the others scaled up; from 0 to below 1.
   * @default 0
   */
  dropout?: number | undefined;
}

/** Arguments of the attention kernels; assembly/nn/attention.ts says what each field means. */
interface AttentionArgs {
  q: Pointer;
  k: Pointer;
  v: Pointer;
  lengths?: Int32Array | undefined;
  batch: number;
  heads: number;
  queries: number;
  keys: number;
  width: number;
  ldq: number;
  ldk: number;
  ldy: number;
  causal: boolean;
  offset: number;
  dropout: number;
  dropoutKeys?: DropoutKeys | undefined;
  /** (1 or batch, 1 or heads, queries, keys) */
  mask?: Tensor | undefined;
  /** Rows where sequences begin, one more than there are samples. */
  offsets?: Int32Array | undefined;
  /** (heads, 2 reach + 1): added to the scores by the distance of query and key. */
  bias?: Tensor | undefined;
  /** (batch, heads, 2 reach + 1) */
  dBias?: Tensor | undefined;
}

const NO_DROPOUT: DropoutKeys = { seed: [0, 0], step: 0, rows: new Int32Array(0) };

/** Copies the arguments to WASM memory, as the kernels read them, and reserves their scratch. */
function withArgs(
  args: AttentionArgs,
  body: (args: Pointer, scratch: Pointer, scope: Scope) => void,
): void {
  const { q, k, v, lengths, batch, heads, queries, keys, width, ldq, ldk, ldy, mask } = args;
  const { causal, offset, dropout, dropoutKeys } = args;
  scoped((scope) => {
    const list = lengths ? scope.i32From(lengths) : 0;
    const sizes = [batch, heads, queries, keys, width, ldq, ldk, ldy];
    const { seed, step, rows } = dropoutKeys ?? NO_DROPOUT;
    const rowKeys = rows.length > 0 ? scope.i32From(rows) : 0;
    const limit = Math.ceil(dropout * 2 ** 24);
    const drop = [Number(causal), offset, limit, ...seed, step, rowKeys];
    const [maskBatch = 1, maskHeads = 1] = mask?.shape ?? [];
    const head = maskHeads === 1 ? 0 : queries * keys;
    const sample = maskBatch === 1 ? 0 : maskHeads * queries * keys;
    const { offsets, bias, dBias } = args;
    const reach = ((bias?.shape[1] ?? 1) - 1) / 2;
    const begins = offsets ? scope.i32From(offsets) : 0;
    const masking = [mask?.at ?? 0, sample, head];
    const sequences = [begins, bias?.at ?? 0, reach, dBias?.at ?? 0];
    const at = scope.i32From([q, k, v, list, ...sizes, ...drop, ...masking, ...sequences]);
    body(at, scope.f32(kernels(nnCode).attentionScratch(queries, keys, width)), scope);
  });
}

/** Turns booleans into numbers, whatever their nesting. */
function numbersOf(argument: string, mask: unknown): unknown {
  if (typeof mask === 'boolean') return Number(mask);
  if (!Array.isArray(mask)) typeError('attention', argument, 'true or false', mask);
  return mask.map((part, i) => numbersOf(`${argument}[${i}]`, part));
}

/** Refuses a tensor of other numbers than 0 and 1, such as one that is added to scores elsewhere. */
function checkMaskTensor(name: string, argument: string, mask: Tensor): Tensor {
  const { data } = mask;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value !== 0 && value !== 1) rangeError(name, `${argument}[${i}]`, '0 or 1', value);
  }
  return mask;
}

/** Reads a mask, and repeats it over queries and keys; over samples and heads the kernel does. */
function readMask(read: OptionReader, shape: Shape): Tensor | undefined {
  return read.optional('mask', (name, argument, value) => {
    const given =
      value instanceof Tensor
        ? checkMaskTensor(name, argument, checkTensor(name, argument, value))
        : tensorOf(name, argument, numbersOf(argument, value));
    const rank = given.shape.length;
    if (rank > 4 || !sameShape(broadcastShape(`${name}: ${argument}`, given.shape, shape), shape)) {
      const expected = `of a shape that broadcasts to ${showShape(shape)}`;
      rangeError(name, argument, expected, showShape(given.shape));
    }
    const own = [...new Array<number>(4 - rank).fill(1), ...given.shape];
    return expand(given.view(own), [...own.slice(0, 2), ...shape.slice(2)]);
  });
}

/**
 * Computes softmax(q k′ / √width of a head) v for each head.
 *
 * @param qkv (B, T, 3C): queries, keys and values side by side, as one projection makes them
 * @param options heads; causal, lengths and mask: where a query may look; dropout
 * @returns (B, T, C)
 * @throws {TypeError | RangeError} if a shape or an option does not fit
 * @see https://arxiv.org/abs/1706.03762
 * @example attention(qkv, { heads: 4, causal: true });
 */
export function attention(qkv: Tensor, options: AttentionOptions): Tensor {
  checkTensor('attention', 'qkv', qkv);
  const [batch, steps, triple] = qkv.shape as [number, number, number];
  const read = readOptions('attention', options);
  const heads = read.read('heads', checkSize);
  const causal = read.read('causal', checkFlag, false);
  const channels = triple / 3;
  const width = channels / heads;
  if (qkv.shape.length !== 3 || !Number.isInteger(width)) {
    rangeError('attention', 'qkv', `(B, T, 3 × ${heads} heads × width)`, showShape(qkv.shape));
  }
  const lengths = read.optional('lengths', (name, argument, value) =>
    Int32Array.from(
      checkIntegers(
        name,
        argument,
        value,
        { of: batch, what: 'the samples' },
        { valid: (length) => length >= 1 && length <= steps, what: `from 1 to ${steps}` },
      ),
    ),
  );
  const mask = readMask(read, [batch, heads, steps, steps]);
  const dropout = read.read('dropout', checkDropoutRate, 0);
  read.done();
  const args: AttentionArgs = {
    ...parts(qkv, channels),
    lengths,
    batch,
    heads,
    queries: steps,
    keys: steps,
    width,
    ldq: triple,
    ldk: triple,
    ldy: channels,
    causal,
    offset: 0,
    dropout,
    dropoutKeys: dropout > 0 ? nextDropout(batch, heads) : undefined,
    mask,
  };
  const sums = empty([batch * heads * steps]);
  const core = kernels(nnCode);
  const y: Tensor = record(
    'attention',
    [qkv],
    [batch, steps, channels],
    (at) =>
      withArgs(args, (packedArgs, scratch) =>
        core.attention(at, sums.at, packedArgs, scratch, 0, batch * heads),
      ),
    (dy) => {
      const d = empty(qkv.shape);
      const { q, k, v } = parts(d, channels);
      withArgs(args, (packedArgs, scratch) =>
        core.attentionBackward(
          q,
          k,
          v,
          dy.at,
          y.at,
          sums.at,
          packedArgs,
          scratch,
          0,
          batch * heads,
        ),
      );
      return [d];
    },
    { saved: mask ? [qkv, mask] : [qkv], output: true, owned: mask ? [sums, mask] : [sums] },
  );
  return y;
}

/** Options of `sequenceAttention`. */
interface SequenceAttentionOptions {
  heads: number;
  /** Fraction of the probabilities that are set to 0. */
  dropout: number;
  /** (heads, 2 reach + 1): what the score of a key d rows behind its query gets, at reach + d. */
  bias?: Tensor | undefined;
}

/**
 * Computes softmax(q k′ / √width + bias) v for each head within sequences of different lengths.
 *
 * @param qkv (T, 3C): queries, keys and values of all sequences, one behind the other
 * @param offsets rows where sequences begin, and T
 * @returns (T, C)
 */
export function sequenceAttention(
  qkv: Tensor,
  offsets: Int32Array,
  { heads, dropout, bias }: SequenceAttentionOptions,
): Tensor {
  const [rows, triple] = qkv.shape as [number, number];
  const channels = triple / 3;
  const batch = offsets.length - 1;
  let longest = 0;
  for (let s = 0; s < batch; s++) {
    longest = Math.max(longest, (offsets[s + 1] as number) - (offsets[s] as number));
  }
  const args: AttentionArgs = {
    ...parts(qkv, channels),
    batch,
    heads,
    queries: longest,
    keys: longest,
    width: channels / heads,
    ldq: triple,
    ldk: triple,
    ldy: channels,
    causal: false,
    offset: 0,
    dropout,
    dropoutKeys: dropout > 0 ? nextDropout(batch, heads) : undefined,
    offsets,
    bias,
  };
  const sums = empty([rows * heads]);
  const core = kernels(nnCode);
  const y: Tensor = record(
    'sequenceAttention',
    bias ? [qkv, bias] : [qkv],
    [rows, channels],
    (at) =>
      withArgs(args, (packedArgs, scratch) =>
        core.attention(at, sums.at, packedArgs, scratch, 0, batch * heads),
      ),
    (dy) => {
      const d = empty(qkv.shape);
      const { q, k, v } = parts(d, channels);
      const own = bias && empty([batch, heads, bias.shape[1] as number]);
      withArgs({ ...args, dBias: own }, (packedArgs, scratch) =>
        core.attentionBackward(
          ...[q, k, v, dy.at, y.at, sums.at, packedArgs, scratch, 0, batch * heads],
        ),
      );
      if (bias === undefined || own === undefined) return [d];
      const dBias = empty(bias.shape);
      core.sumAxis(dBias.at, own.at, 1, batch, bias.size);
      own.dispose();
      return [d, dBias];
    },
    { output: true, owned: [sums] },
  );
  return y;
}

/** Addresses of queries, keys and values that lie side by side. */
function parts(qkv: Tensor, channels: number): { q: Pointer; k: Pointer; v: Pointer } {
  return { q: qkv.at, k: qkv.at + 4 * channels, v: qkv.at + 8 * channels };
}

/**
 * Lets new queries attend to a cache of keys and values, of one sample and without gradient: the
 * same bits as the last rows of the full pass.
 *
 * @param q (T, C): the projections of the new steps
 * @param keys (context, C): the first past + T rows are filled
 * @param values (context, C), likewise
 * @param past number of steps before the new ones
 * @param heads number of heads, a divisor of C
 * @param options none
 * @returns (T, C)
 * @throws {TypeError | RangeError} if a shape does not fit
 */
export function cachedAttention(
  q: Tensor,
  keys: Tensor,
  values: Tensor,
  past: number,
  heads: number,
  options?: NoOptions,
): Tensor {
  checkNoOptions('cachedAttention', options);
  const name = 'cachedAttention';
  const { shape } = checkTensor(name, 'q', q);
  const [steps, channels] = shape as [number, number];
  checkSize(name, 'heads', heads);
  const width = channels / heads;
  if (shape.length !== 2 || !Number.isInteger(width)) {
    rangeError(name, 'q', `(T, ${heads} heads × width)`, showShape(shape));
  }
  if (!Number.isSafeInteger(past) || past < 0) {
    rangeError(name, 'past', 'a whole number of at least 0', past);
  }
  for (const [argument, cache] of Object.entries({ keys, values })) {
    const { shape: own } = checkTensor(name, argument, cache);
    if (own.length === 2 && own[1] === channels && (own[0] as number) >= past + steps) continue;
    rangeError(name, argument, `(at least ${past + steps}, ${channels})`, showShape(own));
  }
  const y = empty(shape);
  const args: AttentionArgs = {
    q: q.at,
    k: keys.at,
    v: values.at,
    batch: 1,
    heads,
    queries: steps,
    keys: past + steps,
    width,
    ldq: channels,
    ldk: channels,
    ldy: channels,
    causal: true,
    offset: past,
    dropout: 0,
  };
  withArgs(args, (packedArgs, scratch, scope) =>
    kernels(nnCode).attention(y.at, scope.f32(heads * steps), packedArgs, scratch, 0, heads),
  );
  return y;
}
