/** Text for a terminal: safe to print, and no wider than the window. */

import stringWidth from 'string-width';

/** Width that tables fit if the terminal does not say how wide it is. */
const DEFAULT_COLUMNS = 80;

/** Control characters, but for tab and line feed: some make a terminal do things. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const CONTROL = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** Replaces control characters, as a file name may hold them, by their escapes: `\x1b`. */
export function printable(text: string): string {
  return text.replace(
    CONTROL,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Returns the number of columns of a stream's window. */
export function columnsOf(stream: { columns?: number }): number {
  return stream.columns || Number(process.env.COLUMNS) || DEFAULT_COLUMNS;
}

const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
const ASCII = /^[\x20-\x7E]*$/;

/** Splits text into what a terminal draws as one sign: a letter with its accents, an emoji of several parts. */
function graphemesOf(text: string): string[] {
  if (ASCII.test(text)) return [...text];
  return Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
}

/** Counts the columns that a line takes in a terminal: two for signs of East Asia and emoji. */
export function widthOf(text: string): number {
  return ASCII.test(text) ? text.length : stringWidth(text);
}

/** Breaks text at spaces into lines of at most `columns` columns; a longer word stays whole. */
export function wrap(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => {
      const lines: string[] = [];
      for (const word of line.split(' ')) {
        const last = lines.at(-1);
        const isFull = last !== undefined && widthOf(last) + 1 + widthOf(word) > columns;
        if (last === undefined || (last !== '' && isFull)) {
          lines.push(word);
        } else {
          lines[lines.length - 1] = `${last} ${word}`;
        }
      }
      return lines.join('\n');
    })
    .join('\n');
}

/** Breaks lines of more than `columns` columns, such as those of a word that is longer. */
export function breakWords(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => {
      const parts: string[] = [];
      let room = 0;
      for (const sign of graphemesOf(line)) {
        const width = widthOf(sign);
        if (width > room) {
          parts.push('');
          room = columns;
        }
        parts[parts.length - 1] += sign;
        room -= width;
      }
      return parts.join('\n');
    })
    .join('\n');
}

/** Number of insertions, deletions, replacements and swaps of neighbors that turn a into b. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number): number => rows[i]?.[j] as number;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + Number(a[i - 1] !== b[j - 1]);
      const swaps = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = swaps ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      (rows[i] as number[])[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped);
    }
  }
  return at(a.length, b.length);
}

/** Returns ` (Did you mean NAME?)` for the name that resembles a mistyped one, or nothing. */
export function suggestion(given: string, names: readonly string[]): string {
  const ranked = names
    .map((name) => ({ name, distance: editDistance(given.toLowerCase(), name) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best === undefined || best.distance > Math.max(1, best.name.length / 2.5)) return '';
  return ` (Did you mean ${best.name}?)`;
}

/**
 * Cuts a text to a number of columns; an ellipsis stands for what was cut.
 *
 * @param keep part that stays
 */
export function fitText(text: string, columns: number, keep: 'start' | 'end' = 'start'): string {
  if (widthOf(text) <= columns) return text;
  const signs = graphemesOf(text);
  if (keep === 'end') signs.reverse();
  let used = 1;
  let count = 0;
  while (count < signs.length) {
    const width = widthOf(signs[count] as string);
    if (used + width > columns) break;
    used += width;
    count++;
  }
  const kept = signs.slice(0, count);
  return keep === 'end' ? `…${kept.reverse().join('')}` : `${kept.join('')}…`;
}
