/** Makes the parts of a new sentence encoder: tokens learned from texts, and random weights. */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { readOptions } from '../../core/options.js';
import { STREAMS } from '../../core/streams.js';
import { checkFlag, integerIn, oneOf, rangeError, typeError } from '../../core/validation.js';
import { PipelineTokenizer } from '../../data/text/pipeline/tokenizer.js';
import { checkTexts } from '../../data/text/tokenizer.js';
import type { TokenizerJson } from '../../data/text/tokenizer-json.js';
import { mergePieces, SPECIAL_TOKENS } from '../../data/text/word-pieces.js';
import { wordPieceJson } from '../../data/text/wordpiece.js';
import { writeJson } from '../files/files.js';
import type { SentenceParts } from './parts.js';
import { StaticEncoder } from './static.js';
import { SentenceTokens, type TokenRules } from './tokens.js';
import { WeightMemory } from './weights.js';

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
   * Kind of network: a row per token, whose mean is a text's row.
   * @default 'static'
   */
  kind?: 'static' | undefined;
  /**
   * Columns of a row, from 1 to 4096.
   * @default 128
   */
  width?: number | undefined;
  /**
   * Tokens that are learned at most, where texts are given.
   * @default 32768
   */
  vocabularySize?: number | undefined;
  /**
   * Lower case without accents, where texts are given.
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
const KINDS = ['static'] as const;

/**
 * Makes the parts of a new encoder.
 *
 * @param source texts or a tokenizer
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function createParts(source: unknown, options: unknown): SentenceParts {
  const reader = readOptions(NAME, options);
  reader.read('kind', oneOf(KINDS), 'static');
  const width = reader.read('width', integerIn(1, 4096), 128);
  const size = reader.read('vocabularySize', integerIn(6, 2 ** 22), 32_768);
  const lowercase = reader.read('lowercase', checkFlag, true);
  const seed = reader.read('seed', integerIn(0), 0);
  reader.done();
  const json = tokenizerOf(source, size, lowercase);
  const tokenizer = new PipelineTokenizer(NAME, json as unknown as Record<string, unknown>);
  const rules: TokenRules = {
    framed: false,
    maxTokens: undefined,
    keeps: 'first',
    dropsUnknown: false,
    maxCharacters: undefined,
  };
  const memory = new WeightMemory();
  const rows = tokenizer.size;
  const at = memory.allocate(4 * rows * width);
  const [low, high] = [seed | 0, Math.floor(seed / 2 ** 32)];
  kernels(sentence).fillNormal(at, rows * width, 0, 1, low, high, STREAMS.tableRows, 0);
  const encoder = new StaticEncoder({
    table: { at, type: 'F32', rows, cols: width },
    tokens: rows,
  });
  return {
    network: { kind: 'static', encoder },
    tokens: new SentenceTokens(tokenizer, rules),
    modules: [{ type: 'Normalize' }],
    settings: { prompts: {}, defaultPromptName: undefined, similarity: 'cosine' },
    memory,
    files: new Map([['tokenizer.json', writeJson(json)]]),
    origin: 'new',
  };
}

function tokenizerOf(source: unknown, size: number, lowercase: boolean): TokenizerJson {
  if (!Array.isArray(source)) {
    const { json } = (source ?? {}) as { json?: TokenizerJson };
    if (typeof json !== 'object' || json === null) {
      typeError(NAME, 'source', 'texts, or a tokenizer with its json', source);
    }
    return json;
  }
  checkTexts(NAME, 'source', source);
  if (source.length === 0) rangeError(NAME, 'source', 'at least one text', source);
  const empty = wordPieceJson(SPECIAL_TOKENS, { lowercase });
  const splitter = new PipelineTokenizer(NAME, { ...empty });
  const counts = new Map<string, number>();
  for (const text of source) {
    for (const word of splitter.words(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  if (counts.size === 0) rangeError(NAME, 'source', 'with at least one word', source);
  return wordPieceJson(mergePieces(counts, { size, minFrequency: 2 }), { lowercase });
}
