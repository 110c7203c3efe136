/** Classes of characters as the tokenizers of Hugging Face have them, for regular expressions. */

/** White_Space of Unicode; `\s` of JavaScript lacks U+0085 and has U+FEFF. */
export const SPACE = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** Characters that `\w` matches in a Unicode-aware regular expression. */
export const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d';

/** Punctuation of BERT: Unicode's, and all of ASCII that is neither letter, digit nor space. */
export const PUNCTUATION = '\\p{P}$+<=>^`|~';

/** Lower case character by character: no final sigma. */
export function lowercase(text: string): string {
  return (text.includes('Σ') ? text.replaceAll('Σ', 'σ') : text).toLowerCase();
}
