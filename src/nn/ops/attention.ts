/** Scaled dot-product attention of many heads, fused (https://arxiv.org/abs/1706.03762). */

import { checkIntegers, rangeError } from '../../check.js';
import { scoped } from '../../memory.js';
import { nnKernels } from '../kernels.js';
import { showShape } from '../numbers.js';
import { empty, record, type Tensor } from '../tensor.js';
import { checkTensor } from './shape.js';

export interface AttentionOptions {
  heads: number;
  /** Whether a query sees only keys up to its own place (default false). */
  causal?: boolean | undefined;
  /** How many keys each sample has, the rest being padding; all if left out. */
  lengths?: ArrayLike<number> | undefined;
}

/** Number of a projection within rows that hold queries, keys and values side by side. */
type Part = 0 | 1 | 2;

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
  const width = triple / 3 / heads;
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
  const kept = lengths && Int32Array.from(lengths);
  const channels = triple / 3;
  const scale = 1 / Math.sqrt(width);
  const sums = empty([batch * heads * steps]);
  const core = nnKernels();
  const part = (of: Tensor, number: Part): number => of.at + 4 * number * channels;
  const y: Tensor = record(
    'attention',
    [qkv],
    [batch, steps, channels],
    (at) =>
      scoped((scope) => {
        const list = kept ? scope.integers(kept) : 0;
        const scratch = scope.words(core.attentionScratch(steps, steps, width));
        core.attention(
          at,
          sums.at,
          part(qkv, 0),
          part(qkv, 1),
          part(qkv, 2),
          list,
          batch,
          heads,
          steps,
          steps,
          width,
          triple,
          triple,
          channels,
          scale,
          causal,
          0,
          scratch,
        );
      }),
    (dy) => {
      const d = empty(qkv.shape);
      scoped((scope) => {
        const list = kept ? scope.integers(kept) : 0;
        const scratch = scope.words(core.attentionScratch(steps, steps, width));
        core.attentionBackward(
          part(d, 0),
          part(d, 1),
          part(d, 2),
          dy.at,
          y.at,
          sums.at,
          part(qkv, 0),
          part(qkv, 1),
          part(qkv, 2),
          list,
          batch,
          heads,
          steps,
          steps,
          width,
          triple,
          triple,
          channels,
          scale,
          causal,
          0,
          scratch,
        );
      });
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
  const width = channels / heads;
  const seen = past + steps;
  const core = nnKernels();
  const y = empty(q.shape);
  scoped((scope) =>
    core.attention(
      y.at,
      scope.words(heads * steps),
      q.at,
      keys.at,
      values.at,
      0,
      1,
      heads,
      steps,
      seen,
      width,
      channels,
      channels,
      channels,
      1 / Math.sqrt(width),
      true,
      past,
      scope.words(core.attentionScratch(steps, seen, width)),
    ),
  );
  return y;
}
