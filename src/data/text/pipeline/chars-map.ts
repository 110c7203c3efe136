/**
 * SentencePiece's compiled map of characters (the normalizer `Precompiled`): a double-array trie
 * over UTF-8 bytes whose values are where replacements begin in a block of texts.
 */

import { fromBase64 } from '../../../core/base64.js';
import { rangeError } from '../../../core/validation.js';
import type { Where } from './part.js';

/** Longest cluster of characters that is looked up as a whole, in bytes. */
const MAX_CLUSTER = 5;

/** Signs that belong to the character behind them. */
const PREPENDED = '\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u0d4e';
/** Marks that belong to the character before them. */
const MARKS = '\\p{Grapheme_Extend}\\p{Mc}\\u0e33\\u0eb3\\u200d';
/** A character and what belongs to it: Unicode's grapheme clusters of at most five bytes. */
const CLUSTER = new RegExp(
  `\\r\\n|[${PREPENDED}]*(?:[\\u200c\\u200d]|[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}])[${MARKS}]*|.`,
  'gsu',
);

/** Reads a map, as base64. */
export function readCharsMap(where: Where, value: unknown): ((text: string) => string) | undefined {
  if (value === null || value === '') return undefined;
  const fail = (got: unknown): never =>
    rangeError(where.name, `${where.part}'s precompiled_charsmap`, 'a compiled map in base64', got);
  if (typeof value !== 'string') return fail(value);
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(value);
  } catch {
    return fail(value);
  }
  if (bytes.length < 4) return fail(value);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(0, true);
  if (size % 4 !== 0 || size > bytes.length - 4) return fail(value);
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const replacements = bytes.subarray(4 + size);
  return (text) => apply(text, units, replacements);
}

/** Where the replacement of the shortest prefix in the trie begins, or -1. */
function find(key: Uint8Array, units: Uint32Array): number {
  let unit = units[0] ?? 0;
  let node = offsetOf(unit);
  for (const byte of key) {
    if (byte === 0) return -1;
    node ^= byte;
    unit = units[node] ?? 0;
    if ((unit & 0x800000ff) !== byte) return -1;
    node ^= offsetOf(unit);
    // A leaf hangs here: its value is an offset into the replacements.
    if ((unit >>> 8) & 1) return ((units[node] ?? 0) & 0x7fffffff) >>> 0;
  }
  return -1;
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function apply(text: string, units: Uint32Array, replacements: Uint8Array): string {
  const encoder = new TextEncoder();
  const cache = new Map<string, string | undefined>();
  const replaced = (part: string): string | undefined => {
    if (cache.has(part)) return cache.get(part);
    const at = find(encoder.encode(part), units);
    let result: string | undefined;
    if (at >= 0) {
      const end = replacements.indexOf(0, at);
      const bytes = replacements.subarray(at, end < 0 ? replacements.length : end);
      result = new TextDecoder('utf-8', { fatal: false }).decode(bytes);
    }
    cache.set(part, result);
    return result;
  };
  return text.replace(CLUSTER, (cluster) => {
    if (cluster.length <= MAX_CLUSTER && encoder.encode(cluster).length <= MAX_CLUSTER) {
      const whole = replaced(cluster);
      if (whole !== undefined) return whole;
    }
    let result = '';
    for (const character of cluster) result += replaced(character) ?? character;
    return result;
  });
}
