/** The tokenizer that `--tokenizer` asks for. */

import { basename } from 'node:path';
import { JsonTokenizer, readTokenizer, trainWordPiece, wordPieceJson } from '../../models/index.js';
import { InputError } from '../command.js';
import { readBytes } from '../files.js';
import type { Settings } from '../options.js';
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

export function readTextData(path: string, settings: Settings): TextData {
  const texts = readTexts(path);
  const kind = settings.tokenizer as string | undefined;
  const file = kind === undefined || KINDS.includes(kind) ? undefined : readTokenizerFile(kind);
  const hash = hashOf(file === undefined ? texts : [texts, hashOf([...file.bytes])]);
  return { texts, tokenizer: file?.tokenizer, hash };
}

/** A vocabulary that is learnt from texts. */
export function wordPieceOf(texts: readonly string[], settings: Settings): JsonTokenizer {
  const size = settings.vocabulary as number | undefined;
  return new JsonTokenizer(
    wordPieceJson(trainWordPiece(texts, size === undefined ? {} : { size })),
  );
}
