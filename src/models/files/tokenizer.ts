/** Tokenizers as files: `tokenizer.json`, BERT's `vocab.txt`, GPT-2's and CLIP's `vocab.json`. */

import { checkNoOptions } from '../../core/options.js';
import { checkString, integerIn, type NoOptions, rangeError } from '../../core/validation.js';
import { CharacterTokenizer } from '../../data/text/characters.js';
import { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import type { Tokenizer } from '../../data/text/tokenizer.js';
import { specialToken, type TokenizerJson, tokenizerJson } from '../../data/text/tokenizer-json.js';
import { readVocabulary, wordPieceJson } from '../../data/text/wordpiece.js';
import { WordTokenizer } from '../../data/text/words.js';
import { ConfigReader } from './config.js';
import {
  checkFiles,
  type Files,
  linesOf,
  readJson,
  readText,
  withFileName,
  writeJson,
} from './files.js';

const CONFIG = 'tokenizer_config.json';
/** End of a text in GPT-2's vocabulary. */
const END_OF_TEXT = '<|endoftext|>';
/** End of a word in CLIP's vocabulary. */
const END_OF_WORD = '</w>';

/** Makes the files of a tokenizer; transformers' `AutoTokenizer` opens them. */
export function tokenizerFiles(tokenizer: Tokenizer, context: number): Files {
  const files: Files = new Map();
  const config = { tokenizer_class: 'PreTrainedTokenizerFast', model_max_length: context };
  if (tokenizer instanceof CharacterTokenizer || tokenizer instanceof WordTokenizer) {
    const isWords = tokenizer instanceof WordTokenizer;
    const tokens = isWords ? tokenizer.tokens : tokenizer.characters;
    files.set('vocab.json', writeJson(Object.fromEntries(tokens.map((token, id) => [token, id]))));
    files.set('tokenizer.json', writeJson(tokenizer.toJson()));
    const [bos_token, eos_token] = tokens;
    const special = isWords ? { bos_token, eos_token, pad_token: eos_token } : {};
    files.set(CONFIG, writeJson({ ...config, ...special }));
    return files;
  }
  if (!(tokenizer instanceof JsonTokenizer)) return files;
  const { json } = tokenizer;
  files.set('tokenizer.json', writeJson(json));
  if (json.model.type !== 'WordPiece') {
    const end = tokenizer.idOf(END_OF_TEXT) === undefined ? {} : { eos_token: END_OF_TEXT };
    files.set(CONFIG, writeJson({ ...config, ...end }));
    return files;
  }
  const tokens = Array.from({ length: tokenizer.size }, (_, id) => tokenizer.tokenOf(id));
  files.set('vocab.txt', new TextEncoder().encode(`${tokens.join('\n')}\n`));
  const {
    lowercase = false,
    strip_accents = null,
    handle_chinese_chars = true,
  } = (json.normalizer ?? {}) as Record<string, unknown>;
  files.set(
    CONFIG,
    writeJson({
      tokenizer_class: 'BertTokenizer',
      do_lower_case: lowercase,
      strip_accents,
      tokenize_chinese_chars: handle_chinese_chars,
      model_max_length: context,
      unk_token: '[UNK]',
      sep_token: '[SEP]',
      pad_token: '[PAD]',
      cls_token: '[CLS]',
      mask_token: '[MASK]',
    }),
  );
  return files;
}

/** Ids of a text's start and end for a `config.json`; null where the tokenizer has none. */
export function specialIds(tokenizer: Tokenizer): { bos_token_id: unknown; eos_token_id: unknown } {
  const id = tokenizer instanceof JsonTokenizer ? tokenizer.idOf(END_OF_TEXT) : undefined;
  return { bos_token_id: id ?? null, eos_token_id: id ?? null };
}

/**
 * Reads the tokenizer of a model's files.
 *
 * @param name function that messages name
 * @param files paths to bytes: `tokenizer.json`, or `vocab.txt`, or `vocab.json` with `merges.txt`,
 *   or a `vocab.json` of characters or words
 * @param size number of tokens that the model has; that of the file if left out
 * @param options none
 * @returns the tokenizer
 * @throws {TypeError | RangeError} if there is none or it is not valid
 */
export function readTokenizer(
  name: string,
  files: Files,
  size?: number,
  options?: NoOptions,
): Tokenizer {
  checkNoOptions('readTokenizer', options);
  checkString('readTokenizer', 'name', name);
  checkFiles(name, files);
  if (size !== undefined) integerIn(1, 2 ** 24)(name, 'size', size);
  const config = files.has(CONFIG)
    ? ConfigReader.open(name, files, CONFIG)
    : new ConfigReader(name, {}, CONFIG);
  // Our own vocabularies of characters and words stand in both files: the plain one is faster.
  if (files.has('vocab.json') && !files.has('merges.txt')) {
    const vocab = readJson(name, files, 'vocab.json');
    const plain = readPlain(name, vocab, size, !files.has('tokenizer.json'));
    if (plain !== undefined) return plain;
  }
  if (files.has('tokenizer.json')) {
    const json = readJson(name, files, 'tokenizer.json') as TokenizerJson;
    return withFileName(name, 'tokenizer.json', () => new JsonTokenizer(json, size));
  }
  if (files.has('vocab.txt')) {
    const vocabulary = readVocabulary(readText(name, files, 'vocab.txt'));
    const options = {
      lowercase: config.readFlag('do_lower_case', true),
      stripAccents: (config.values.strip_accents ?? null) as boolean | null,
      tokenizeChineseChars: config.readFlag('tokenize_chinese_chars', true),
    };
    return withFileName(
      name,
      'vocab.txt',
      () => new JsonTokenizer(wordPieceJson(vocabulary, options), size),
    );
  }
  if (!files.has('vocab.json')) {
    rangeError(name, 'files', 'with tokenizer.json, vocab.txt or vocab.json', 'none of them');
  }
  const vocab = readJson(name, files, 'vocab.json');
  const merges = linesOf(readText(name, files, 'merges.txt')).filter(
    (line) => !line.startsWith('#version'),
  );
  const isClip = Object.keys(vocab).some((token) => token.endsWith(END_OF_WORD));
  const json = isClip ? clipJson(vocab, merges) : byteLevelJson(vocab, merges, config);
  return withFileName(name, 'vocab.json', () => new JsonTokenizer(json, size));
}

/** Tokens with a meaning of their own: GPT-2's, and those that the config adds. */
function addedTokens(vocab: Record<string, unknown>, config: ConfigReader): unknown[] {
  const id = vocab[END_OF_TEXT];
  const known = typeof id === 'number' ? [specialToken(END_OF_TEXT, id)] : [];
  const { values } = config.section('added_tokens_decoder');
  const added = Object.entries(values).flatMap(([number, token]) =>
    typeof token === 'object' && token !== null ? [{ ...token, id: Number(number) }] : [],
  );
  const ids = new Set(added.map((token) => token.id));
  return [...known.filter((token) => !ids.has(token.id as number)), ...added];
}

/** Makes the file of GPT-2's byte-pair encoding, of a vocabulary and its merges. */
function byteLevelJson(
  vocab: Record<string, unknown>,
  merges: readonly string[],
  config: ConfigReader,
): TokenizerJson {
  const bytes = {
    type: 'ByteLevel',
    add_prefix_space: config.readFlag('add_prefix_space', false),
    trim_offsets: true,
    use_regex: true,
  };
  const model = { type: 'BPE', unk_token: null, vocab, merges };
  const parts = {
    added_tokens: addedTokens(vocab, config),
    pre_tokenizer: bytes,
    decoder: { ...bytes, add_prefix_space: true },
  };
  return tokenizerJson(parts, model);
}

/** Makes the file of CLIP's byte-pair encoding, in lower case and with an end to each word. */
function clipJson(vocab: Record<string, unknown>, merges: readonly string[]): TokenizerJson {
  const split = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
  const added = ['<|startoftext|>', END_OF_TEXT].flatMap((token) => {
    const id = vocab[token];
    return typeof id === 'number' ? [specialToken(token, id)] : [];
  });
  const model = {
    ...{ type: 'BPE', dropout: null, unk_token: END_OF_TEXT, fuse_unk: false },
    ...{ continuing_subword_prefix: '', end_of_word_suffix: END_OF_WORD, vocab, merges },
  };
  const parts = {
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: split }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  };
  return tokenizerJson(parts, model);
}

/**
 * Reads a vocabulary of characters or words by id.
 * @param required whether a vocabulary of another kind is refused
 */
function readPlain(
  name: string,
  vocab: Record<string, unknown>,
  size: number | undefined,
  required: boolean,
): CharacterTokenizer | WordTokenizer | undefined {
  const entries = Object.entries(vocab);
  const count = size ?? entries.length;
  const tokens = new Array<string | undefined>(entries.length);
  let bad: unknown = entries.length;
  let valid = entries.length === count && count > 0;
  for (const [token, id] of entries) {
    const known = typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < count;
    if (valid && known && tokens[id] === undefined) tokens[id] = token;
    else if (valid) [valid, bad] = [false, id];
  }
  const list = tokens as string[];
  if (valid && list.every((token) => [...token].length === 1)) return new CharacterTokenizer(list);
  if (valid && list[0] === '<start>' && list[1] === '<end>' && list.length > 2) {
    return new WordTokenizer(list.slice(2));
  }
  if (!required) return undefined;
  const expected = `${count} characters, or words after <start> and <end>, each with its id`;
  return rangeError(name, 'vocab.json', expected, bad);
}
