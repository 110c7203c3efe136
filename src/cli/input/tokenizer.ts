/** The tokenizer that `--tokenizer` asks for. */

import { basename } from 'node:path';
import { JsonTokenizer, readTokenizer, trainWordPiece, wordPieceJson } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';
import { hashOf, readTexts, type Text } from './texts.js';

/** Kinds that are learnt from the text. */
const KINDS = ['char', 'wordpiece'];

/** Texts, the tokenizer's file if one was named, and a hash that tells both from any others. */
export interface TextData {
  texts: readonly Text[];
  tokenizer: JsonTokenizer | undefined;
  hash: string;
}

/** A tokenizer.json or a vocab.txt. */
function readTokenizerFile(path: string): { tokenizer: JsonTokenizer; bytes: Uint8Array } {
  const bytes = readBytes(path);
  const name = path.endsWith('.txt') ? 'vocab.txt' : 'tokenizer.json';
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
 * @throws {InputError} that names the file and the place in it
 */
export function readTextData(path: string, kind: string | undefined): TextData {
  const texts = readTexts(path);
  const file = kind === undefined || KINDS.includes(kind) ? undefined : readTokenizerFile(kind);
  const hash = hashOf(file === undefined ? texts : [texts, hashOf([...file.bytes])]);
  return { texts, tokenizer: file?.tokenizer, hash };
}

/**
 * Trains a WordPiece tokenizer on texts.
 *
 * @param size largest vocabulary; the library's default if undefined
 */
export function trainWordPieceTokenizer(
  texts: readonly string[],
  size: number | undefined,
): JsonTokenizer {
  return new JsonTokenizer(
    wordPieceJson(trainWordPiece(texts, size === undefined ? {} : { size })),
  );
}
