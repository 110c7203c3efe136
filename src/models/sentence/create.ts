/** Makes the parts of a new sentence encoder: tokens learned from texts, and random weights. */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { scoped, u8 } from '../../core/memory.js';
import { type OptionReader, readOptions } from '../../core/options.js';
import { STREAMS } from '../../core/streams.js';
import {
  checkFlag,
  checkFraction,
  integerIn,
  oneOf,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { PipelineTokenizer } from '../../data/text/pipeline/tokenizer.js';
import { checkTexts } from '../../data/text/tokenizer.js';
import type { TokenizerJson } from '../../data/text/tokenizer-json.js';
import { MAX_WORD_LENGTH, mergePieces, SPECIAL_TOKENS } from '../../data/text/word-pieces.js';
import { wordPieceJson } from '../../data/text/wordpiece.js';
import { writeJson } from '../files/files.js';
import type { FileArray } from '../files/shards.js';
import type { Folder } from './config.js';
import { MEAN_POOLING } from './modules.js';
import type { SentenceParts } from './parts.js';
import { StaticEncoder } from './static.js';
import { drawRows, foldRows, listSubwords, type WordCounts } from './subwords.js';
import { SentenceTokens, type TokenRules } from './tokens.js';
import { TransformerEncoder } from './transformer.js';
import { WeightMemory, WeightReader } from './weights.js';

/** Texts to learn tokens from, or a tokenizer as `tokenizer.json` describes it. */
export type NewSentenceSource = readonly string[] | SentenceTokenizer;

/** A tokenizer that has its `tokenizer.json`, as `JsonTokenizer`. */
export interface SentenceTokenizer {
  /** Content of the file. */
  readonly json: TokenizerJson;
}

/** Options of a new `SentenceEncoder`. */
export interface NewSentenceOptions {
  /**
   * Kind of network: a row per token, whose mean is a text's row, or a transformer.
   * @default 'static'
   */
  kind?: 'static' | 'bert' | undefined;
  /**
   * Columns of a row, from 1 to 4096.
   * @default 256, and 128 for a transformer
   */
  width?: number | undefined;
  /** Blocks of a transformer, from 1. @default 2 */
  layers?: number | undefined;
  /** Attention heads of a transformer, a divisor of the width. @default 4 */
  heads?: number | undefined;
  /** Width of the middle of a transformer's MLPs. @default 4 width */
  hidden?: number | undefined;
  /** Tokens of a text that a transformer sees, from 3. @default 128 */
  context?: number | undefined;
  /** Fraction that a transformer's dropout sets to 0, from 0 to below 1. @default 0.1 */
  dropout?: number | undefined;
  /**
   * Tokens that are learned at most, where texts are given.
   * @default 32768
   */
  vocabularySize?: number | undefined;
  /**
   * Lower case without accents, where texts are given. Where a tenth of them are in Thai, Lao, Khmer or
   * Burmese, marks stay: there they are vowels and tones.
   * @default true
   */
  lowercase?: boolean | undefined;
  /**
   * Seed of the random weights, a whole number from 0.
   * @default 0
   */
  seed?: number | undefined;
}

const NAME = 'SentenceEncoder';
/** Times that a word, or pieces next to each other, are there to be a token. */
const MIN_COUNT = 2;
/** Texts up to which that holds for words. */
const FEW_TEXTS = 10_000;
/** Scripts that put no blank between words: Thai and Lao, Burmese, Khmer, kana. */
const CONTINUOUS =
  /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d]/;
/** Thai, Lao, Burmese and Khmer, whose vowels are marks. */
const MARKED = /[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]/;
const KINDS = ['static', 'bert'] as const;
/** Width of the BERT whose weights begin with a standard deviation of 0.02. */
const PAPER_WIDTH = 768;

/**
 * Makes the parts of a new encoder.
 *
 * @param source texts or a tokenizer
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function createParts(source: unknown, options: unknown): SentenceParts {
  const reader = readOptions(NAME, options);
  const kind = reader.read('kind', oneOf(KINDS), 'static');
  const width = reader.read('width', integerIn(1, 4096), kind === 'bert' ? 128 : 256);
  const size = reader.read('vocabularySize', integerIn(6, 2 ** 22), 32_768);
  const lowercase = reader.read('lowercase', checkFlag, true);
  const seed = reader.read('seed', integerIn(0), 0);
  const config = kind === 'bert' ? readConfig(reader, width) : undefined;
  reader.done();
  // A static encoder has words as a whole, which a transformer puts together itself.
  const { json, counts } = tokenizerOf(source, size, lowercase, kind === 'static');
  const tokenizer = new PipelineTokenizer(NAME, json as unknown as Record<string, unknown>);
  const rules: TokenRules = {
    framed: config !== undefined,
    maxTokens: config?.max_position_embeddings,
    keeps: 'first',
    dropsUnknown: false,
    maxCharacters: undefined,
  };
  const memory = new WeightMemory();
  const rows = tokenizer.size;
  const others = {
    tokens: new SentenceTokens(tokenizer, rules),
    modules: [{ type: 'Normalize' as const }],
    settings: { prompts: {}, defaultPromptName: undefined, similarity: 'cosine' as const },
    memory,
    files: new Map([['tokenizer.json', writeJson(json)]]),
    origin: 'new' as const,
  };
  if (config !== undefined) {
    const folder = { name: NAME, files: new Map([['model.safetensors', EMPTY_FILE]]) };
    const std = 0.02 * Math.sqrt(PAPER_WIDTH / width);
    const random = new RandomReader(folder, memory, std, seed);
    const written = { ...config, vocab_size: rows };
    const encoder = new TransformerEncoder(
      ...([folder, '', memory, written, undefined, undefined, random] as const),
    );
    return { ...others, network: { kind: 'bert', encoder, pooling: MEAN_POOLING } };
  }
  const at = memory.allocate(4 * rows * width);
  const subwords = listSubwords(tokenNames(tokenizer), counts, seed);
  const encoder = new StaticEncoder({
    table: { at, type: 'F32', rows, cols: width },
    tokens: rows,
  });
  const parts: SentenceParts = { ...others, network: { kind: 'static', encoder }, subwords };
  parts.prepare = () => {
    parts.prepare = undefined;
    if (memory.disposed) return;
    scoped((scope) => {
      const drawn = scope.f32(subwords.stds.length * width);
      drawRows(drawn, subwords, width);
      foldRows(at, drawn, subwords, width);
    });
  };
  return parts;
}

/** The config.json of a new BERT, but for the size of its vocabulary. */
function readConfig(reader: OptionReader, width: number) {
  const heads = reader.read('heads', integerIn(1), 4);
  if (width % heads !== 0) rangeError(NAME, 'heads', `a divisor of the width ${width}`, heads);
  const dropout = reader.read('dropout', checkFraction, 0.1);
  return {
    model_type: 'bert',
    hidden_size: width,
    num_hidden_layers: reader.read('layers', integerIn(1, 100), 2),
    num_attention_heads: heads,
    intermediate_size: reader.read('hidden', integerIn(1, 2 ** 20), 4 * width),
    max_position_embeddings: reader.read('context', integerIn(3, 2 ** 20), 128),
    hidden_dropout_prob: dropout,
    attention_probs_dropout_prob: dropout,
    layer_norm_eps: 1e-12,
  };
}

/** A safetensors file of nothing. */
const EMPTY_FILE = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d);

/** Draws each weight instead of reading it: normal numbers, norms of 1 and biases of 0. */
class RandomReader extends WeightReader {
  readonly #std: number;
  readonly #seed: number;
  #drawn = 0;

  constructor(folder: Folder, memory: WeightMemory, std: number, seed: number) {
    super(folder, '', memory);
    this.#std = std;
    this.#seed = seed;
  }

  override get(key: string, shape: readonly number[]): FileArray {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const isNorm = key.endsWith('LayerNorm.weight');
    const std = isNorm || key.endsWith('.bias') ? 0 : this.#std;
    const [low, high] = [this.#seed | 0, Math.floor(this.#seed / 2 ** 32)];
    const bytes = scoped((scope) => {
      const at = scope.f32(size);
      const mean = isNorm ? 1 : 0;
      const step = this.#drawn++;
      kernels(sentence).fillNormal(at, size, mean, std, low, high, STREAMS.tableRows, step);
      return u8().slice(at, at + 4 * size);
    });
    return { dtype: 'F32', shape, bytes, file: '' };
  }
}

/** Tokens by their numbers, without special ones. */
function tokenNames(tokenizer: PipelineTokenizer): (string | undefined)[] {
  const names = new Array<string | undefined>(tokenizer.size).fill(undefined);
  const { specialIds } = tokenizer;
  for (const [token, id] of tokenizer.vocabulary) if (!specialIds.has(id)) names[id] = token;
  return names;
}

/** A tokenizer, and the words that it was learned from, if it was. */
interface LearnedTokens {
  json: TokenizerJson;
  counts: WordCounts | undefined;
}

/** @param wholeWords whether words that no merging makes are tokens too */
function tokenizerOf(
  source: unknown,
  size: number,
  lowercase: boolean,
  wholeWords: boolean,
): LearnedTokens {
  if (!Array.isArray(source)) {
    const { json } = (source ?? {}) as { json?: TokenizerJson };
    if (typeof json !== 'object' || json === null) {
      typeError(NAME, 'source', 'texts, or a tokenizer with its json', source);
    }
    return { json, counts: undefined };
  }
  checkTexts(NAME, 'source', source);
  if (source.length === 0) rangeError(NAME, 'source', 'at least one text', source);
  const marked = source.filter((text) => MARKED.test(text)).length;
  const normalization = {
    lowercase,
    stripAccents: lowercase && 10 * marked >= source.length ? false : null,
  };
  const empty = wordPieceJson(SPECIAL_TOKENS, normalization);
  const splitter = new PipelineTokenizer(NAME, { ...empty });
  const found = new Map<string, { count: number; texts: number; last: number }>();
  source.forEach((text, t) => {
    for (const word of splitter.words(text)) {
      const before = found.get(word);
      if (before === undefined) {
        found.set(word, { count: 1, texts: 1, last: t });
        continue;
      }
      before.count++;
      if (before.last === t) continue;
      before.texts++;
      before.last = t;
    }
  });
  const counts = new Map<string, number>();
  const texts = new Map<string, number>();
  for (const [word, each] of found) {
    counts.set(word, each.count);
    texts.set(word, each.texts);
  }
  if (counts.size === 0) rangeError(NAME, 'source', 'with at least one word', source);
  const tokens = new Set(
    mergePieces(counts, { size: wholeWords ? Math.ceil(size / 2) : size, minFrequency: MIN_COUNT }),
  );
  // Further words as a whole, the most frequent first, as far as there is room. In few texts a word that
  // is there once teaches its pieces, of which words that the texts don't have are made: in many
  // texts others teach them. Without blanks a word is a sentence, which no other text has.
  const minCount = source.length <= FEW_TEXTS ? MIN_COUNT : 1;
  for (const [word, count] of wholeWords ? [...counts].sort(byCount) : []) {
    if (tokens.size >= size || count < minCount) break;
    if (word.length <= MAX_WORD_LENGTH && !CONTINUOUS.test(word)) tokens.add(word);
  }
  return {
    json: wordPieceJson([...tokens], normalization),
    counts: { texts: source.length, words: texts },
  };
}

/** The more frequent first, ties by code point. */
function byCount([a, m]: [string, number], [b, n]: [string, number]): number {
  return n - m || (a < b ? -1 : Number(a > b));
}
