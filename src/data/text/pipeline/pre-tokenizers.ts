/** Pre-tokenizers of a `tokenizer.json`: normalized text to words, which the model turns to tokens. */

import { rangeError } from '../../../core/validation.js';
import { byteCharacters } from './byte-characters.js';
import {
  type Part,
  readFlag,
  readList,
  readPart,
  readPattern,
  readString,
  unknownType,
  type Where,
} from './part.js';
import { PUNCTUATION, SPACE, WORD } from './unicode.js';

/** Splits a text; `first` says whether it is the beginning of the whole one. */
export type PreTokenizer = (text: string, first: boolean) => string[];

const GPT2 = new RegExp(
  `'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|[${SPACE}]+(?![^${SPACE}])|[${SPACE}]+`,
  'gu',
);

function byteLevel(where: Where, part: Part): PreTokenizer {
  const prefix = readFlag(where, part, 'add_prefix_space', true);
  const useRegex = readFlag(where, part, 'use_regex', true);
  const shown = byteCharacters();
  const encoder = new TextEncoder();
  return (text) => {
    const prefixed = prefix && !text.startsWith(' ') ? ` ${text}` : text;
    const words = useRegex ? (prefixed.match(GPT2) ?? []) : [prefixed];
    return words.map((word) => Array.from(encoder.encode(word), (byte) => shown[byte]).join(''));
  };
}

function metaspace(where: Where, part: Part): PreTokenizer {
  const mark = readString(where, part, 'replacement', '▁');
  const fallback = readFlag(where, part, 'add_prefix_space', true) ? 'always' : 'never';
  const scheme = readString(where, part, 'prepend_scheme', fallback);
  const splits = readFlag(where, part, 'split', true);
  return (text, first) => {
    const marked = text.replaceAll(' ', mark);
    const prepends = scheme === 'always' || (scheme === 'first' && first);
    const whole = prepends && !marked.startsWith(mark) ? mark + marked : marked;
    if (!splits) return [whole];
    return whole
      .split(mark)
      .flatMap((word, i) => (i === 0 ? (word === '' ? [] : [word]) : [mark + word]));
  };
}

/** Treatment of the matches of a pattern. */
type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

/** Second half of a character past U+FFFF: alone only in texts that are not valid. */
const LOW_SURROGATE = /[\udc00-\udfff]/;

function splitBy(text: string, pattern: RegExp, behavior: Behavior, invert: boolean): string[] {
  const parts: { text: string; match: boolean }[] = [];
  let end = 0;
  let last = -1;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    // An empty match does not count right behind another, nor within a character, where V8 finds some.
    if (found === '' && (index === last || LOW_SURROGATE.test(text.charAt(index)))) continue;
    last = index + found.length;
    if (index > end) parts.push({ text: text.slice(end, index), match: invert });
    parts.push({ text: found, match: !invert });
    end = last;
  }
  if (end < text.length) parts.push({ text: text.slice(end), match: invert });
  const words: string[] = [];
  let joins = false;
  for (const [i, { text: word, match }] of parts.entries()) {
    const before = parts[i - 1];
    if (match && behavior === 'Removed') continue;
    if (match && behavior === 'MergedWithPrevious' && before !== undefined && !before.match)
      joins = true;
    if (match && behavior === 'Contiguous' && before?.match) joins = true;
    if (!match && behavior === 'MergedWithNext' && before?.match) joins = true;
    if (joins) words[words.length - 1] += word;
    else words.push(word);
    joins = false;
  }
  return words;
}

const BERT = new RegExp(`[^${SPACE}${PUNCTUATION}]+|[${PUNCTUATION}]`, 'gu');
const WORDS = new RegExp(`[${WORD}]+|[^${WORD}${SPACE}]+`, 'gu');
const NOT_SPACES = new RegExp(`[^${SPACE}]+`, 'gu');
const PUNCTUATION_MARK = new RegExp(`[${PUNCTUATION}]`, 'gu');

const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];

function readBehavior(where: Where, part: Part): Behavior {
  const behavior = readString(where, part, 'behavior', 'Isolated');
  if (!BEHAVIORS.includes(behavior))
    unknownType({ ...where, part: `${where.part}'s behavior` }, behavior);
  return behavior as Behavior;
}

/**
 * Makes the function of a pre-tokenizer.
 * @throws {RangeError} if its type is not supported or a field is not valid
 */
export function readPreTokenizer(where: Where, value: unknown): PreTokenizer | undefined {
  const part = readPart(where, value);
  if (part === undefined) return undefined;
  switch (part.type) {
    case 'Sequence': {
      const list = readList(where, part.pretokenizers).flatMap((item) => {
        const splitter = readPreTokenizer(where, item);
        return splitter === undefined ? [] : [splitter];
      });
      return (text, first) =>
        list.reduce(
          (words, splitter) => words.flatMap((word, i) => splitter(word, first && i === 0)),
          [text],
        );
    }
    case 'BertPreTokenizer':
      return (text) => text.match(BERT) ?? [];
    case 'Whitespace':
      return (text) => text.match(WORDS) ?? [];
    case 'WhitespaceSplit':
      return (text) => text.match(NOT_SPACES) ?? [];
    case 'Metaspace':
      return metaspace(where, part);
    case 'ByteLevel':
      return byteLevel(where, part);
    case 'Punctuation': {
      const behavior = readBehavior(where, part);
      return (text) => splitBy(text, PUNCTUATION_MARK, behavior, false);
    }
    case 'Digits': {
      const single = readFlag(where, part, 'individual_digits', false);
      return (text) => splitBy(text, /\p{N}/gu, single ? 'Isolated' : 'Contiguous', false);
    }
    case 'CharDelimiterSplit': {
      const delimiter = readString(where, part, 'delimiter');
      return (text) => text.split(delimiter).filter((word) => word !== '');
    }
    case 'FixedLength': {
      const length = part.length ?? 5;
      if (!Number.isInteger(length) || (length as number) < 1) {
        rangeError(where.name, `${where.part}'s length`, 'a whole number from 1', length);
      }
      const pattern = new RegExp(`[^]{1,${length}}`, 'gu');
      return (text) => text.match(pattern) ?? [];
    }
    case 'Split': {
      const pattern = readPattern(where, part.pattern);
      const behavior = readBehavior(where, part);
      const invert = readFlag(where, part, 'invert', false);
      return (text) => splitBy(text, pattern, behavior, invert);
    }
    default:
      return unknownType(where, part.type);
  }
}
