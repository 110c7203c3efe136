/** Any tokenizer that a `tokenizer.json` of Hugging Face's describes, and how such a file is made. */

import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { rangeError, typeError } from '../../core/validation.js';
import type { Tokenizer } from './characters.js';

/** What a `tokenizer.json` holds. */
export interface TokenizerJson {
  model: Record<string, unknown>;
  [part: string]: unknown;
}

/** A token with a meaning of its own in a `tokenizer.json`. */
export function specialToken(content: string, id: number): Record<string, unknown> {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id, content, ...plain, special: true };
}

/** The file of a tokenizer with these parts; the others are there, empty. */
export function tokenizerJson(
  parts: Readonly<Record<string, unknown>>,
  model: Record<string, unknown>,
): TokenizerJson {
  const empty = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  const head = { version: '1.0', truncation: null, padding: null, added_tokens: [] };
  return { ...head, ...empty, ...parts, model };
}

/** Stretches of text whose tokens are kept. */
const MAX_CACHED_CHUNKS = 100_000;

/** What we use of the library's tokenizer, whose own types a strict resolver does not find. */
interface Hub {
  normalizer: ((text: string) => string) | null;
  pre_tokenizer: ((text: string, options: object) => string[]) | null;
  encode(text: string, options?: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
  get_added_tokens_decoder(): Map<number, { content: string; special: boolean }>;
}

/** Numbers past which a vocabulary is a mistake, or an attack on memory. */
const MAX_TOKENS = 2 ** 24;

function checkIds({ model, added_tokens: added }: TokenizerJson): void {
  const { vocab } = (model ?? {}) as { vocab?: unknown };
  const own = typeof vocab === 'object' && vocab !== null ? vocab : {};
  const ids = Array.isArray(own) ? [own.length] : Object.values(own);
  const more = Array.isArray(added) ? added.map((token) => token?.id) : [];
  for (const id of [...ids, ...more]) {
    if (Number.isInteger(id) && id >= 0 && id < MAX_TOKENS) continue;
    rangeError('JsonTokenizer', 'json', `with numbers from 0 to ${MAX_TOKENS - 1}`, id);
  }
}

/** Text to token numbers and back, as a `tokenizer.json` says. */
export class JsonTokenizer implements Tokenizer {
  readonly json: TokenizerJson;
  readonly size: number;
  readonly #tokenizer: Hub;
  /** Tokens of each stretch between spaces, where the tokenizer sees no further than that. */
  readonly #chunks: Map<string, number[]> | undefined;

  /**
   * @param json the object in a `tokenizer.json`
   * @param size as many tokens as the model has, if more than the file names
   * @throws RangeError if it is not sound or of a kind that is not known
   */
  constructor(json: TokenizerJson, size = 0) {
    if (typeof json !== 'object' || json === null) {
      typeError('JsonTokenizer', 'json', 'the object in a tokenizer.json', json);
    }
    checkIds(json);
    this.json = json;
    let last = -1;
    try {
      this.#tokenizer = new HubTokenizer({ added_tokens: [], ...json }, {});
      for (const id of this.#tokenizer.get_vocab().values()) last = Math.max(last, id);
      this.#tokenizer.encode('a');
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new RangeError(`JsonTokenizer: json must be a sound tokenizer.json (${problem})`);
    }
    if (last < 0) rangeError('JsonTokenizer', 'json', 'with at least one token', json.model);
    if (size > 0 && last >= size) {
      rangeError('JsonTokenizer', 'json', `of at most the model's ${size} tokens`, last + 1);
    }
    this.size = Math.max(size, last + 1);
    const typeOf = (part: string) => (json[part] as { type?: unknown } | null)?.type;
    const bySpaces = typeOf('pre_tokenizer') === 'BertPreTokenizer';
    const tokens = this.#tokenizer.get_added_tokens_decoder().values();
    const plain = [...tokens].every(({ content }) => !/\s/.test(content));
    this.#chunks =
      bySpaces && plain && typeOf('normalizer') === 'BertNormalizer' ? new Map() : undefined;
  }

  encode(text: string): number[] {
    const chunks = this.#chunks;
    if (chunks === undefined) return this.#encode(text);
    return text.split(/\s+/).flatMap((chunk) => {
      const known = chunks.get(chunk);
      if (known !== undefined) return known;
      const ids = this.#encode(chunk);
      if (chunks.size >= MAX_CACHED_CHUNKS) chunks.clear();
      chunks.set(chunk, ids);
      return ids;
    });
  }

  #encode(text: string): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  decode(ids: ArrayLike<number>): string {
    if (ids.length === 0) return '';
    return this.#tokenizer.decode(Array.from(ids), { clean_up_tokenization_spaces: false });
  }

  /** A text's words, as they are before they become tokens. */
  wordsOf(text: string): string[] {
    const { normalizer, pre_tokenizer: splitter } = this.#tokenizer;
    const normal = normalizer === null ? text : normalizer(text);
    return splitter === null ? [normal] : splitter(normal, {});
  }

  /** The number of a token. */
  idOf(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  /** A token as the vocabulary writes it. */
  tokenOf(id: number): string {
    return this.#tokenizer.id_to_token(id) ?? '';
  }

  /** Numbers of the tokens that stand for no text. */
  get specialIds(): number[] {
    const added = this.#tokenizer.get_added_tokens_decoder();
    return [...added].flatMap(([id, { special }]) => (special ? [id] : []));
  }
}
