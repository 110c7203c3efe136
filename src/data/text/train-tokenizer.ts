/** Tokenizers that are trained on texts, by the name of their kind. */

import { CharacterTokenizer } from './characters.js';
import { JsonTokenizer } from './json-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';
import { characterJson, trainWordPiece, wordPieceJson } from './wordpiece.js';

/** Kinds of tokenizers that are trained on texts: single characters, or pieces of words. */
export type TokenizerKind = 'char' | 'wordpiece';

/** Trains a tokenizer with BERT's special tokens. */
export function makeJsonTokenizer(texts: readonly string[], kind: TokenizerKind): JsonTokenizer {
  const json = kind === 'char' ? characterJson(texts) : wordPieceJson(trainWordPiece(texts));
  return new JsonTokenizer(json);
}

/** Trains a tokenizer. */
export function makeTokenizer(text: string, kind: TokenizerKind): Tokenizer {
  return kind === 'char' ? CharacterTokenizer.fromText(text) : makeJsonTokenizer([text], kind);
}
