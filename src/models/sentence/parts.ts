/** Parts of a sentence encoder: its network, its tokens, the modules behind them and its settings. */

import type { LoraAdapter } from './adapter.js';
import type { Pooling, RowModule } from './modules.js';
import type { StaticEncoder } from './static.js';
import type { Subwords } from './subwords.js';
import type { SentenceTokens } from './tokens.js';
import type { TransformerEncoder } from './transformer.js';
import type { WeightMemory } from './weights.js';

/** Functions that rows are compared by. */
export const SIMILARITIES = ['cosine', 'dot', 'euclidean', 'manhattan'] as const;
/** Name of a function that rows are compared by. */
export type SimilarityName = (typeof SIMILARITIES)[number];

/** Network that turns the tokens of a text to a row. */
export type SentenceNetwork =
  | { kind: 'bert'; encoder: TransformerEncoder; pooling: Pooling }
  | { kind: 'static'; encoder: StaticEncoder };

/** Settings of a folder besides its weights. */
export interface SentenceSettings {
  /** Texts that are put before others, by name. */
  prompts: Readonly<Record<string, string>>;
  defaultPromptName: string | undefined;
  similarity: SimilarityName;
}

/** All parts of an encoder. */
export interface SentenceParts {
  /** Tokens to a row. */
  network: SentenceNetwork;
  /** Texts to tokens. */
  tokens: SentenceTokens;
  /** Modules that change a row, in their order. */
  modules: readonly RowModule[];
  /** Prompts and similarity. */
  settings: SentenceSettings;
  /** Owner of all weights. */
  memory: WeightMemory;
  /** Files that are written as they were read: the tokenizer's. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Source of the weights: drawn at random, or a folder, a distillation or a training. */
  origin: 'new' | 'loaded';
  /** N-grams of the tokens of a new static encoder, until it is trained. */
  subwords?: Subwords | undefined;
  /** Draws the table of a new static encoder when it is first needed: a training draws its own rows. */
  prepare?: (() => void) | undefined;
  /** Brings weights that are kept in another layout up to date while the encoder is trained. */
  refresh?: (() => void) | undefined;
  /** Adapter that LoRA trained, merged into the weights. */
  adapter?: LoraAdapter | undefined;
}
