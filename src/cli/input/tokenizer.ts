/** The tokenizer that `--tokenizer` asks for. */

import { basename } from 'node:path';
import { JsonTokenizer, readTokenizer, trainWordPiece, wordPieceJson } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';
import { hashTexts, readTexts, type Text } from './texts.js';
import { reportedPieces } from './token-ids.js';

/** Kinds of tokenizers that are trained on the text. */
const KINDS = ['char', 'wordpiece'];

/** Texts, the tokenizer's file if one was named, and a hash of both. */
export interface TextData {
  texts: readonly Text[];
  tokenizer: JsonTokenizer | undefined;
  hash: string;
}

/** Reads a tokenizer.json or a vocab.txt. */
function readTokenizerFile(path: string): { tokenizer: JsonTokenizer; bytes: Uint8Array } {
  const bytes = readBytes(path);
  const name = path.toLowerCase().endsWith('.txt') ? 'vocab.txt' : 'tokenizer.json';
  try {
    const tokenizer = readTokenizer('--tokenizer', new Map([[name, bytes]]));
    return { tokenizer: tokenizer as JsonTokenizer, bytes };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(`${basename(path)}: ${error.message}`);
  }
}

/**
 * Reads texts, and the tokenizer's file if one is named.
 *
 * @param kind `char`, `wordpiece`, or the path of a tokenizer.json or vocab.txt
 * @throws {InputError} that names the file and the position in it
 */
export function readTextData(path: string, kind: string | undefined): TextData {
  const texts = readTexts(path);
  const file = kind === undefined || KINDS.includes(kind) ? undefined : readTokenizerFile(kind);
  return { texts, tokenizer: file?.tokenizer, hash: hashTexts(texts, file?.bytes) };
}

/**
 * Trains a WordPiece tokenizer on texts.
 *
 * @param size largest vocabulary; the library's default if undefined
 */
export function trainWordPieceTokenizer(
  texts: readonly Text[],
  size: number | undefined,
): JsonTokenizer {
  return new JsonTokenizer(
    wordPieceJson(
      trainWordPiece(reportedPieces(texts, 'counting words'), size === undefined ? {} : { size }),
    ),
  );
}
