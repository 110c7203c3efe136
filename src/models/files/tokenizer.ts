/** Tokenizers as files: `tokenizer.json`, `vocab.txt` of BERT's, `vocab.json` of GPT-2's. */

import { rangeError } from '../../core/validation.js';
import { CharacterTokenizer, type Tokenizer } from '../../data/text/characters.js';
import {
  JsonTokenizer,
  type TokenizerJson,
  tokenizerJson,
} from '../../data/text/json-tokenizer.js';
import { readVocabulary, wordPieceJson } from '../../data/text/wordpiece.js';
import { type Files, readJson, readText, writeJson } from './files.js';

/** The files of a tokenizer. */
export function tokenizerFiles(tokenizer: Tokenizer, context: number): Files {
  const files: Files = new Map();
  if (tokenizer instanceof CharacterTokenizer) {
    const vocabulary = Object.fromEntries(tokenizer.characters.map((text, id) => [text, id]));
    files.set('vocab.json', writeJson(vocabulary));
  }
  if (!(tokenizer instanceof JsonTokenizer)) return files;
  const { json } = tokenizer;
  files.set('tokenizer.json', writeJson(json));
  if (json.model.type !== 'WordPiece') return files;
  const tokens = Array.from({ length: tokenizer.size }, (_, id) => tokenizer.tokenOf(id));
  files.set('vocab.txt', new TextEncoder().encode(`${tokens.join('\n')}\n`));
  const { lowercase = false } = (json.normalizer ?? {}) as { lowercase?: boolean };
  const special = { unk_token: '[UNK]', sep_token: '[SEP]', pad_token: '[PAD]' };
  files.set(
    'tokenizer_config.json',
    writeJson({
      tokenizer_class: 'BertTokenizer',
      do_lower_case: lowercase,
      model_max_length: context,
      ...special,
      cls_token: '[CLS]',
      mask_token: '[MASK]',
    }),
  );
  return files;
}

/** GPT-2's byte-pair encoding, of a vocabulary and its merges. */
function byteLevelJson(vocab: Record<string, unknown>, merges: readonly string[]): TokenizerJson {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const model = { type: 'BPE', unk_token: null, vocab, merges };
  return tokenizerJson({ pre_tokenizer: bytes, decoder: bytes }, model);
}

/**
 * The tokenizer of a trained system's files.
 * @param name of who asks
 * @param size tokens that the model has, those of the file if left out
 * @throws RangeError if there is none or it is not sound
 */
export function readTokenizer(name: string, files: Files, size?: number): Tokenizer {
  if (files.has('tokenizer.json')) {
    return new JsonTokenizer(readJson(name, files, 'tokenizer.json') as TokenizerJson, size);
  }
  if (files.has('vocab.txt')) {
    const config = files.has('tokenizer_config.json')
      ? readJson(name, files, 'tokenizer_config.json')
      : {};
    const vocabulary = readVocabulary(readText(name, files, 'vocab.txt'));
    return new JsonTokenizer(wordPieceJson(vocabulary, config.do_lower_case !== false), size);
  }
  if (!files.has('vocab.json')) {
    rangeError(name, 'files', 'with tokenizer.json, vocab.txt or vocab.json', 'none of them');
  }
  const vocab = readJson(name, files, 'vocab.json');
  if (!files.has('merges.txt')) return readCharacters(name, vocab, size);
  const lines = readText(name, files, 'merges.txt').split('\n');
  const merges = lines.filter((line) => line !== '' && !line.startsWith('#version'));
  return new JsonTokenizer(byteLevelJson(vocab, merges), size);
}

/** Characters by number. */
function readCharacters(
  name: string,
  vocabulary: Record<string, unknown>,
  size = Object.keys(vocabulary).length,
): CharacterTokenizer {
  const characters = new Array<string>(size).fill('');
  for (const [text, id] of Object.entries(vocabulary)) {
    if (typeof id !== 'number' || characters[id] !== '' || [...text].length !== 1) {
      rangeError(name, 'vocab.json', `${size} characters, each with its number`, id);
    }
    characters[id] = text;
  }
  return new CharacterTokenizer(characters);
}
