/** Documents as batches that BERT reads: `[CLS]` tokens `[SEP]`, padded to the longest of a batch. */

import type { Matrix } from '../../core/matrix.js';
import { checkIntegers, isNumberArray, rangeError, tagOf } from '../../core/validation.js';
import type { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import { checkTextList } from '../../data/text/tokenizer.js';
import { matmul, reshape, slice, type Tensor, tensor } from '../../nn/index.js';

/** One text or many: each is a document of its own. */
export type Texts = string | readonly string[];

/** Texts, or the token ids of each document. */
export type Documents = Texts | readonly ArrayLike<number>[];

/** Finds the indices at which a condition holds. */
export function indicesWhere(ids: Int32Array, holds: (id: number) => boolean): number[] {
  return Array.from(ids.keys()).filter((i) => holds(ids[i] as number));
}

/** Ids of the tokens that BERT needs. */
export interface Specials {
  /** `[PAD]`, after the end of shorter texts. */
  pad: number;
  /** `[CLS]`, before a text. */
  cls: number;
  /** `[SEP]`, after a text. */
  sep: number;
  /** `[MASK]`, in place of a hidden token. */
  mask: number;
}

/** @throws {RangeError} if the tokenizer lacks one of them */
export function specialsOf(tokenizer: JsonTokenizer): Specials {
  const idOf = (token: string): number => {
    const id = tokenizer.idOf(token);
    return id ?? rangeError('BERT', 'tokenizer', `one with the token ${token}`, undefined);
  };
  return { pad: idOf('[PAD]'), cls: idOf('[CLS]'), sep: idOf('[SEP]'), mask: idOf('[MASK]') };
}

/** Texts of a batch as token ids. */
export interface TokenBatch {
  /** Token ids, (B, T), padded. */
  ids: Int32Array;
  /** B, the number of texts. */
  batch: number;
  /** Number of tokens of each text, `[CLS]` and `[SEP]` among them, (B). */
  lengths: Int32Array;
}

/** Puts texts between `[CLS]` and `[SEP]`, padded to the longest. */
export function padBatch(
  texts: readonly ArrayLike<number>[],
  { pad, cls, sep }: Specials,
): TokenBatch {
  const lengths = Int32Array.from(texts, ({ length }) => length + 2);
  const steps = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  const ids = new Int32Array(texts.length * steps).fill(pad);
  for (const [b, text] of texts.entries()) {
    ids.set([cls, ...Array.from(text), sep], b * steps);
  }
  return { ids, batch: texts.length, lengths };
}

/** Splits documents into windows of at most `maxTokens` tokens, one after the other. */
export function splitDocuments(documents: readonly TokenIds[], maxTokens: number): Windows {
  const windows = new Windows(documents, maxTokens);
  for (const [d, { length }] of documents.entries()) {
    for (let from = 0; from < length; from += maxTokens) windows.add(d, from);
  }
  return windows;
}

/** Token ids of a document: a typed array of the caller's, or one of our own. */
type TokenIds = Int32Array | Uint16Array | Uint8Array;

/** Tokenizes each text that has any tokens; checks those that are token ids already. */
export function tokenizeDocuments(
  name: string,
  tokenizer: JsonTokenizer,
  data: Documents,
): TokenIds[] {
  const isIds = Array.isArray(data) && data.length > 0 && data.every(isNumberArray);
  const documents = isIds
    ? data.map((ids, i) => checkTokenIds(name, `data[${i}]`, ids, tokenizer.size))
    : checkTextList(name, data as Texts, 'data').map((text) =>
        Int32Array.from(tokenizer.encode(text)),
      );
  const filled = documents.filter(({ length }) => length > 0);
  if (filled.length === 0) rangeError(name, 'data', 'a text with at least one token', data);
  return filled;
}

/** Checks the ids of a document; typed arrays are not copied, which may be large. */
function checkTokenIds(
  name: string,
  argument: string,
  given: unknown,
  vocabulary: number,
): TokenIds {
  const ids = checkIntegers(name, argument, given, undefined, {
    valid: (id) => id >= 0 && id < vocabulary,
    what: `a token id below ${vocabulary}`,
  });
  const isTyped = ['Int32Array', 'Uint16Array', 'Uint8Array'].includes(tagOf(ids));
  return isTyped ? (ids as TokenIds) : Int32Array.from(ids);
}

/** Windows of documents, as two numbers each: there may be millions. */
export class Windows {
  readonly #documents: readonly TokenIds[];
  readonly #maxTokens: number;
  /** Document and first token of each. */
  #starts = new Int32Array(1024);
  length = 0;

  /** @param maxTokens length of a window; less at the end of a document */
  constructor(documents: readonly TokenIds[], maxTokens: number) {
    this.#documents = documents;
    this.#maxTokens = maxTokens;
  }

  /** Adds the window that begins at a token of a document. */
  add(document: number, from: number): void {
    if (2 * this.length === this.#starts.length) {
      const larger = new Int32Array(2 * this.#starts.length);
      larger.set(this.#starts);
      this.#starts = larger;
    }
    this.#starts.set([document, from], 2 * this.length++);
  }

  /** Gives the ids of a window. */
  at(index: number): TokenIds {
    const [document, from] = this.#starts.subarray(2 * index) as unknown as [number, number];
    return (this.#documents[document] as TokenIds).subarray(from, from + this.#maxTokens);
  }
}

/**
 * Lists the windows that training draws from: at most `maxTokens` tokens from a document's start,
 * from the end of each sentence, and from wherever a window since then has ended, so that every
 * token is in some window.
 */
export function windowsOf(
  documents: readonly TokenIds[],
  maxTokens: number,
  tokenizer: JsonTokenizer,
): Windows {
  const ends = new Set(['.', '!', '?'].map((mark) => tokenizer.idOf(mark)));
  const windows = new Windows(documents, maxTokens);
  for (const [d, document] of documents.entries()) {
    let last = -maxTokens;
    for (let i = 0; i < document.length; i++) {
      if (i - last < maxTokens && !ends.has(document[i - 1])) continue;
      windows.add(d, i);
      last = i;
    }
  }
  return windows;
}

/** Takes the hidden state of `[CLS]`: (B, T, C) to (B, C). */
export function clsHidden(x: Tensor): Tensor {
  const [batch, , width] = x.shape as [number, number, number];
  return reshape(slice(x, 1, 0, 1), [batch, width]);
}

/** Takes the mean over each text's own tokens: (B, T, C) to (B, C). */
export function meanHidden(x: Tensor, lengths: Int32Array): Tensor {
  const [batch, steps, width] = x.shape as [number, number, number];
  const weights = new Float32Array(batch * steps);
  for (const [b, length] of lengths.entries()) {
    weights.fill(1 / length, b * steps, b * steps + length);
  }
  return reshape(matmul(tensor(weights, [batch, 1, steps]), x), [batch, width]);
}

/** Copies a tensor of two axes out as a matrix. */
export function matrixOf(x: Tensor): Matrix {
  const [rows, cols] = x.shape as [number, number];
  return { data: x.toArray(), rows, cols };
}
