/** Tokens of awkward texts next to those of Hugging Face's tokenizers (test/golden/sentence.py). */

import { readFileSync } from 'node:fs';
import { PipelineTokenizer } from '../../../src/data/text/pipeline/tokenizer.js';
import { check, same, suite, throws } from '../../harness.js';

const test = suite('tokenizer pipeline');

const {
  texts,
  tokenizers,
}: {
  texts: string[];
  tokenizers: { name: string; json: Record<string, unknown>; ids: number[][] }[];
} = JSON.parse(
  readFileSync(new URL('../../golden/fixtures/text/tokenizers.json', import.meta.url), 'utf8'),
);

for (const { name, json, ids } of tokenizers) {
  test(`${name} gives Hugging Face's tokens`, () => {
    const tokenizer = new PipelineTokenizer('test', json);
    // Twice: what is cached must not differ.
    for (let round = 0; round < 2; round++) {
      texts.forEach((text, i) => {
        same(tokenizer.encode(text), ids[i], `${JSON.stringify(text)}`);
      });
    }
  });
}

test('a long word takes no longer than its length', () => {
  for (const { name, json } of tokenizers) {
    const tokenizer = new PipelineTokenizer('test', json);
    const start = performance.now();
    tokenizer.encode('nearfar'.repeat(20_000));
    // A square of it would take minutes.
    check(performance.now() - start < 20_000, name);
  }
});

test('what is not known is refused by its path', () => {
  const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' };
  const make = (part: Record<string, unknown>) => () =>
    new PipelineTokenizer('load', { model, ...part });
  const cases: [Record<string, unknown>, RegExp][] = [
    [
      { normalizer: { type: 'Sequence', normalizers: [{ type: 'X' }] } },
      /normalizer is of type "X"/,
    ],
    [{ normalizer: 'Lowercase' }, /normalizer must be an object with a type/],
    [{ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }, /precompiled_charsmap/],
    [
      { normalizer: { type: 'Replace', pattern: { Regex: '(' }, content: '' } },
      /regular expression/,
    ],
    [{ pre_tokenizer: { type: 'Split', pattern: { String: 'a' }, behavior: 'X' } }, /behavior/],
    [{ post_processor: { type: 'X' } }, /post_processor is of type "X"/],
    [{ post_processor: { type: 'TemplateProcessing', single: [] } }, /with the text in it/],
    [{ added_tokens: [{ id: -1, content: 'b' }] }, /added_tokens's numbers/],
    [{ model: { type: 'BPE', vocab: { a: 0 }, merges: [['a', 'b']] } }, /merges/],
    [{ model: { type: 'Unigram', vocab: [['a', 'b']] } }, /vocab must be a list of tokens/],
    [{ model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 7 } }, /unk_id must be below 1/],
    [{ model: { type: 'WordPiece', vocab: {} } }, /vocab must be with the unk_token "\[UNK\]"/],
    [{ model: { type: 'BPE', vocab: {}, merges: [] } }, /with at least one token/],
  ];
  for (const [part, message] of cases) throws(make(part), RangeError, message);
});
