/** Normalizers of a `tokenizer.json`: text to text, before it is split. */

import { byteCharacters } from './byte-characters.js';
import { readCharsMap } from './chars-map.js';
import {
  isPart,
  type Part,
  readFlag,
  readList,
  readPart,
  readPattern,
  readString,
  unknownType,
  type Where,
} from './part.js';
import { lowercase, SPACE } from './unicode.js';

export type Normalizer = (text: string) => string;

/** Control, format and private characters and what stands for an unreadable one; not tab, newline. */
const DROPPED = /[\0\ufffd\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu;
const SPACES = new RegExp(`[${SPACE}]`, 'gu');
/** Ideographs, in the ranges of BERT's own code. */
const IDEOGRAPHS =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;
const ASCII = /^[\x20-\x7e]*$/;

function bertNormalizer(where: Where, part: Part): Normalizer {
  const clean = readFlag(where, part, 'clean_text', true);
  const ideographs = readFlag(where, part, 'handle_chinese_chars', true);
  const lower = readFlag(where, part, 'lowercase', true);
  const accents = readFlag(where, part, 'strip_accents', lower);
  return (text) => {
    if (ASCII.test(text)) return lower ? text.toLowerCase() : text;
    let result = text;
    if (clean) {
      result = result
        .replace(/[\t\n\r]/g, ' ')
        .replace(DROPPED, '')
        .replace(SPACES, ' ');
    }
    if (ideographs) result = result.replace(IDEOGRAPHS, ' $& ');
    if (accents) result = result.normalize('NFD').replace(/\p{Mn}/gu, '');
    return lower ? lowercase(result) : result;
  };
}

function strip(where: Where, part: Part): Normalizer {
  const start = readFlag(where, part, 'strip_left', true) ? `^[${SPACE}]+` : '(?!)';
  const end = readFlag(where, part, 'strip_right', true) ? `[${SPACE}]+$` : '(?!)';
  const pattern = new RegExp(`${start}|${end}`, 'gu');
  return (text) => text.replace(pattern, '');
}

/** Characters that the normalizer of Google's NMT drops, and those that become spaces. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is dropped
const NMT_DROPPED = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/**
 * Makes the function of a normalizer.
 * @throws {RangeError} if its type is not supported or a field is not valid
 */
export function readNormalizer(where: Where, value: unknown): Normalizer | undefined {
  const part = readPart(where, value);
  if (part === undefined) return undefined;
  switch (part.type) {
    case 'Sequence': {
      const list = readList(where, part.normalizers).flatMap((item) => {
        const normalizer = readNormalizer(where, item);
        return normalizer === undefined ? [] : [normalizer];
      });
      return (text) => list.reduce((result, normalizer) => normalizer(result), text);
    }
    case 'BertNormalizer':
      return bertNormalizer(where, part);
    case 'Lowercase':
      return lowercase;
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = part.type;
      return (text) => text.normalize(form);
    }
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gu, '');
    case 'Strip':
      return strip(where, part);
    case 'Nmt':
      return (text) => text.replace(NMT_DROPPED, '').replace(NMT_SPACES, ' ');
    case 'Replace': {
      const pattern = readPattern(where, part.pattern);
      const content = readString(where, part, 'content');
      return (text) => text.replace(pattern, () => content);
    }
    case 'Prepend': {
      const prefix = readString(where, part, 'prepend');
      return (text) => (text === '' ? '' : prefix + text);
    }
    case 'ByteLevel': {
      const shown = byteCharacters();
      const encoder = new TextEncoder();
      return (text) => Array.from(encoder.encode(text), (byte) => shown[byte]).join('');
    }
    case 'Precompiled':
      return readCharsMap(where, part.precompiled_charsmap);
    default:
      return unknownType(where, part.type);
  }
}

/** Tells whether a normalizer of a file lowers case. */
export function lowersCase(value: unknown): boolean {
  if (!isPart(value)) return false;
  if (value.type === 'Lowercase') return true;
  if (value.type === 'BertNormalizer') return value.lowercase !== false;
  return Array.isArray(value.normalizers) && value.normalizers.some(lowersCase);
}
