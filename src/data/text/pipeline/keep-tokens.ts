/** A `tokenizer.json` with fewer tokens, as static encoders have it: no frame, no gaps. */

import { specialToken, tokenizerJson, withAllParts } from '../tokenizer-json.js';
import { isPart, type Part } from './part.js';
import type { PipelineTokenizer } from './tokenizer.js';

/** Tokens that stay, and what is written about them. */
export interface KeepOptions {
  /** True for a token of the vocabulary that stays. */
  keeps: (token: string, id: number) => boolean;
  /** Token for what the vocabulary lacks; it stays. */
  unknown: string | undefined;
  /** Token that pads; it stays. */
  padding: string | undefined;
  /** Tokens of a text at most. */
  maxLength: number;
}

/** A smaller tokenizer. */
export interface KeptTokens {
  /** Content of its `tokenizer.json`. */
  json: Part;
  /** Number that each token had before, by its new one. */
  ids: Int32Array;
}

/** Splits a merge of byte pairs into its two tokens. */
function pairOf(merge: unknown): string[] {
  return typeof merge === 'string' ? merge.split(' ') : (merge as string[]);
}

/** A pre-tokenizer whose first word is written as those behind a space. */
function withPrefixSpace(part: unknown): unknown {
  if (!isPart(part)) return part;
  if (part.type === 'ByteLevel') return { ...part, add_prefix_space: true };
  if (!Array.isArray(part.pretokenizers)) return part;
  return { ...part, pretokenizers: part.pretokenizers.map(withPrefixSpace) };
}

/** A normalizer that makes text lower case first. */
function withLowercase(part: unknown): Part {
  const first = { type: 'Lowercase' };
  return isPart(part) ? { type: 'Sequence', normalizers: [first, part] } : first;
}

/**
 * Leaves tokens out of a tokenizer and renumbers the others, in their order. Added tokens but
 * the unknown and the padding one go, and with them the frame around a text.
 */
export function keepTokens(tokenizer: PipelineTokenizer, options: KeepOptions): KeptTokens {
  const whole = withAllParts(tokenizer.json as Parameters<typeof withAllParts>[0]);
  const { model } = whole;
  const { unknown, padding } = options;
  const special = [padding, unknown].filter((token) => token !== undefined);
  const added = new Set(tokenizer.added.map(({ content }) => content));
  const stays = (token: string, id: number): boolean =>
    special.includes(token) || (!added.has(token) && options.keeps(token, id));
  const listed = Array.isArray(model.vocab) ? (model.vocab as [string, number][]) : undefined;
  // A list may name a token twice: each entry has a number.
  const entries: (readonly [token: string, id: number])[] = listed?.map(
    ([token], id) => [token, id] as const,
  ) ?? [...tokenizer.model.vocabulary];
  const known = new Set(entries.map(([token]) => token));
  for (const { content, id } of tokenizer.added)
    if (!known.has(content)) entries.push([content, id]);
  const kept = entries.filter(([token, id]) => stays(token, id)).sort((a, b) => a[1] - b[1]);
  const ids = new Map<string, number>();
  kept.forEach(([token], id) => {
    if (!ids.has(token)) ids.set(token, id);
  });
  const smaller: Record<string, unknown> = { ...model };
  if (listed === undefined) {
    smaller.vocab = Object.fromEntries(ids);
    if (unknown !== undefined && ids.has(unknown)) smaller.unk_token = unknown;
  } else {
    const minScore = listed.reduce((score, entry) => Math.min(score, entry[1]), 0);
    smaller.vocab = kept.map(([token, id]) => [token, listed[id]?.[1] ?? minScore]);
    smaller.unk_id = (unknown === undefined ? undefined : ids.get(unknown)) ?? null;
  }
  if (Array.isArray(model.merges)) {
    const prefix = String(model.continuing_subword_prefix ?? '');
    smaller.merges = model.merges.map(pairOf).filter(([first = '', second = '']) => {
      const suffix = second.startsWith(prefix) ? second.slice(prefix.length) : second;
      return [first, second, first + suffix].every((token) => ids.has(token));
    });
  }
  const padId = padding === undefined ? undefined : ids.get(padding);
  const parts = {
    added_tokens: kept.flatMap(([token], id) =>
      special.includes(token) ? [specialToken(token, id)] : [],
    ),
    truncation: {
      ...{ direction: 'Right', max_length: options.maxLength },
      ...{ strategy: 'LongestFirst', stride: 0 },
    },
    padding:
      padId === undefined
        ? null
        : {
            ...{ strategy: { Fixed: 0 }, direction: 'Right', pad_to_multiple_of: null },
            ...{ pad_id: padId, pad_type_id: 0, pad_token: padding },
          },
    normalizer: tokenizer.lowers ? withLowercase(whole.normalizer) : whole.normalizer,
    pre_tokenizer: withPrefixSpace(whole.pre_tokenizer),
    decoder: whole.decoder,
  };
  return {
    json: tokenizerJson(parts, smaller),
    ids: Int32Array.from(kept, ([, id]) => id),
  };
}
