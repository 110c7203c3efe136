/** Documents as what BERT reads: `[CLS]` tokens `[SEP]`, padded to the longest of a batch. */

import type { Matrix } from '../../core/matrix.js';
import { rangeError, typeError } from '../../core/validation.js';
import type { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import { matmul, reshape, slice, type Tensor, tensor } from '../../nn/index.js';

/** One text or many: each is a document of its own. */
export type Texts = string | readonly string[];

/** One text or many, as many. */
export function textsOf(name: string, texts: Texts): readonly string[] {
  const list = typeof texts === 'string' ? [texts] : texts;
  if (!Array.isArray(list)) typeError(name, 'texts', 'a string or an array of strings', texts);
  if (list.length === 0) rangeError(name, 'texts', 'at least one text', list);
  const bad = list.findIndex((text) => typeof text !== 'string');
  if (bad >= 0) typeError(name, `texts[${bad}]`, 'a string', list[bad]);
  return list;
}

/** Indices at which a condition holds. */
export function indicesWhere(ids: Int32Array, holds: (id: number) => boolean): number[] {
  return Array.from(ids.keys()).filter((i) => holds(ids[i] as number));
}

/** Numbers of the tokens that BERT needs. */
export interface Specials {
  pad: number;
  cls: number;
  sep: number;
  mask: number;
}

/** @throws RangeError if the tokenizer lacks one of them */
export function specialsOf(tokenizer: JsonTokenizer): Specials {
  const idOf = (token: string): number => {
    const id = tokenizer.idOf(token);
    return id ?? rangeError('BERT', 'tokenizer', `one with the token ${token}`, undefined);
  };
  return { pad: idOf('[PAD]'), cls: idOf('[CLS]'), sep: idOf('[SEP]'), mask: idOf('[MASK]') };
}

/** Token numbers of B segments, (B, T), padded. */
export interface TokenBatch {
  ids: Int32Array;
  batch: number;
  /** Tokens of each segment, `[CLS]` and `[SEP]` among them. */
  lengths: Int32Array;
}

/** Segments between `[CLS]` and `[SEP]`, one below the other. */
export function padBatch(
  segments: readonly ArrayLike<number>[],
  { pad, cls, sep }: Specials,
): TokenBatch {
  const lengths = Int32Array.from(segments, ({ length }) => length + 2);
  const steps = lengths.reduce((most, length) => Math.max(most, length), 0);
  const ids = new Int32Array(segments.length * steps).fill(pad);
  for (const [b, segment] of segments.entries()) {
    ids.set([cls, ...Array.from(segment), sep], b * steps);
  }
  return { ids, batch: segments.length, lengths };
}

/** Cut documents to pieces of at most `room` tokens, one after the other. */
export function splitDocuments(documents: readonly Int32Array[], room: number): Int32Array[] {
  return documents.flatMap((document) =>
    Array.from({ length: Math.ceil(document.length / room) }, (_, i) =>
      document.subarray(i * room, (i + 1) * room),
    ),
  );
}

/** Token numbers of each text that has any. */
export function tokenizeDocuments(
  name: string,
  tokenizer: JsonTokenizer,
  data: Texts,
): Int32Array[] {
  const documents = textsOf(name, data).map((text) => Int32Array.from(tokenizer.encode(text)));
  const filled = documents.filter(({ length }) => length > 0);
  if (filled.length === 0) rangeError(name, 'data', 'a text with at least one token', data);
  return filled;
}

/**
 * Segments of at most `room` tokens that begin at a document's start, after the end of a sentence,
 * and wherever a segment from the last such place ends, so that every token is in some segment.
 */
export function windowsOf(
  documents: readonly Int32Array[],
  room: number,
  tokenizer: JsonTokenizer,
): Int32Array[] {
  const ends = new Set(['.', '!', '?'].map((mark) => tokenizer.idOf(mark)));
  return documents.flatMap((document) => {
    const segments: Int32Array[] = [];
    let last = -room;
    for (const i of document.keys()) {
      if (i - last < room && !ends.has(document[i - 1])) continue;
      segments.push(document.subarray(i, i + room));
      last = i;
    }
    return segments;
  });
}

/** The hidden state of `[CLS]`: (B, T, C) to (B, C). */
export function clsHidden(x: Tensor): Tensor {
  const [batch, , width] = x.shape as [number, number, number];
  return reshape(slice(x, 1, 0, 1), [batch, width]);
}

/** The mean over each segment's own steps: (B, T, C) to (B, C). */
export function meanHidden(x: Tensor, lengths: Int32Array): Tensor {
  const [batch, steps, width] = x.shape as [number, number, number];
  const weights = new Float32Array(batch * steps);
  for (const [b, length] of lengths.entries()) {
    weights.fill(1 / length, b * steps, b * steps + length);
  }
  return reshape(matmul(tensor(weights, [batch, 1, steps]), x), [batch, width]);
}

/** A tensor's numbers as a matrix. */
export function toMatrixOf(x: Tensor): Matrix {
  const [rows, cols] = x.shape as [number, number];
  return { data: x.toArray(), rows, cols };
}
