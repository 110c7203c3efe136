/** Regular expressions of tokenizer.json: the words that tokenizers 0.23 in Python splits a text into. */

import { readPreTokenizer } from '../../../src/data/text/pipeline/pre-tokenizers.js';
import { same, suite, throws } from '../../harness.js';

const test = suite('patterns');

const TEXT = 'Ab1\u0663 x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 C.d';

/** The words of each pattern, with | between them. */
const WORDS: readonly (readonly [pattern: string, words: string])[] = [
  ['\\d+', 'Ab|1\u0663| x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 C.d'],
  ['\\D+', 'Ab|1\u0663| x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 C.d'],
  ['\\w+', 'Ab1\u0663| |x\u00b2| |_\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['\\W+', 'Ab1\u0663| |x\u00b2| |_\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['[\\w-]+', 'Ab1\u0663| |x|\u00b2 |_\u00e9|\u200d\r\n\n|-|\u2460\ud83d\ude00 |C|.|d'],
  ['[\\W_]+', 'Ab1\u0663| |x|\u00b2 _|\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['[^\\W\\d]+', 'Ab|1\u0663 |x|\u00b2 |_\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['[^\\S\\n]+', 'Ab1\u0663| |x\u00b2| |_\u00e9\u200d|\r|\n\n-\u2460\ud83d\ude00| |C.d'],
  ['\\s', 'Ab1\u0663| |x\u00b2| |_\u00e9\u200d|\r|\n|\n|-\u2460\ud83d\ude00| |C.d'],
  ['\\b', 'Ab1\u0663| |x\u00b2| |_\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['^', 'Ab1\u0663 x\u00b2 _\u00e9\u200d\r\n|\n|-\u2460\ud83d\ude00 C.d'],
  ['$', 'Ab1\u0663 x\u00b2 _\u00e9\u200d\r|\n|\n-\u2460\ud83d\ude00 C.d'],
  ['\\A.', 'A|b1\u0663 x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 C.d'],
  ['.+', 'Ab1\u0663 x\u00b2 _\u00e9\u200d\r|\n\n|-\u2460\ud83d\ude00 C.d'],
  ['(?i)ab', 'Ab|1\u0663 x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 C.d'],
  ['(?i:A|c)', 'A|b1\u0663 x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 |C|.d'],
  ['\\p{Punct}', 'Ab1\u0663 x\u00b2 |_|\u00e9\u200d\r\n\n|-|\u2460\ud83d\ude00 C|.|d'],
  ['[[:punct:]]+', 'Ab1\u0663 x\u00b2 |_|\u00e9\u200d\r\n\n|-|\u2460|\ud83d\ude00| C|.|d'],
  ['[[:alpha:]]+', 'Ab|1\u0663 |x|\u00b2 _|\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['\\p{Han}|\\p{Latin}+', 'Ab|1\u0663 |x|\u00b2 _|\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['\\p{^L}+', 'Ab|1\u0663 |x|\u00b2 _|\u00e9|\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  [' ?[^(\\s|[.,!?])]+', 'Ab1\u0663| x\u00b2| _\u00e9\u200d|\r\n\n|-\u2460\ud83d\ude00| C|.|d'],
  ['\\x{1F600}|\\-', 'Ab1\u0663 x\u00b2 _\u00e9\u200d\r\n\n|-|\u2460|\ud83d\ude00| C.d'],
  ['\\h+', 'Ab1|\u0663 x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 |C|.|d'],
  ['(?<=[a-z])(?=\\d)', 'Ab|1\u0663 x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 C.d'],
  ['[]b]', 'A|b|1\u0663 x\u00b2 _\u00e9\u200d\r\n\n-\u2460\ud83d\ude00 C.d'],
  ['x{,2}', 'A|b|1|\u0663| |x|\u00b2| |_|\u00e9|\u200d|\r|\n|\n|-|\u2460|\ud83d\ude00| |C|.|d'],
];

const where = { name: 'test', part: 'pre_tokenizer' };
const split = (Regex: string) =>
  readPreTokenizer(where, {
    type: 'Split',
    pattern: { Regex },
    behavior: 'Isolated',
    invert: false,
  });

for (const [pattern, words] of WORDS) {
  test(`splits by ${pattern} as Python does`, () => {
    const found = split(pattern)?.(TEXT, true).filter((word) => word !== '');
    same(found?.join('|'), words);
  });
}

test('refuses what JavaScript has not, and what takes exponential time', () => {
  for (const pattern of [
    'a++',
    '(?>a)',
    '\\R',
    '[a-z&&[^b]]',
    '(?x) a',
    '(a+)+b',
    '(',
    '[a',
    '\\p{Foo}',
  ]) {
    throws(() => split(pattern), RangeError, /a regular expression that/);
  }
});
