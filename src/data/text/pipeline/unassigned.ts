/**
 * Keeps tokens the same on runtimes whose tables of Unicode are of different versions: a character
 * that Unicode 14 (2021) does not assign is, on all of them, one without a class, a lower case or a
 * normal form. Newer tables call some of them letters or marks.
 */

import { byteCharacters } from './byte-characters.js';
import type { PreTokenizer } from './pre-tokenizers.js';

/**
 * Code points that Unicode 14 does not assign (perl's Present_In) and a later version does, up to
 * 17, with those around them, and all other ranges of more than 64: for each its distance from the
 * end of the one before, and if it is longer than 1, a dot and how much, in base 36.
 */
const UNASSIGNED =
  '1ov 3.5 qs.1 3f.5 n.c cv.1 2dc.1c 26.2 1c 7e.6 tu.e ns.o 1g7 va.3 dh.b na4.4 3 2 6.n ' +
  'gk2.f ce.1 1j.6 ts.3l n2.1u cc.1w 8x.1r fl.27 8r.85 2b.25 n4.1s 6u.3u 63.4l 97.1h 20.54 ' +
  '1p.2r 57.1x 9m.7a 54.20 4r.8l q.52 rv.2t 91.217 ww a.346 g8.6ns pd.j3 2k.2s 6r.d 4qh.7 ' +
  'yf.15 a.6w6 8k.18 4.g bd.1s3 4l.3mj nb.49 4a.3q 1bl.un w.68 18.5w 29.8v 35.yn ap.ls ' +
  '1x.23 1q.5d 6r.7h h3.49 rd.4 48.b 2i.6 5v.25 9h.b m.2 g.8 u.2 c.4 7.9 b.5 9.7 8.8 5o.10 ' +
  'b.sj 1070.6 4mb.d 5rm.2e6 f3.15r 3ta.1ar6 3.1ekd 3.1ekd 3.1ekd 3.1ekd 3.1ekd 3.1ekd ' +
  '3.1ekd 3.1ekd 3.1ekd 3.1ekd 3n.3j 6p.1e6l';

/** Last character before the first of them. */
const OLDER = /^[\0-\u088e]*$/;
/** A noncharacter: never assigned, and no part of normalizing or splitting changes it. */
const STAND_IN = '\ufdd0';

let pattern: RegExp | undefined;

/** Matches a character that is not assigned. */
function unassigned(): RegExp {
  if (pattern !== undefined) return pattern;
  let at = 0;
  const ranges = UNASSIGNED.split(' ').map((range) => {
    const [gap = 0, length = 0] = range.split('.').map((digits) => Number.parseInt(digits, 36));
    const start = at + gap;
    at = start + length;
    return `\\u{${start.toString(16)}}-\\u{${at.toString(16)}}`;
  });
  pattern = new RegExp(`[${ranges.join('')}${STAND_IN}]`, 'gu');
  return pattern;
}

/** Replaces unassigned characters, and gives them; undefined where there are none. */
function hide(text: string): { text: string; hidden: string[] } | undefined {
  if (OLDER.test(text)) return undefined;
  const hidden: string[] = [];
  const replaced = text.replace(unassigned(), (character) => {
    hidden.push(character);
    return STAND_IN;
  });
  return hidden.length === 0 ? undefined : { text: replaced, hidden };
}

/** Makes a normalizer leave unassigned characters as they are. */
export function stableNormalizer(normalize: (text: string) => string): (text: string) => string {
  return (text) => {
    const found = hide(text);
    if (found === undefined) return normalize(text);
    let next = 0;
    return normalize(found.text).replaceAll(STAND_IN, () => found.hidden[next++] ?? STAND_IN);
  };
}

/** Makes a pre-tokenizer take unassigned characters for nothing but themselves. */
export function stablePreTokenizer(split: PreTokenizer): PreTokenizer {
  // Some give the bytes of a text, as characters that stand for them.
  const isPlain = split(STAND_IN, true).join('').includes(STAND_IN);
  const shown = byteCharacters();
  const encoder = new TextEncoder();
  const show = (character: string): string =>
    isPlain ? character : Array.from(encoder.encode(character), (byte) => shown[byte]).join('');
  return (text, first) => {
    const found = hide(text);
    if (found === undefined) return split(text, first);
    let next = 0;
    return Array.from(split(found.text, first), (word) =>
      word.replaceAll(show(STAND_IN), () => show(found.hidden[next++] ?? STAND_IN)),
    );
  };
}
