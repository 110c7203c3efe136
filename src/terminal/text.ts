/** Text for a terminal: safe to print, and no wider than the window. */

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

/** Breaks text at spaces into lines of at most `columns` characters; a longer word stays whole. */
export function wrap(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => {
      const lines: string[] = [];
      for (const word of line.split(' ')) {
        const last = lines.at(-1);
        if (last === undefined || (last !== '' && last.length + 1 + word.length > columns)) {
          lines.push(word);
        } else {
          lines[lines.length - 1] = `${last} ${word}`;
        }
      }
      return lines.join('\n');
    })
    .join('\n');
}

/** Breaks lines of more than `columns` characters, such as those of a word that is longer. */
export function breakWords(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => {
      const characters = [...line];
      const parts = Array.from({ length: Math.ceil(characters.length / columns) }, (_, i) =>
        characters.slice(i * columns, (i + 1) * columns).join(''),
      );
      return parts.length === 0 ? '' : parts.join('\n');
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

/** Characters that take two columns: those of East Asia, and emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;

/**
 * Cuts a text to a number of columns; an ellipsis stands for what was cut.
 *
 * @param keep part that stays
 */
export function fitText(text: string, columns: number, keep: 'start' | 'end' = 'start'): string {
  const characters = Array.from(text);
  if (keep === 'end') characters.reverse();
  const widths = characters.map((character) => (WIDE.test(character) ? 2 : 1));
  if (widths.reduce((sum, width) => sum + width, 0) <= columns) return text;
  let used = 1;
  let count = 0;
  while (used + (widths[count] as number) <= columns) used += widths[count++] as number;
  const kept = characters.slice(0, count);
  return keep === 'end' ? `…${kept.reverse().join('')}` : `${kept.join('')}…`;
}
