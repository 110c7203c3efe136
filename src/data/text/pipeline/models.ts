/** Models of a `tokenizer.json`: a word to the numbers of its tokens. */

import { rangeError, show } from '../../../core/validation.js';
import { isPart, type Part, readFlag, readString, unknownType, type Where } from './part.js';

/** A model: its vocabulary, and a word to token numbers. */
export interface TokenModel {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Number of the unknown token, if there is one. */
  readonly unknown: number | undefined;
  encode(word: string): number[];
}

/** Numbers past which a vocabulary is a mistake, or an attack on memory. */
const MAX_TOKENS = 2 ** 24;

/** Checks the number of a token. */
export function checkTokenId({ name, part }: Where, id: unknown): number {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < MAX_TOKENS)
    return id as number;
  rangeError(name, `${part}'s numbers`, `from 0 to ${MAX_TOKENS - 1}`, id);
}

function readVocabulary(where: Where, vocab: unknown): Map<string, number> {
  if (!isPart(vocab)) rangeError(where.name, `${where.part}'s vocab`, 'an object', vocab);
  const entries = Object.entries(vocab);
  for (const [, id] of entries) checkTokenId(where, id);
  return new Map(entries as [string, number][]);
}

/** Length of the longest token in UTF-16 units. */
function longestOf(vocabulary: ReadonlyMap<string, number>): number {
  let longest = 0;
  for (const token of vocabulary.keys()) longest = Math.max(longest, token.length);
  return longest;
}

/** Length of the character at i in UTF-16 units. */
function characterLength(text: string, i: number): number {
  return (text.codePointAt(i) as number) > 0xffff ? 2 : 1;
}

function unknownOf(where: Where, part: Part, vocabulary: ReadonlyMap<string, number>) {
  const token = part.unk_token;
  if (token === null || token === undefined) return undefined;
  return vocabulary.get(readString(where, part, 'unk_token'));
}

/** Number of the unknown token of a model that has no other way to write what it does not know. */
function needUnknown(where: Where, part: Part, vocabulary: ReadonlyMap<string, number>): number {
  const id = unknownOf(where, { unk_token: '[UNK]', ...part }, vocabulary);
  if (id !== undefined) return id;
  const token = part.unk_token ?? '[UNK]';
  rangeError(where.name, `${where.part}'s vocab`, `with the unk_token ${show(token)}`, 'none');
}

function wordPiece(where: Where, part: Part): TokenModel {
  const vocabulary = readVocabulary(where, part.vocab);
  const unknown = needUnknown(where, part, vocabulary);
  const prefix = readString(where, part, 'continuing_subword_prefix', '##');
  const limit = part.max_input_chars_per_word ?? 100;
  if (typeof limit !== 'number') rangeError(where.name, `${where.part}'s limit`, 'a number', limit);
  const longest = longestOf(vocabulary);
  // Without the prefix, so that no text is put together for a look-up.
  const inner = new Map<string, number>();
  for (const [token, id] of vocabulary) {
    if (token.startsWith(prefix)) inner.set(token.slice(prefix.length), id);
  }
  const failed = [unknown];
  return {
    vocabulary,
    unknown,
    encode(word) {
      const whole = vocabulary.get(word);
      if (word.length > limit) {
        if ([...word].length > limit) return failed;
      } else if (whole !== undefined) {
        return [whole];
      }
      const ids: number[] = [];
      for (let start = 0; start < word.length; ) {
        const table = start === 0 ? vocabulary : inner;
        let end = Math.min(word.length, start + longest);
        let id: number | undefined;
        for (; end > start; end--) {
          id = table.get(word.slice(start, end));
          if (id !== undefined) break;
        }
        if (id === undefined) return failed;
        ids.push(id);
        start = end;
      }
      return ids;
    },
  };
}

/** Unknown characters cost this much more than the least likely token. */
const UNKNOWN_PENALTY = 10;

/** Numbers of the tokens `<0x00>` to `<0xFF>`, if the vocabulary has all of them. */
function byteTokens(vocabulary: ReadonlyMap<string, number>): number[] | undefined {
  const ids = Array.from({ length: 256 }, (_, byte) =>
    vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  return ids.includes(undefined) ? undefined : (ids as number[]);
}

function bytesOf(text: string, tokens: readonly number[]): number[] {
  return Array.from(new TextEncoder().encode(text), (byte) => tokens[byte] as number);
}

function unigram(where: Where, part: Part): TokenModel {
  const { vocab, unk_id: unknownId } = part;
  const { name } = where;
  if (!Array.isArray(vocab)) rangeError(name, `${where.part}'s vocab`, 'a list', vocab);
  const vocabulary = new Map<string, number>();
  const scores = new Float64Array(vocab.length);
  for (let id = 0; id < vocab.length; id++) {
    const entry: unknown = vocab[id];
    const token: unknown = Array.isArray(entry) ? entry[0] : undefined;
    const score: unknown = Array.isArray(entry) ? entry[1] : undefined;
    if (typeof token !== 'string' || typeof score !== 'number' || !Number.isFinite(score)) {
      rangeError(name, `${where.part}'s vocab`, 'a list of tokens with scores', entry);
    }
    if (!vocabulary.has(token)) vocabulary.set(token, id);
    scores[id] = score;
  }
  const unknown =
    unknownId === null || unknownId === undefined ? undefined : checkTokenId(where, unknownId);
  if (unknown !== undefined && unknown >= vocab.length) {
    rangeError(name, `${where.part}'s unk_id`, `below ${vocab.length}`, unknown);
  }
  const longest = longestOf(vocabulary);
  const bytes = readFlag(where, part, 'byte_fallback', false) ? byteTokens(vocabulary) : undefined;
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), 0) - UNKNOWN_PENALTY;
  return {
    vocabulary,
    unknown,
    encode(word) {
      const { length } = word;
      const best = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY);
      const starts = new Int32Array(length + 1);
      const ids = new Int32Array(length + 1).fill(-1);
      best[0] = 0;
      for (let start = 0; start < length; ) {
        const one = start + characterLength(word, start);
        const base = best[start] as number;
        const limit = Math.min(length, start + longest);
        const offer = (end: number, id: number, score: number): void => {
          if (!(score > (best[end] as number))) return;
          best[end] = score;
          starts[end] = start;
          ids[end] = id;
        };
        let single = false;
        for (let end = one; end <= limit; end++) {
          const id = vocabulary.get(word.slice(start, end));
          if (id === undefined) continue;
          if (end === one) single = true;
          offer(end, id, base + (scores[id] as number));
        }
        if (!single) offer(one, unknown ?? -1, base + unknownScore);
        start = one;
      }
      const result: number[] = [];
      for (let end = length; end > 0; ) {
        const id = ids[end] as number;
        let start = starts[end] as number;
        if (id !== (unknown ?? -1)) {
          result.unshift(id);
        } else {
          // Unknown characters side by side are one token.
          while (start > 0 && ids[start] === id) start = starts[start] as number;
          if (bytes !== undefined) result.unshift(...bytesOf(word.slice(start, end), bytes));
          else if (unknown !== undefined) result.unshift(unknown);
        }
        end = start;
      }
      return result;
    },
  };
}

/** Two tokens as one number. */
const PAIR = 2 ** 24;

function readMerges(
  where: Where,
  part: Part,
  vocabulary: ReadonlyMap<string, number>,
  prefix: string,
) {
  const { merges } = part;
  const fail = (got: unknown): never =>
    rangeError(where.name, `${where.part}'s merges`, 'a list of pairs of tokens', got);
  if (!Array.isArray(merges)) return fail(merges);
  const pairs = new Map<number, { rank: number; id: number }>();
  for (const [rank, merge] of merges.entries()) {
    const [first, second, ...more] =
      typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    if (typeof first !== 'string' || typeof second !== 'string' || more.length > 0)
      return fail(merge);
    const [a, b] = [vocabulary.get(first), vocabulary.get(second)];
    const id = vocabulary.get(
      first + (second.startsWith(prefix) ? second.slice(prefix.length) : second),
    );
    if (a === undefined || b === undefined || id === undefined) return fail(merge);
    pairs.set(a * PAIR + b, { rank, id });
  }
  return pairs;
}

interface Merge {
  rank: number;
  at: number;
  pair: number;
  id: number;
}

/** Merges that may be made, the earliest rule first, then the leftmost: a binary heap. */
class MergeQueue {
  readonly #heap: Merge[] = [];

  #before(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    if (a === undefined || b === undefined) return b === undefined && a !== undefined;
    return a.rank === b.rank ? a.at < b.at : a.rank < b.rank;
  }

  #swap(i: number, j: number): void {
    const heap = this.#heap as [Merge];
    [heap[i as 0], heap[j as 0]] = [heap[j as 0], heap[i as 0]];
  }

  push(merge: Merge): void {
    let at = this.#heap.push(merge) - 1;
    for (let up = (at - 1) >> 1; at > 0 && this.#before(at, up); up = (at - 1) >> 1) {
      this.#swap(at, up);
      at = up;
    }
  }

  pop(): Merge | undefined {
    const top = this.#heap[0];
    const last = this.#heap.pop();
    if (last === undefined || top === last) return top;
    this.#heap[0] = last;
    for (let at = 0; ; ) {
      const child = this.#before(2 * at + 2, 2 * at + 1) ? 2 * at + 2 : 2 * at + 1;
      if (!this.#before(child, at)) return top;
      this.#swap(at, child);
      at = child;
    }
  }
}

/** Merges neighbors in the order of the rules. */
function mergeAll(
  ids: number[],
  pairs: ReadonlyMap<number, { rank: number; id: number }>,
): number[] {
  const queue = new MergeQueue();
  const next = ids.map((_, i) => i + 1);
  const previous = ids.map((_, i) => i - 1);
  const offer = (at: number): void => {
    const after = next[at] as number;
    if (at < 0 || after >= ids.length) return;
    const pair = (ids[at] as number) * PAIR + (ids[after] as number);
    const rule = pairs.get(pair);
    if (rule !== undefined) queue.push({ rank: rule.rank, at, pair, id: rule.id });
  };
  for (let at = 0; at + 1 < ids.length; at++) offer(at);
  for (let merge = queue.pop(); merge !== undefined; merge = queue.pop()) {
    const { at, pair, id } = merge;
    const after = next[at] as number;
    // What stood here when the merge was offered may be gone.
    if (ids[at] === -1 || after >= ids.length) continue;
    if ((ids[at] as number) * PAIR + (ids[after] as number) !== pair) continue;
    ids[at] = id;
    ids[after] = -1;
    next[at] = next[after] as number;
    if ((next[at] as number) < ids.length) previous[next[at] as number] = at;
    if ((previous[at] as number) >= 0) offer(previous[at] as number);
    offer(at);
  }
  return ids.filter((id) => id !== -1);
}

function bytePair(where: Where, part: Part): TokenModel {
  const vocabulary = readVocabulary(where, part.vocab);
  const unknown = unknownOf(where, part, vocabulary);
  const prefix = readString(where, part, 'continuing_subword_prefix', '');
  const suffix = readString(where, part, 'end_of_word_suffix', '');
  const fuses = readFlag(where, part, 'fuse_unk', false);
  const whole = readFlag(where, part, 'ignore_merges', false);
  const bytes = readFlag(where, part, 'byte_fallback', false) ? byteTokens(vocabulary) : undefined;
  const pairs = readMerges(where, part, vocabulary, prefix);
  return {
    vocabulary,
    unknown,
    encode(word) {
      const known = whole ? vocabulary.get(word) : undefined;
      if (known !== undefined) return [known];
      const ids: number[] = [];
      let lastUnknown = false;
      for (let i = 0; i < word.length; ) {
        const end = i + characterLength(word, i);
        const character = word.slice(i, end);
        const piece = (i > 0 ? prefix : '') + character + (end === word.length ? suffix : '');
        const id = vocabulary.get(piece);
        if (id !== undefined) ids.push(id);
        else if (bytes !== undefined) ids.push(...bytesOf(character, bytes));
        else if (unknown !== undefined && !(fuses && lastUnknown)) ids.push(unknown);
        lastUnknown = id === undefined && bytes === undefined;
        i = end;
      }
      return mergeAll(ids, pairs);
    },
  };
}

function wordLevel(where: Where, part: Part): TokenModel {
  const vocabulary = readVocabulary(where, part.vocab);
  const unknown = needUnknown(where, part, vocabulary);
  const failed = [unknown];
  return {
    vocabulary,
    unknown,
    encode(word) {
      const id = vocabulary.get(word);
      return id === undefined ? failed : [id];
    },
  };
}

/**
 * Makes a model.
 * @throws {RangeError} if its type is not supported or a field is not valid
 */
export function readModel(where: Where, value: unknown): TokenModel {
  if (!isPart(value)) rangeError(where.name, where.part, 'an object', value);
  // Files of old name no type.
  const guess = 'merges' in value ? 'BPE' : Array.isArray(value.vocab) ? 'Unigram' : 'WordPiece';
  switch (value.type ?? guess) {
    case 'WordPiece':
      return wordPiece(where, value);
    case 'Unigram':
      return unigram(where, value);
    case 'BPE':
      return bytePair(where, value);
    case 'WordLevel':
      return wordLevel(where, value);
    default:
      return unknownType(where, value.type);
  }
}
