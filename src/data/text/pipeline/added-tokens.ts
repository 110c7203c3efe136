/** Added tokens of a `tokenizer.json`: texts that are one token wherever they stand. */

import { rangeError } from '../../../core/validation.js';
import { checkTokenId } from './models.js';
import type { Normalizer } from './normalizers.js';
import { isPart, readFlag, readString, type Where } from './part.js';
import { SPACE, WORD } from './unicode.js';

/** A token as the file has it. */
export interface AddedToken {
  id: number;
  content: string;
  special: boolean;
  /** True if it is searched for in normalized text, not in the text as it is given. */
  normalized: boolean;
  singleWord: boolean;
  lstrip: boolean;
  rstrip: boolean;
}

export function readAddedTokens(where: Where, value: unknown): AddedToken[] {
  const list = value ?? [];
  if (!Array.isArray(list)) rangeError(where.name, where.part, 'a list', value);
  return list.map((token) => {
    if (!isPart(token)) rangeError(where.name, where.part, 'a list of tokens', token);
    const special = readFlag(where, token, 'special', false);
    return {
      id: checkTokenId(where, token.id),
      content: readString(where, token, 'content'),
      special,
      normalized: readFlag(where, token, 'normalized', !special),
      singleWord: readFlag(where, token, 'single_word', false),
      lstrip: readFlag(where, token, 'lstrip', false),
      rstrip: readFlag(where, token, 'rstrip', false),
    };
  });
}

/** A chunk of text, or a token in it. */
export type Piece = { text: string } | { id: number };

const ENDS_IN_WORD = new RegExp(`[${WORD}]$`, 'u');
const BEGINS_WITH_WORD = new RegExp(`^[${WORD}]`, 'u');
const SPACES_AT_END = new RegExp(`[${SPACE}]*$`, 'u');
const SPACES_AT_START = new RegExp(`^[${SPACE}]*`, 'u');

/** Makes a function that finds tokens in a text: the leftmost first, of those the longest. */
export function tokenFinder(
  tokens: readonly AddedToken[],
  normalizer?: Normalizer,
): ((text: string) => Piece[]) | undefined {
  const byContent = new Map<string, AddedToken>();
  for (const token of tokens) {
    const content = normalizer === undefined ? token.content : normalizer(token.content);
    if (content !== '') byContent.set(content, token);
  }
  if (byContent.size === 0) return undefined;
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const escaped = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  const pattern = new RegExp(escaped.join('|'), 'gu');
  return (text) => {
    const pieces: Piece[] = [];
    let done = 0;
    for (const { 0: found, index } of text.matchAll(pattern)) {
      const token = byContent.get(found) as AddedToken;
      let [start, end] = [index, index + found.length];
      if (token.singleWord) {
        if (ENDS_IN_WORD.test(text.slice(0, start))) continue;
        if (BEGINS_WITH_WORD.test(text.slice(end))) continue;
      }
      if (token.lstrip) {
        const spaces = SPACES_AT_END.exec(text.slice(0, start))?.[0].length ?? 0;
        start = Math.max(start - spaces, done);
      }
      if (token.rstrip) end += SPACES_AT_START.exec(text.slice(end))?.[0].length ?? 0;
      if (start >= end) continue;
      if (start > done) pieces.push({ text: text.slice(done, start) });
      pieces.push({ id: token.id });
      done = end;
    }
    if (done < text.length) pieces.push({ text: text.slice(done) });
    return pieces;
  };
}
