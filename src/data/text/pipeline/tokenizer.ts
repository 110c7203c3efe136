/**
 * Text to token numbers as a `tokenizer.json` says: added tokens, normalizer, pre-tokenizer, model
 * and the tokens that a post-processor puts around them. The same numbers as Hugging Face's
 * tokenizers give; a part that is not known is an error.
 */

import { rangeError, show } from '../../../core/validation.js';
import { type AddedToken, type Piece, readAddedTokens, tokenFinder } from './added-tokens.js';
import { ChunkCache } from './chunk-cache.js';
import { readModel, type TokenModel } from './models.js';
import { lowersCase, type Normalizer, readNormalizer } from './normalizers.js';
import { isPart, type Part, readList, readPart, unknownType, type Where } from './part.js';
import { type PreTokenizer, readPreTokenizer } from './pre-tokenizers.js';
import { TokenList } from './token-list.js';
import { stableNormalizer, stablePreTokenizer } from './unassigned.js';
import { lowercase } from './unicode.js';

/** Words whose tokens are kept. */
const MAX_CACHED = 50_000;
/** Longer ones are not kept. */
const MAX_CACHED_LENGTH = 64;

/** Spaces at which BERT's normalizer and pre-tokenizer split, however they clean the text. */
const BERT_SPACES = /[ \t\n\r\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Tells whether a UTF-16 unit is one of these spaces. */
function isBertSpace(unit: number): boolean {
  if (unit <= 32) return unit === 32 || unit === 9 || unit === 10 || unit === 13;
  return unit >= 0xa0 && BERT_SPACES.test(String.fromCharCode(unit));
}

/** Letters and digits that BERT's normalizer at most lowers and its pre-tokenizer leaves together. */
const PLAIN = /^[A-Za-z0-9]+$/;

/** Tokens that a post-processor puts before and behind those of a text. */
export interface Frame {
  prefix: readonly number[];
  suffix: readonly number[];
}

function readTemplate(where: Where, part: Part): Frame {
  const known = isPart(part.special_tokens) ? part.special_tokens : {};
  const prefix: number[] = [];
  const suffix: number[] = [];
  let behind = false;
  for (const item of readList(where, part.single)) {
    const { SpecialToken: special, Sequence: sequence } = (isPart(item) ? item : {}) as {
      SpecialToken?: { id?: unknown };
      Sequence?: unknown;
    };
    if (sequence !== undefined) {
      if (behind) rangeError(where.name, where.part, 'with the text once', 'twice');
      behind = true;
      continue;
    }
    const entry = known[String(special?.id)] as { ids?: unknown } | undefined;
    if (!Array.isArray(entry?.ids) || !entry.ids.every((id) => Number.isInteger(id) && id >= 0)) {
      rangeError(where.name, where.part, 'with the numbers of its special tokens', special?.id);
    }
    (behind ? suffix : prefix).push(...(entry.ids as number[]));
  }
  if (!behind) rangeError(where.name, where.part, 'with the text in it', 'none');
  return { prefix, suffix };
}

function readPair(where: Where, part: Part, key: string): number {
  const pair = part[key];
  const id: unknown = Array.isArray(pair) ? pair[1] : undefined;
  if (!Number.isInteger(id) || (id as number) < 0) {
    rangeError(where.name, `${where.part}'s ${key}`, 'a token and its number', pair);
  }
  return id as number;
}

function readFrame(where: Where, value: unknown): Frame {
  const part = readPart(where, value);
  switch (part?.type) {
    case undefined:
    case 'ByteLevel':
      return { prefix: [], suffix: [] };
    case 'TemplateProcessing':
      return readTemplate(where, part as Part);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return {
        prefix: [readPair(where, part as Part, 'cls')],
        suffix: [readPair(where, part as Part, 'sep')],
      };
    case 'Sequence': {
      const frames = readList(where, part?.processors).map((item) => readFrame(where, item));
      return frames.reduce(({ prefix, suffix }, inner) => ({
        prefix: [...inner.prefix, ...prefix],
        suffix: [...suffix, ...inner.suffix],
      }));
    }
    default:
      return unknownType(where, part?.type);
  }
}

/** Length of the first n characters of a text in UTF-16 units. */
export function lengthOfCharacters(text: string, n: number): number {
  if (text.length <= n) return text.length;
  let at = 0;
  for (let i = 0; i < n && at < text.length; i++) {
    at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  }
  return at;
}

export class PipelineTokenizer {
  readonly json: Part;
  readonly added: readonly AddedToken[];
  readonly frame: Frame;
  readonly model: TokenModel;
  /** One more than the highest number. */
  readonly size: number;
  /** True if text becomes lower case although the file does not say so. */
  readonly lowers: boolean;
  readonly #normalizer: Normalizer | undefined;
  readonly #splitter: PreTokenizer | undefined;
  readonly #find: ((text: string) => Piece[]) | undefined;
  readonly #findNormalized: ((text: string) => Piece[]) | undefined;
  /** True if spaces split a text into chunks that are tokenized independently. */
  readonly #bySpaces: boolean;
  /** True if a chunk of letters and digits of ASCII is one word. */
  readonly #plainWords: boolean;
  readonly #chunks = new ChunkCache();
  readonly #list = new TokenList();
  readonly #words = new Map<string, readonly number[]>();

  /**
   * @param name function and file that messages name
   * @param json the object in a `tokenizer.json`
   * @param lowers whether text is lowered first, if the normalizer does not do so
   * @throws {RangeError} if a part is not valid or not supported
   */
  constructor(name: string, json: Part, lowers = false) {
    const where = (part: string): Where => ({ name, part: `tokenizer.json's ${part}` });
    this.json = json;
    this.lowers = lowers;
    this.model = readModel(where('model'), json.model);
    this.added = readAddedTokens(where('added_tokens'), json.added_tokens);
    for (const { content, id } of this.added) {
      const known = this.model.vocabulary.get(content);
      if (known === undefined || known === id) continue;
      const expected = `with the number ${known} of ${show(content)} in the vocabulary`;
      rangeError(name, "tokenizer.json's added_tokens", expected, id);
    }
    this.frame = readFrame(where('post_processor'), json.post_processor);
    let normalizer = readNormalizer(where('normalizer'), json.normalizer);
    if (lowers && !lowersCase(json.normalizer)) {
      const inner = normalizer;
      normalizer = (text) => (inner === undefined ? lowercase(text) : inner(lowercase(text)));
    }
    if (normalizer !== undefined) normalizer = stableNormalizer(normalizer);
    this.#normalizer = normalizer;
    const splitter = readPreTokenizer(where('pre_tokenizer'), json.pre_tokenizer);
    this.#splitter = splitter === undefined ? undefined : stablePreTokenizer(splitter);
    this.#find = tokenFinder(this.added.filter((token) => !token.normalized));
    this.#findNormalized = tokenFinder(
      this.added.filter((token) => token.normalized),
      normalizer,
    );
    const typeOf = (part: unknown): unknown => (isPart(part) ? part.type : undefined);
    this.#bySpaces =
      typeOf(json.normalizer) === 'BertNormalizer' &&
      typeOf(json.pre_tokenizer) === 'BertPreTokenizer' &&
      this.added.every(({ content }) => !BERT_SPACES.test(content));
    // An added token may be a word in the middle of another.
    this.#plainWords =
      this.#bySpaces &&
      this.added.every(
        ({ content }) => !PLAIN.test(content) && !PLAIN.test(normalizer?.(content) ?? ''),
      );
    let last = -1;
    this.model.vocabulary.forEach((id) => {
      if (id > last) last = id;
    });
    for (const { id } of this.added) last = Math.max(last, id);
    for (const id of [...this.frame.prefix, ...this.frame.suffix]) last = Math.max(last, id);
    if (last < 0) rangeError(name, "tokenizer.json's model", 'with at least one token', 0);
    this.size = last + 1;
  }

  /** Numbers of all tokens of a text, without those of the frame. */
  encode(text: string): number[] {
    const list = this.#list;
    list.truncate(0);
    this.append(list, text);
    return list.toArray();
  }

  /** Adds the numbers of all tokens of a text to a list, without those of the frame. */
  append(list: TokenList, text: string): void {
    if (!this.#bySpaces) {
      this.#append(list, text);
      return;
    }
    const { length } = text;
    const chunks = this.#chunks;
    let start = 0;
    let hash = 0;
    for (let i = 0; i <= length; i++) {
      if (i < length) {
        const unit = text.charCodeAt(i);
        if ((unit > 32 && unit < 0xa0) || !isBertSpace(unit)) {
          hash = ChunkCache.mix(hash, unit);
          continue;
        }
      }
      if (i > start && !chunks.append(list, text, start, i, hash)) {
        const first = list.length;
        this.#appendChunk(list, text.slice(start, i));
        chunks.keep(text, start, i, hash, list.ids, first);
      }
      start = i + 1;
      hash = 0;
    }
  }

  #appendChunk(list: TokenList, chunk: string): void {
    if (!this.#plainWords || !PLAIN.test(chunk)) this.#append(list, chunk);
    else this.#appendWord(list, this.#normalizer === undefined ? chunk : this.#normalizer(chunk));
  }

  #append(list: TokenList, text: string): void {
    const pieces: Piece[] = this.#find?.(text) ?? (text === '' ? [] : [{ text }]);
    pieces.forEach((piece, i) => {
      if ('id' in piece) {
        list.push(piece.id);
        return;
      }
      const normal = this.#normalizer === undefined ? piece.text : this.#normalizer(piece.text);
      const parts: Piece[] = this.#findNormalized?.(normal) ?? [{ text: normal }];
      parts.forEach((part, k) => {
        if ('id' in part) list.push(part.id);
        else this.#appendWords(list, part.text, i === 0 && k === 0);
      });
    });
  }

  #appendWords(list: TokenList, text: string, first: boolean): void {
    if (text === '') return;
    for (const word of this.#splitter?.(text, first) ?? [text]) {
      if (word !== '') this.#appendWord(list, word);
    }
  }

  #appendWord(list: TokenList, word: string): void {
    let found = this.#words.get(word);
    if (found === undefined) {
      found = this.model.encode(word);
      keep(this.#words, word, found);
    }
    list.pushAll(found);
  }

  /** Words of a text, as the model cuts them into tokens. Added tokens are not looked for. */
  words(text: string): string[] {
    const normal = this.#normalizer === undefined ? text : this.#normalizer(text);
    const words = this.#splitter?.(normal, true) ?? [normal];
    return [...words].filter((word) => word !== '');
  }

  /** Number of a token, added or of the vocabulary. */
  idOf(token: string): number | undefined {
    return (
      this.added.find(({ content }) => content === token)?.id ?? this.model.vocabulary.get(token)
    );
  }

  /** Numbers of the special tokens. */
  get specialIds(): Set<number> {
    return new Set(this.added.flatMap(({ special, id }) => (special ? [id] : [])));
  }

  /** Calls a function with each token and its number; added tokens come last. */
  forEachToken(body: (token: string, id: number) => void): void {
    const added = new Set(this.added.map(({ content }) => content));
    this.model.vocabulary.forEach((id, token) => {
      if (!added.has(token)) body(token, id);
    });
    for (const [token, id] of new Map(this.added.map(({ content, id }) => [content, id]))) {
      body(token, id);
    }
  }

  /** All tokens with their numbers. */
  get vocabulary(): Map<string, number> {
    const all = new Map(this.model.vocabulary);
    for (const { content, id } of this.added) all.set(content, id);
    return all;
  }
}

function keep(cache: Map<string, readonly number[]>, key: string, ids: readonly number[]): void {
  if (key.length > MAX_CACHED_LENGTH) return;
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(key, ids);
}
