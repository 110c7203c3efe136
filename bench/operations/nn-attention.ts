/** Rows of the table: attention of `nearfar/nn`. */

import { philox } from '../../src/core/random.js';
import { STREAMS, streamAt } from '../../src/core/streams.js';
import { array, onTensors } from './nn.js';
import * as reference from './nn-reference.js';
import { at, build } from './nn-reference.js';
import { integers, type Operation } from './operation.js';

const HEADS = 2;

/**
 * Factors by which dropout multiplies the probabilities, drawn by the generator in TypeScript: the
 * numbers of a query begin at block t 2^16 of its sample and head, four in a block, last word first.
 */
function keeper(rate: number): (row: number, t: number, s: number) => number {
  if (rate === 0) return () => 1;
  const block = new Uint32Array(4);
  return (row, t, s) => {
    const stream = streamAt(STREAMS.dropout, row % HEADS);
    block.set([t * 2 ** 16 + Math.floor(s / 4), stream, 0, Math.floor(row / HEADS)]);
    philox(block, 1, 0);
    const drawn = (block[3 - (s % 4)] as number) >>> 8;
    return drawn / 2 ** 24 < rate ? 0 : 1 / (1 - rate);
  };
}

const attentions = [
  { name: 'attention', causal: false, padded: false },
  { name: 'attention with dropout', causal: true, padded: true, dropout: 0.25 },
  { name: 'attention causal', causal: true, padded: false },
  { name: 'attention with padding', causal: false, padded: true },
  { name: 'attention causal with padding', causal: true, padded: true },
].map(({ name, causal, padded, dropout = 0 }) =>
  onTensors({
    name,
    sizes: [
      { B: 1, T: 1, D: 1 },
      { B: 2, T: 3, D: 4 },
      { B: 3, T: 7, D: 5 },
      { B: 1, T: 65, D: 8 },
    ],
    large: [{ B: 12, T: 64, D: 64 }],
    inputs: ({ B = 1, T = 1, D = 1 }, random) => ({
      qkv: array(random, [B, T, 6 * D]),
      lengths: {
        ...integers(random, B, T),
        data: Float32Array.from({ length: B }, (_, b) => 1 + ((b + 2 * T) % T)),
      },
    }),
    forward: (nn, { qkv }, { lengths }) =>
      nn.attention(qkv, {
        heads: HEADS,
        causal,
        dropout,
        lengths: padded ? lengths.data : undefined,
      }),
    reference: ({ qkv, lengths }) =>
      reference.attention(qkv, HEADS, {
        causal,
        lengths: padded ? lengths.data : undefined,
        kept: keeper(dropout),
      }),
    flops: ({ B = 1, T = 1, D = 1 }) => 8 * B * T * T * D,
  }),
);

/** Tells if a query may look at a key: one query, the second, nowhere. */
const looks = (h: number, t: number, s: number): boolean => t !== 1 && (h + t + 2 * s) % 3 !== 1;

/** A mask by heads, queries and keys, with causal attention or without. */
const maskedAttentions = [false, true].map((causal) =>
  onTensors({
    name: causal ? 'attention causal with a mask' : 'attention with a mask',
    sizes: [
      { B: 1, T: 1, D: 1 },
      { B: 2, T: 3, D: 4 },
      { B: 3, T: 7, D: 5 },
    ],
    inputs: ({ B = 1, T = 1, D = 1 }, random) => ({ qkv: array(random, [B, T, 6 * D]) }),
    forward(nn, { qkv }) {
      const steps = Array.from({ length: qkv.shape[1] as number }, (_, t) => t);
      const mask = [0, 1].map((h) => steps.map((t) => steps.map((s) => looks(h, t, s))));
      return nn.attention(qkv, { heads: 2, causal, mask });
    },
    reference: ({ qkv }) =>
      reference.attention(qkv, 2, { causal, mask: (_, h, t, s) => looks(h, t, s) }),
  }),
);

export const nnAttention: readonly Operation[] = [
  ...attentions,
  ...maskedAttentions,
  onTensors({
    name: 'cachedAttention',
    sizes: [
      { T: 1, M: 1, D: 1 },
      { T: 2, M: 5, D: 3 },
    ],
    inputs: ({ T = 1, M = 1, D = 1 }, random) => ({
      q: array(random, [T, 2 * D]),
      keys: array(random, [M + T, 2 * D]),
      values: array(random, [M + T, 2 * D]),
    }),
    forward: (nn, { q, keys, values }, { q: { data }, keys: { data: all } }) =>
      nn.cachedAttention(q, keys, values, (all.length - data.length) / (q.shape[1] as number), 2),
    reference({ q, keys, values }) {
      // The whole pass over all steps, of which the queries are the last.
      const [steps, channels] = keys.shape as [number, number];
      const past = steps - (q.shape[0] as number);
      const qkv = build([1, steps, 3 * channels], ([, t = 0, c = 0]) => {
        const [part, column] = [Math.floor(c / channels), c % channels];
        if (part > 0) return at(part === 1 ? keys : values, [t, column]);
        return t < past ? 0 : (q.data[(t - past) * channels + column] as number);
      });
      const whole = reference.attention(qkv, 2, { causal: true });
      return { data: Array.from(whole.data).slice(past * channels), shape: q.shape };
    },
    gradient: false,
  }),
];
