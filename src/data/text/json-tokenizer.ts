/** Any tokenizer that a `tokenizer.json` of Hugging Face's describes. */

import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { checkString, integerIn, rangeError } from '../../core/validation.js';
import type { Tokenizer } from './tokenizer.js';
import { checkTokenizerJson, type TokenizerJson, withAllParts } from './tokenizer-json.js';

/** Chunks of text whose tokens are kept. */
const MAX_CACHED_CHUNKS = 100_000;

/** Spaces as Rust has them, without control characters, which BERT's normalizer removes. */
export const SPACES = /[\t\n\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** Copies a string that may be a part of a long one, which engines would keep with it. */
export function ownString(part: string): string {
  return ` ${part}`.slice(1);
}

/** Ideographs past U+FFFF, which the library does not set apart as BERT's normalizer does. */
const IDEOGRAPHS =
  /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/** The library's tokenizer, whose own types a strict resolver does not find. */
interface Hub {
  normalizer: ((text: string) => string) | null;
  pre_tokenizer: ((text: string, options: object) => string[]) | null;
  encode(text: string, options?: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
  get_added_tokens_decoder(): Map<number, { content: string; special: boolean }>;
}

/** Options of BERT's normalizer. */
interface BertNormalizer {
  type?: unknown;
  lowercase?: boolean;
  handle_chinese_chars?: boolean;
  clean_text?: boolean;
}

/**
 * Tokenizer of a `tokenizer.json`: byte-pair encoding, WordPiece, Unigram, words.
 *
 * @example new JsonTokenizer(JSON.parse(text)).encode('near and far');
 */
export class JsonTokenizer implements Tokenizer {
  /** Content of the file. */
  readonly json: TokenizerJson;
  /** Number of tokens. */
  readonly size: number;
  readonly #tokenizer: Hub;
  /** Id of a token that the vocabulary lacks, if there is one for that. */
  readonly #unknown: number | undefined;
  readonly #normalizer: BertNormalizer;
  /** Tokens of each chunk between spaces, where the tokenizer sees no further than that. */
  readonly #chunks: Map<string, number[]> | undefined;

  /**
   * @param json the object in a `tokenizer.json`
   * @param size number of tokens that the model has, if more than the file names
   * @throws {RangeError} if it is not valid, of an unknown kind, or could take unbounded time
   */
  constructor(json: TokenizerJson, size = 0) {
    integerIn(0)('JsonTokenizer', 'size', size);
    checkTokenizerJson(json);
    this.json = json;
    let last = -1;
    try {
      this.#tokenizer = new HubTokenizer(withAllParts(json), {});
      for (const id of this.#tokenizer.get_vocab().values()) last = Math.max(last, id);
      this.#tokenizer.encode('a');
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new RangeError(`JsonTokenizer: json must be a valid tokenizer.json (${problem})`);
    }
    if (last < 0) rangeError('JsonTokenizer', 'json', 'with at least one token', json.model);
    if (size > 0 && last >= size) {
      rangeError('JsonTokenizer', 'json', `of at most the model's ${size} tokens`, last + 1);
    }
    this.size = Math.max(size, last + 1);
    const { unk_token: unknown } = withAllParts(json).model;
    this.#unknown = typeof unknown === 'string' ? this.idOf(unknown) : undefined;
    const typeOf = (part: string) => (json[part] as { type?: unknown } | null)?.type;
    const isBert = typeOf('normalizer') === 'BertNormalizer';
    this.#normalizer = isBert ? (json.normalizer as BertNormalizer) : {};
    const bySpaces = isBert && typeOf('pre_tokenizer') === 'BertPreTokenizer';
    const tokens = this.#tokenizer.get_added_tokens_decoder().values();
    const plain = [...tokens].every(({ content }) => !/\s/.test(content));
    this.#chunks = bySpaces && plain ? new Map() : undefined;
  }

  /**
   * Splits a text into token ids; no tokens are added at its start or end.
   * @param text text
   * @returns ids of its tokens
   * @throws {TypeError} if it is not a string
   */
  encode(text: string): number[] {
    const plain = this.#prepare(checkString('encode', 'text', text));
    const chunks = this.#chunks;
    if (chunks === undefined) return this.#encode(plain);
    return plain.split(SPACES).flatMap((chunk) => {
      const known = chunks.get(chunk);
      if (known !== undefined) return known;
      const ids = this.#encode(chunk);
      if (chunks.size >= MAX_CACHED_CHUNKS) chunks.clear();
      chunks.set(ownString(chunk), ids);
      return ids;
    });
  }

  /** Does to some characters as BERT's normalizer, where the library's does otherwise. */
  #prepare(text: string): string {
    const { type, lowercase, handle_chinese_chars: apart } = this.#normalizer;
    if (type === undefined) return text;
    const cut = apart === false ? text : text.replace(IDEOGRAPHS, ' $& ');
    // In JavaScript alone, a capital sigma at the end of a word becomes another letter.
    return lowercase === false ? cut : cut.replaceAll('Σ', 'σ');
  }

  #encode(text: string): number[] {
    const { ids } = this.#tokenizer.encode(text, { add_special_tokens: false });
    return ids.flatMap((id) => id ?? this.#unknown ?? []);
  }

  /**
   * Joins token ids to text.
   * @param ids token ids
   * @returns their text
   */
  decode(ids: ArrayLike<number>): string {
    if (ids.length === 0) return '';
    return this.#tokenizer.decode(Array.from(ids), { clean_up_tokenization_spaces: false });
  }

  /**
   * Splits a text into words, as they are before they become tokens.
   * @param text text
   * @returns its words, normalized
   * @throws {TypeError} if it is not a string
   */
  wordsOf(text: string): string[] {
    const { normalizer, pre_tokenizer: splitter } = this.#tokenizer;
    const plain = this.#prepare(checkString('wordsOf', 'text', text));
    const normal = normalizer === null ? plain : normalizer(plain);
    return splitter === null ? [normal] : splitter(normal, {});
  }

  /**
   * Finds the id of a token.
   * @param token token as the vocabulary writes it
   * @returns its id; undefined if there is none
   */
  idOf(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  /**
   * Finds a token as the vocabulary writes it.
   * @param id id of a token
   * @returns the token; empty if there is none
   */
  tokenOf(id: number): string {
    return this.#tokenizer.id_to_token(id) ?? '';
  }

  /** Ids of the tokens that stand for no text. */
  get specialIds(): number[] {
    const added = this.#tokenizer.get_added_tokens_decoder();
    return [...added].flatMap(([id, { special }]) => (special ? [id] : []));
  }
}
