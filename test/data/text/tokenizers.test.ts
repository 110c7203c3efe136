/** Tokenizers of characters, words and files: tokens of awkward texts, as Hugging Face has them. */

import {
  CharacterTokenizer,
  JsonTokenizer,
  readTokenizer,
  trainWordPiece,
  WordTokenizer,
  wordPieceJson,
} from 'nearfar/models';
import { check, same, suite, throws } from '../../harness.js';

const test = suite('tokenizers');

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

const SPECIALS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** Tokens of a text by a `vocab.txt` and a `tokenizer_config.json`. */
function tokensOf(text: string, words: readonly string[], config: object = {}): string[] {
  const files = new Map([
    ['vocab.txt', bytes([...SPECIALS, ...words].join('\n'))],
    ['tokenizer_config.json', bytes(config)],
  ]);
  const tokenizer = readTokenizer('test', files) as JsonTokenizer;
  return tokenizer.encode(text).map((id) => tokenizer.tokenOf(id));
}

test('strip_accents and tokenize_chinese_chars of tokenizer_config.json hold', () => {
  const words = ['cafe', 'café', '中', '文', '中文'];
  same(tokensOf('Café', words), ['cafe'], 'lower case takes accents off');
  same(tokensOf('Café', words, { strip_accents: false }), ['café']);
  same(tokensOf('café', words, { do_lower_case: false }), ['café']);
  same(tokensOf('café', words, { do_lower_case: false, strip_accents: true }), ['cafe']);
  same(tokensOf('中文', words), ['中', '文']);
  same(tokensOf('中文', words, { tokenize_chinese_chars: false }), ['中文']);
  throws(() => tokensOf('a', words, { strip_accents: 'no' }), RangeError, /stripAccents/);
});

test('vertical tab, form feed and a byte order mark are dropped, and split no word', () => {
  const words = ['near', 'far', 'nearfar'];
  for (const mark of ['\v', '\f', '\uFEFF', '\0']) {
    same(tokensOf(`near${mark}far`, words), ['nearfar'], JSON.stringify(mark));
  }
  for (const space of ['\t', '\r\n', '\u00a0', '\u3000', '\u2028']) {
    same(tokensOf(`near${space}far`, words), ['near', 'far'], JSON.stringify(space));
  }
});

test('ideographs past U+FFFF are words of their own', () => {
  const words = ['𠀀', '𫝀', 'a', '𠀀𫝀'];
  same(tokensOf('a𠀀𫝀a', words), ['a', '𠀀', '𫝀', 'a']);
  same(tokensOf('𠀀𫝀', words, { tokenize_chinese_chars: false }), ['𠀀𫝀']);
});

test('a capital sigma at the end of a word becomes the letter that it is elsewhere', () => {
  same(tokensOf('ΟΔΟΣ', ['οδοσ', 'οδος']), ['οδοσ']);
  const vocabulary = trainWordPiece(['ΟΔΟΣ ΟΔΟΣ'], { size: 30 });
  const tokenizer = new JsonTokenizer(wordPieceJson(vocabulary));
  check(!tokenizer.encode('ΟΔΟΣ').includes(1), 'what was trained on is known');
});

test('tokenizer.json of characters and of words has the tokens of the tokenizer itself', () => {
  const texts = ['near and far.', 'Far & néar\n\tand  near 🎉', '"quoted" \\d+ (.*)'];
  const characters = CharacterTokenizer.fromText(texts.join(''));
  const words = WordTokenizer.fromTexts(texts);
  for (const text of [...texts, 'NEAR far', 'unknown far ☃ near', '', '🎉🎉']) {
    same(new JsonTokenizer(characters.toJson()).encode(text), characters.encode(text), text);
    same(new JsonTokenizer(words.toJson()).encode(text), words.encode(text), text);
  }
  same(new JsonTokenizer(characters.toJson()).decode(characters.encode('far')), 'far');
});

test("CLIP's byte-pair encoding: lower case, an end to each word", () => {
  const tokens = ['<|startoftext|>', '<|endoftext|>', 'c', 'a', 't</w>', 's</w>', '!</w>', "'"];
  const more = ['ca', 'cat</w>', "'s</w>", 'Ã', '©</w>', '1</w>', '2</w>'];
  const vocab = Object.fromEntries([...tokens, ...more].map((token, id) => [token, id]));
  const files = new Map([
    ['vocab.json', bytes(vocab)],
    ['merges.txt', bytes("#version: 0.2\nc a\nca t</w>\n' s</w>\n")],
  ]);
  const tokenizer = readTokenizer('test', files) as JsonTokenizer;
  const named = (text: string): string[] =>
    tokenizer.encode(text).map((id) => tokenizer.tokenOf(id));
  same(named("CAT's  cat!"), ['cat</w>', "'s</w>", 'cat</w>', '!</w>']);
  same(named('é12'), ['Ã', '©</w>', '1</w>', '2</w>']);
  same(named('<|startoftext|>cat<|endoftext|>'), ['<|startoftext|>', 'cat</w>', '<|endoftext|>']);
});

test('a tokenizer.json may leave out its optional parts', () => {
  const model = { type: 'WordLevel', vocab: { '[UNK]': 0, near: 1 }, unk_token: '[UNK]' };
  const splitter = { pre_tokenizer: { type: 'Whitespace' } };
  same(new JsonTokenizer({ model, ...splitter }).encode('near far'), [1, 0]);
  const nulls = { normalizer: null, decoder: null, post_processor: null, added_tokens: null };
  same(new JsonTokenizer({ model, ...splitter, ...nulls }).encode('near far'), [1, 0]);
  same(new JsonTokenizer({ model }).encode('near'), [1]);
  const bpe = { vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] };
  same(new JsonTokenizer({ model: bpe }).encode('aba'), [2, 0], 'a model without a type');
  const pieces = { type: 'WordPiece', vocab: { '[UNK]': 0, a: 1, '##b': 2 } };
  same(new JsonTokenizer({ model: pieces, ...splitter }).encode('ab c'), [1, 2, 0]);
  throws(() => new JsonTokenizer({} as never), RangeError, /with a model/);
});
