/** Characters that Unicode 14 does not assign: the same tokens whatever a runtime's tables say. */

import { byteCharacters } from '../../../src/data/text/pipeline/byte-characters.js';
import { PipelineTokenizer } from '../../../src/data/text/pipeline/tokenizer.js';
import { same, suite } from '../../harness.js';

const test = suite('unassigned');

/** Assigned by Unicode 15 to 17: letters with a lower case, marks, an emoji; and a noncharacter. */
const LATER = ['\u1c89', '\u{11b60}', '\u{1e4ec}', '\u{1fae8}', '\ufdd0', '\u{10d50}'];

const wordLevel = (normalizer: object | null, preTokenizer: object, words: string[]) =>
  new PipelineTokenizer('test', {
    normalizer,
    pre_tokenizer: preTokenizer,
    model: {
      type: 'WordLevel',
      unk_token: '?',
      vocab: Object.fromEntries(['?', ...words].map((word, id) => [word, id])),
    },
  } as never);

test('they are words of their own letters, in no other case or form', () => {
  for (const later of LATER) {
    const word = `é${later}ß`;
    const lowered = wordLevel(
      { type: 'BertNormalizer', lowercase: true },
      { type: 'BertPreTokenizer' },
      [`e${later}ß`],
    );
    // An accent of an older letter goes, the character stays.
    same(lowered.encode(`É${later}ß`), [1], `BERT: ${later.codePointAt(0)?.toString(16)}`);
    const formed = wordLevel({ type: 'NFKC' }, { type: 'WhitespaceSplit' }, [word]);
    same(formed.encode(`e\u0301${later}ß`), [1], 'NFKC');
  }
});

test('several in a text keep their order', () => {
  const text = LATER.join('x');
  const tokenizer = wordLevel({ type: 'Lowercase' }, { type: 'WhitespaceSplit' }, [text, 'a']);
  same(tokenizer.encode(`${text.replaceAll('x', 'X')} a ${text}`), [1, 2, 1]);
});

test('their bytes are their own', () => {
  const bytes = (text: string): string =>
    Array.from(new TextEncoder().encode(text), (byte) => byteCharacters()[byte]).join('');
  const words = LATER.map(bytes);
  const preTokenizer = { type: 'ByteLevel', add_prefix_space: false };
  const tokenizer = wordLevel(null, preTokenizer, words);
  for (const [i, later] of LATER.entries()) same(tokenizer.encode(later), [i + 1], words[i]);
  // Letters of older versions before and behind them.
  const around = wordLevel(null, preTokenizer, ['a', 'b', ...words]);
  for (const [i, later] of LATER.entries()) same(around.encode(`a${later}b`), [1, i + 3, 2]);
});
