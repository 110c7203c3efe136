/** Trains a sentence encoder by the loop that trains every model: `train` of nearfar/models. */

import type { Matrix } from '../../../core/matrix.js';
import { readOptions } from '../../../core/options.js';
import {
  checkTemperature,
  integerIn,
  isNumberArray,
  oneOf,
  rangeError,
  typeError,
} from '../../../core/validation.js';
import {
  add,
  concat,
  Module,
  mul,
  noGrad,
  slice,
  type Tensor,
  tensor,
  tidy,
} from '../../../nn/index.js';
import { cachedLoss } from '../../../train/gradient-cache.js';
import {
  checkState,
  type RunOptions,
  readRunOptions,
  type TrainDefaults,
  type TrainOptions,
  type TrainState,
} from '../../../train/options.js';
import { runTraining, type Trainable, type TrainStep } from '../../../train/train.js';
import type { SentenceParts } from '../parts.js';
import type { SentenceEncoder } from '../sentence-encoder.js';
import { evenSubwords, type Subwords } from '../subwords.js';
import { smallestBatch } from './batches.js';
import { BertNetwork } from './bert.js';
import { type ChunkLimits, cutIntoChunks } from './chunks.js';
import { type Examples, readExamples, type SentenceData, type SentenceKind } from './data.js';
import { dropoutViewTask } from './dropout-views.js';

import { type EmbeddingOptions, embeddingTask } from './embeddings.js';

import { labelTask } from './labels.js';
import { cautiousEps } from './lexical.js';
import { checkLora, type LoraOptions, type LoraSettings } from './lora.js';
import type { TokenIds, TrainableNetwork } from './network.js';
import { pairTask } from './pairs.js';
import { partTask } from './parts.js';
import { scoreTask } from './scores.js';
import { weighSharedRows } from './shared-rows.js';
import { StaticNetwork } from './static-network.js';
import { carriedSubwords, SubwordNetwork } from './subword-network.js';
import type { SentenceBatch, SentenceTask } from './task.js';

/** Options of `train` for a `SentenceEncoder`. */
export interface SentenceTrainOptions extends Omit<TrainOptions, 'evalEvery' | 'evalData'> {
  /**
   * Divides the cosines in the loss; greater than 0.
   * @default 0.05, and 0.1 for labels
   */
  temperature?: number | undefined;
  /**
   * Chooses what texts with embeddings teach: `'rows'`, to find the row that was given for a text, so that
   * the encoder searches an index of them; or `'similarities'`, to have the cosines that the rows of
   * a batch have among themselves, whatever their width.
   * @default 'rows' where the embeddings are as wide as the encoder's rows, else 'similarities'
   */
  match?: 'rows' | 'similarities' | undefined;
  /**
   * Numbers of first columns that have to do alone what all do, besides all of them, so that rows
   * can be cut there (Matryoshka); `[]` for none.
   * @default the width halved again and again down to 32
   */
  dimensions?: readonly number[] | undefined;
  /**
   * Texts that are embedded at once, from 1, and fewer where long ones would not fit memory; gradients
   * of a larger batch are cached, which takes another forward pass and no more memory.
   * @default all of a batch for a static encoder, 96 for a BERT-like one
   */
  chunkSize?: number | undefined;
  /**
   * Train an adapter of the queries and values of attention instead of all weights, for a BERT-like
   * encoder; `saveSentenceEncoder` writes it alone with `adapter`, or merged without.
   * @default all weights are trained
   */
  lora?: LoraOptions | undefined;
}

const NAME = 'train';

/** The network of an encoder, its tokens and a task, as the training loop wants them. */
export class SentenceTrainer extends Module implements Trainable<unknown, SentenceBatch> {
  readonly network: TrainableNetwork;
  readonly defaults: TrainDefaults;
  /** Columns that have to do alone, besides all of them. */
  readonly dimensions: readonly number[];
  /** Texts that are embedded at once, and their tokens, at most. */
  readonly limits: ChunkLimits;
  readonly #parts: SentenceParts;
  readonly #task: SentenceTask;
  readonly #tokens: (text: string) => TokenIds;

  constructor(
    parts: SentenceParts,
    network: TrainableNetwork,
    task: SentenceTask,
    defaults: TrainDefaults,
    { dimensions, limits }: { dimensions: readonly number[]; limits: ChunkLimits },
    tokens: (text: string) => TokenIds,
  ) {
    super();
    this.#parts = parts;
    this.network = network;
    this.#task = task;
    this.defaults = defaults;
    this.dimensions = dimensions;
    this.limits = limits;
    this.#tokens = tokens;
  }

  batches(
    _data: unknown,
    options: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => SentenceBatch {
    return this.#task.batches(options);
  }

  carried(): Map<string, Tensor> {
    return this.network.carried();
  }

  lossWeight(batch: SentenceBatch): number {
    return batch.weight;
  }

  /** Embeds texts. */
  embed(texts: readonly string[]): Tensor {
    if (this.#parts.memory.disposed) {
      throw new Error(`${NAME}: the encoder was disposed of and can't be trained any more`);
    }
    return this.network.embed(texts.map((text) => this.#tokens(text)));
  }

  /** Counts the tokens of texts. */
  lengths(texts: readonly string[]): number[] {
    return texts.map((text) => this.#tokens(text).length);
  }

  loss(batch: SentenceBatch): Tensor {
    const { texts } = batch;
    const lossOf = (rows: Tensor): Tensor => prefixLoss(batch, rows, this.dimensions);
    const sizes = cutIntoChunks(this.lengths(texts), this.limits);
    if (sizes.length <= 1) return lossOf(this.embed(texts));
    return cachedLoss(
      sizes,
      (first, count) => this.embed(texts.slice(first, first + count)),
      (chunks) => lossOf(concat(chunks)),
    );
  }
}

/** Texts whose tokens are kept. */
const MAX_CACHED = 500_000;

/** Gives the tokens of a text with the encoder's default prompt, as `encode` sees it, and keeps them. */
function tokensOfTexts(parts: SentenceParts): (text: string) => TokenIds {
  const cached = new Map<string, TokenIds>();
  const prompt = defaultPrompt(parts);
  return (text) => {
    let ids = cached.get(text);
    if (ids === undefined) {
      ids = new Int32Array(parts.tokens.ids(prompt + text));
      if (cached.size >= MAX_CACHED) cached.clear();
      cached.set(text, ids);
    }
    return ids;
  };
}

/** Mean of the losses of all columns and of the first ones (https://arxiv.org/abs/2205.13147). */
function prefixLoss(batch: SentenceBatch, rows: Tensor, dimensions: readonly number[]): Tensor {
  if (dimensions.length === 0) return batch.loss(rows);
  const whole = batch.prefixLoss?.(rows, dimensions);
  if (whole !== undefined) return whole;
  let total = batch.loss(rows);
  for (const cols of dimensions) total = add(total, batch.loss(slice(rows, 1, 0, cols)));
  return mul(total, 1 / (1 + dimensions.length));
}

/** Text that `encode` puts before each text by default. */
function defaultPrompt({ settings: { prompts, defaultPromptName: name } }: SentenceParts): string {
  return name === undefined ? '' : (prompts[name] ?? '');
}

/** Columns at which rows can be cut by default. */
function defaultDimensions(width: number): number[] {
  const dimensions: number[] = [];
  for (let cols = width / 2; Number.isInteger(cols) && cols >= 32; cols /= 2) dimensions.push(cols);
  return dimensions;
}

function checkDimensions(width: number) {
  return (name: string, argument: string, value: unknown): readonly number[] => {
    if (!isNumberArray(value)) typeError(name, argument, 'an array of whole numbers', value);
    const list = Array.from(value, (cols, i) => {
      return integerIn(1, width, 'the columns of a row')(name, `${argument}[${i}]`, cols);
    });
    return [...new Set(list)].filter((cols) => cols < width);
  };
}

/** @param tokens numbers of a text's tokens, where pairs that look alike are to share batches */
function makeTask(
  examples: Examples,
  temperature: number | undefined,
  kind: SentenceEncoder['kind'],
  { width, match }: Omit<EmbeddingOptions, 'temperature'>,
  tokens?: (text: string) => TokenIds,
): SentenceTask {
  switch (examples.kind) {
    case 'pairs':
      return pairTask(examples, {
        temperature: temperature ?? 0.05,
        tokens: kind === 'static' ? tokens : undefined,
      });
    case 'labels':
      return labelTask(examples, { temperature: temperature ?? 0.1 });
    case 'texts': {
      const makeViews = kind === 'bert' ? dropoutViewTask : partTask;
      return makeViews(examples, { temperature: temperature ?? 0.05 });
    }
    case 'embeddings':
      return embeddingTask(examples, { temperature: temperature ?? 0.05, width, match });
    case 'scores':
      return scoreTask(examples, { temperature: temperature ?? 0.05 });
  }
}

/** Chooses how large the rows of a new static encoder are before it learns. */
function initialSubwords(
  subwords: Subwords | undefined,
  examples: Examples,
  tokens: (text: string) => TokenIds,
): Subwords | undefined {
  if (subwords === undefined) return undefined;
  switch (examples.kind) {
    case 'pairs':
      return weighSharedRows(subwords, examples.pairs, tokens);
    case 'scores':
      // Frequent words, which tell little in a search, tell how near two texts are as much as others.
      return evenSubwords(subwords);
    default:
      return subwords;
  }
}

/** Settings that a network begins with. */
interface NetworkStart {
  seed: number;
  /** State of an interrupted run. */
  state: TrainState | undefined;
  /** Rows of a new static encoder. */
  subwords: Subwords | undefined;
}

function makeNetwork(
  parts: SentenceParts,
  lora: LoraSettings | undefined,
  { seed, state, subwords }: NetworkStart,
): TrainableNetwork {
  const { network, memory, modules } = parts;
  if (network.kind === 'bert') return new BertNetwork(parts, defaultPrompt(parts), lora, seed);
  if (lora !== undefined) rangeError(NAME, 'lora', 'left out for a static encoder', lora);
  const other = modules.find(({ type }) => type !== 'Normalize');
  if (other !== undefined) {
    rangeError(NAME, 'model', 'without modules behind a static encoder but Normalize', other.type);
  }
  const { encoder } = network;
  const before = carriedSubwords(state?.optimizer);
  if (before !== undefined) return new SubwordNetwork(encoder, before.subwords, before.rows);
  if (subwords === undefined) return new StaticNetwork(encoder, memory, modules.length > 0);
  return new SubwordNetwork(encoder, subwords);
}

/** Checks that every part of every batch has examples to compare. */
function checkBatches({ batchSize, accumulate }: RunOptions, examples: number): void {
  integerIn(2)(NAME, 'batchSize', batchSize);
  const largest = Math.floor(smallestBatch(examples, batchSize * accumulate) / 2);
  if (accumulate > Math.max(1, largest)) {
    rangeError(NAME, 'accumulate', `at most ${largest} for ${examples} examples`, accumulate);
  }
}

/** Runs the loop of a training whose options were read. */
export type RunTrainer = (
  trainer: SentenceTrainer,
  run: RunOptions,
) => AsyncGenerator<TrainStep, void, void>;

const runAlone: RunTrainer = (trainer, run) => runTraining(trainer, undefined as unknown, run);

/**
 * Trains a sentence encoder in place.
 *
 * @param encoder static or BERT-like
 * @param data pairs, labels, graded pairs, texts alone, or texts with embeddings
 * @param options options of `train`, and the loss's
 * @param runTrainer runs the loop, where ranks share it
 */
export async function* trainSentenceEncoder(
  encoder: SentenceEncoder,
  data: SentenceData,
  options?: SentenceTrainOptions,
  runTrainer = runAlone,
): AsyncGenerator<TrainStep, void, void> {
  const parts = encoder.partsToTrain;
  if (parts.memory.disposed) {
    throw new Error(`${NAME}: the encoder was disposed of and can't be trained any more`);
  }
  if (parts.refresh !== undefined) {
    throw new Error(`${NAME}: the encoder is being trained: end that run first`);
  }
  const examples = readExamples(data);
  const reader = readOptions(NAME, options);
  const temperature = reader.optional('temperature', checkTemperature);
  const match = reader.optional('match', oneOf(['rows', 'similarities'] as const));
  if (match !== undefined && examples.kind !== 'embeddings') {
    throw new TypeError(`${NAME}: match is for texts with embeddings, got ${examples.kind}`);
  }
  const dimensions = reader.read(
    'dimensions',
    checkDimensions(encoder.width),
    defaultDimensions(encoder.width),
  );
  const tokens = tokensOfTexts(parts);
  const sizes = { width: encoder.width, match };
  const task = makeTask(examples, temperature, encoder.kind, sizes, tokens);
  const lora = reader.optional('lora', checkLora);
  const state = reader.optional('state', checkState);
  const seed = reader.read('seed', integerIn(0), state?.seed ?? 0);
  const subwords =
    state === undefined ? initialSubwords(parts.subwords, examples, tokens) : parts.subwords;
  const network = makeNetwork(parts, lora, { seed, state, subwords });
  try {
    // A run that is resumed goes on with its learning rate.
    const isNew = parts.origin === 'new' || carriedSubwords(state?.optimizer) !== undefined;
    const chunkSize = reader.read('chunkSize', integerIn(1), network.chunkSize);
    const eps =
      encoder.kind === 'static' && isNew && examples.kind === 'pairs'
        ? cautiousEps(examples.pairs, tokens)
        : undefined;
    const defaults = {
      ...network.defaults(examples.kind, task.examples, isNew),
      ...(eps !== undefined && { eps }),
    };
    const run = readRunOptions(NAME, reader, defaults, false);
    reader.done();
    checkBatches(run, task.examples);
    const limits = { texts: chunkSize, tokens: network.chunkTokens };
    const settings = { dimensions, limits };
    const trainer = new SentenceTrainer(parts, network, task, defaults, settings, tokens);
    parts.refresh = () => network.refresh();
    parts.origin = 'loaded';
    parts.subwords = undefined;
    parts.prepare = undefined;
    yield* runTrainer(trainer, run);
  } finally {
    if (!parts.memory.disposed) network.refresh();
    parts.refresh = undefined;
    network.release();
  }
}

/** Examples of a batch of the validation loss. */
const VALIDATION_BATCH = 256;

/**
 * Computes the loss that a training minimizes on examples that it does not train on, with the
 * default `dimensions`: its mean over batches that are always the same.
 *
 * @param encoder static or BERT-like; as it is by now, also while it is trained
 * @param data examples that are held out
 * @param options temperature: as in the training
 * @returns the mean loss; undefined where the examples have nothing to compare, such as labels of which
 * no two are equal
 */
export function sentenceLoss(
  encoder: Pick<SentenceEncoder, 'kind' | 'width'> & {
    encode(texts: readonly string[]): Matrix;
  },
  data: SentenceData,
  { temperature }: { temperature?: number | undefined } = {},
): number | undefined {
  let task: SentenceTask;
  try {
    const sizes = { width: encoder.width, match: undefined };
    task = makeTask(readExamples(data), temperature, encoder.kind, sizes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const batchSize = Math.min(VALIDATION_BATCH, task.examples);
  if (batchSize < 2) return undefined;
  const batches = task.batches({ batchSize, seed: 0 });
  const dimensions = defaultDimensions(encoder.width);
  let [total, weights] = [0, 0];
  for (let step = 0; step < Math.ceil(task.examples / batchSize); step++) {
    const batch = batches(step);
    const { data: rows, rows: count, cols } = encoder.encode(batch.texts);
    const loss = tidy(() =>
      noGrad(() => prefixLoss(batch, tensor(rows, [count, cols]), dimensions).item()),
    );
    total += batch.weight * loss;
    weights += batch.weight;
  }
  return weights === 0 ? undefined : total / weights;
}

/**
 * Tells the options of `train` that hold for a sentence encoder where none are given.
 *
 * @param encoder static or BERT-like, as it is before a training
 * @param kind kind of the data
 * @param examples number of examples
 * @param lora option of `train`, where an adapter is trained
 * @returns options of `train`
 * @example const { steps } = sentenceTrainDefaults(encoder, 'pairs', pairs.length);
 */
export function sentenceTrainDefaults(
  encoder: SentenceEncoder,
  kind: SentenceKind,
  examples: number,
  lora?: LoraOptions,
): TrainDefaults {
  const parts = encoder.partsToTrain;
  const settings = lora && checkLora(NAME, 'lora', lora);
  const { adapter } = parts;
  const start = { seed: 0, state: undefined, subwords: parts.subwords };
  const network = makeNetwork(parts, settings, start);
  parts.adapter = adapter;
  try {
    return network.defaults(kind, examples, parts.origin === 'new');
  } finally {
    network.release();
  }
}
