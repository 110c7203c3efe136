/** Scaled dot-product attention of many heads, fused (https://arxiv.org/abs/1706.03762). */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, type Scope, scoped } from '../../core/memory.js';
import { checkIntegers, rangeError } from '../../core/validation.js';
import { type Counter, checkRate, nextDropout } from '../random.js';
import { empty, record, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { checkTensor } from './shape.js';

export interface AttentionOptions {
  heads: number;
  /** Whether a query sees only keys up to its own place (default false). */
  causal?: boolean | undefined;
  /** How many keys each sample has, the rest being padding; all if left out. */
  lengths?: ArrayLike<number> | undefined;
  /** Share of the probabilities that are set to 0, the others scaled up (default 0). */
  dropout?: number | undefined;
}

/** What the kernels are told of a call; assembly/nn/attention.ts says what each field means. */
interface Plan {
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
  counter: Counter;
}

/** Lays a plan out as the kernels read it, and gives it to them with the scratch that they need. */
function withPlan(plan: Plan, body: (plan: Pointer, scratch: Pointer, scope: Scope) => void): void {
  const { q, k, v, lengths, batch, heads, queries, keys, width, ldq, ldk, ldy } = plan;
  const { causal, offset, dropout, counter } = plan;
  scoped((scope) => {
    const list = lengths ? scope.i32From(lengths) : 0;
    const sizes = [batch, heads, queries, keys, width, ldq, ldk, ldy];
    const mask = [Number(causal), offset, Math.ceil(dropout * 2 ** 24), ...counter];
    const at = scope.i32From([q, k, v, list, ...sizes, ...mask]);
    body(at, scope.f32(kernels(nnCode).attentionScratch(queries, keys, width)), scope);
  });
}

/**
 * softmax(q k' / √(width of a head)) v for each head.
 *
 * @param qkv (B, T, 3C): queries, keys and values side by side, as one projection makes them
 * @returns (B, T, C)
 */
export function attention(qkv: Tensor, options: AttentionOptions): Tensor {
  checkTensor('attention', 'qkv', qkv);
  const [batch, steps, triple] = qkv.shape as [number, number, number];
  const { heads, causal = false, lengths } = options;
  const channels = triple / 3;
  const width = channels / heads;
  if (qkv.shape.length !== 3 || !Number.isInteger(width)) {
    rangeError('attention', 'qkv', `(B, T, 3 × ${heads} heads × width)`, showShape(qkv.shape));
  }
  if (lengths !== undefined) {
    checkIntegers(
      'attention',
      'lengths',
      lengths,
      { of: batch, what: 'the samples' },
      {
        valid: (length) => length >= 1 && length <= steps,
        what: `from 1 to ${steps}`,
      },
    );
  }
  const dropout = checkRate('attention', 'dropout', options.dropout ?? 0);
  const part = (of: Tensor, number: 0 | 1 | 2): Pointer => of.at + 4 * number * channels;
  const plan: Plan = {
    q: part(qkv, 0),
    k: part(qkv, 1),
    v: part(qkv, 2),
    lengths: lengths && Int32Array.from(lengths),
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
    counter: dropout > 0 ? nextDropout() : [0, 0, 0, 0],
  };
  const sums = empty([batch * heads * steps]);
  const core = kernels(nnCode);
  const y: Tensor = record(
    'attention',
    [qkv],
    [batch, steps, channels],
    (at) =>
      withPlan(plan, (how, scratch) => core.attention(at, sums.at, how, scratch, 0, batch * heads)),
    (dy) => {
      const d = empty(qkv.shape);
      const [dq, dk, dv] = [part(d, 0), part(d, 1), part(d, 2)];
      withPlan(plan, (how, scratch) =>
        core.attentionBackward(dq, dk, dv, dy.at, y.at, sums.at, how, scratch, 0, batch * heads),
      );
      return [d];
    },
  );
  return y;
}

/**
 * Attention of new queries to a cache of keys and values, of one sample and without gradient: the
 * same bits as the last rows of the whole pass.
 *
 * @param q (T, C): the projections of the new steps
 * @param keys, values (context, C) each, of which the first `past` + T rows are filled
 * @returns (T, C)
 */
export function cachedAttention(
  q: Tensor,
  keys: Tensor,
  values: Tensor,
  past: number,
  heads: number,
): Tensor {
  const [steps, channels] = q.shape as [number, number];
  const y = empty(q.shape);
  const plan: Plan = {
    q: q.at,
    k: keys.at,
    v: values.at,
    batch: 1,
    heads,
    queries: steps,
    keys: past + steps,
    width: channels / heads,
    ldq: channels,
    ldk: channels,
    ldy: channels,
    causal: true,
    offset: past,
    dropout: 0,
    counter: [0, 0, 0, 0],
  };
  withPlan(plan, (how, scratch, scope) =>
    kernels(nnCode).attention(y.at, scope.f32(heads * steps), how, scratch, 0, heads),
  );
  return y;
}
