/** Files of models and tokenizers as people have them: each read as Hugging Face does, or refused. */

import {
  CLIP,
  GPT,
  JsonTokenizer,
  loadClip,
  loadGpt,
  maskTokens,
  readTokenizer,
  saveClip,
  saveGpt,
} from 'nearfar/models';
import { check, same, suite, throws } from '../harness.js';

const test = suite('files');

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

test('merges.txt with CRLF merges, and <|endoftext|> is one token', () => {
  const tokens = ['h', 'e', 'l', 'o', 'he', 'll', 'hell', 'hello', '<|endoftext|>'];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  for (const end of ['\n', '\r\n']) {
    const merges = ['#version: 0.2', 'h e', 'l l', 'he ll', 'hell o', ''].join(end);
    const files = new Map([
      ['vocab.json', bytes(vocab)],
      ['merges.txt', bytes(merges)],
    ]);
    same(readTokenizer('read', files).encode('hello<|endoftext|>hello'), [7, 8, 7]);
  }
});

test('an unknown word has the id of the unknown token', () => {
  const model = { type: 'WordLevel', vocab: { '[UNK]': 0, the: 1 }, unk_token: '[UNK]' };
  const others = { decoder: null, post_processor: null };
  const json = { model, pre_tokenizer: { type: 'Whitespace' }, normalizer: null, ...others };
  same(new JsonTokenizer(json).encode('the dog'), [1, 0]);
});

test('patterns and words that could take unbounded time are refused', () => {
  const model = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' };
  const pre_tokenizer = { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Removed' };
  throws(() => new JsonTokenizer({ model, pre_tokenizer }), RangeError, /regular expressions/);
  const long = { type: 'WordPiece', vocab: { a: 0 }, max_input_chars_per_word: 1e9 };
  throws(() => new JsonTokenizer({ model: long }), RangeError, /max_input_chars_per_word/);
});

test('numbers too large for the weights are refused before memory is taken', () => {
  const clip = new CLIP(['red'], { imageSize: 8, imageWidth: 8, textWidth: 4, projection: 4 });
  const files = saveClip(clip);
  same(JSON.parse(new TextDecoder().decode(files.get('config.json'))).model_type, 'nearfar-clip');
  files.delete('tokenizer.json');
  files.set('vocab.json', bytes({ '<start>': 0, '<end>': 1, red: 2147483648 }));
  throws(() => loadClip(files), RangeError, /vocab.json/);
  clip.dispose();
});

test('shards load; a Git LFS pointer and a pickle get a sentence', () => {
  const gpt = new GPT('abc', { layers: 1, heads: 1, width: 4, context: 4 });
  const files = saveGpt(gpt);
  const weights = files.get('model.safetensors') as Uint8Array;
  files.delete('model.safetensors');
  files.set('pytorch_model.bin', bytes('x'));
  throws(() => loadGpt(files), RangeError, /safe_serialization=True/);
  files.set('model.safetensors', bytes('version https://git-lfs.github.com/spec/v1\n'));
  throws(() => loadGpt(files), RangeError, /git lfs pull/);
  files.delete('model.safetensors');
  files.set('one.safetensors', weights);
  files.set('model.safetensors.index.json', bytes({ weight_map: { any: 'one.safetensors' } }));
  loadGpt(files).dispose();
  gpt.dispose();
});

test('unknown options are refused by name, and a short text hides a token', () => {
  throws(() => new GPT('abc', { nLayer: 1 } as never), TypeError, /nLayer/);
  throws(() => maskTokens([5], { masked: 0.9, random: 0.5 }), RangeError, /masked and random/);
  for (let seed = 0; seed < 20; seed++) {
    check(
      maskTokens([5, 6, 7, 8, 9], { seed }).labels.some((label) => label !== -100),
      'a token is hidden',
    );
  }
});
