/** A BERT-like sentence encoder while it is trained: transformer, pooling, modules behind it. */

import { rangeError } from '../../../core/validation.js';
import type { Tensor } from '../../../nn/index.js';
import type { TrainDefaults } from '../../../train/options.js';

import { outputWidth, type Pooling } from '../modules.js';
import type { SentenceParts } from '../parts.js';
import type { TokenBatch } from '../transformer.js';
import { tokensAtOnce } from './chunks.js';
import type { SentenceKind } from './data.js';
import { LoraLayer, type LoraSettings, startAdapter } from './lora.js';
import { pool, TrainedModule } from './modules.js';
import { type TokenIds, TrainableNetwork } from './network.js';
import { TrainedTransformer } from './transformer.js';
import { WeightLinks } from './weights.js';

/** The parts of an encoder whose network is a transformer. */
type BertParts = SentenceParts & { network: Extract<SentenceParts['network'], { kind: 'bert' }> };

function checkParts(parts: SentenceParts): asserts parts is BertParts {
  const { network } = parts;
  if (network.kind !== 'bert') rangeError('train', 'model', 'a BERT-like encoder', network.kind);
  if (network.encoder.precision !== 'float32') {
    rangeError(
      'train',
      'model',
      "loaded with precision 'float32', as its weights are rounded",
      network.encoder.precision,
    );
  }
}

/**
 * Number of texts that are embedded at once: all of a default batch of 32 pairs with a hard negative
 * each.
 */
const CHUNK_SIZE = 96;

const BATCH_SIZE = 32;

/** Lists of tokens, one behind the other. */
function joinTokens(lists: readonly TokenIds[]): TokenBatch {
  const offsets = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => {
    offsets[i + 1] = (offsets[i] as number) + list.length;
  });
  const ids = new Int32Array(offsets[lists.length] as number);
  lists.forEach((list, i) => {
    ids.set(list, offsets[i]);
  });
  return { ids, offsets };
}

/** Network of a BERT-like encoder, whose parameters are its weights. */
export class BertNetwork extends TrainableNetwork {
  readonly width: number;
  readonly chunkSize = CHUNK_SIZE;
  override readonly chunkTokens: number;
  readonly transformer: TrainedTransformer;
  /** Modules behind the pooling. */
  readonly behind: TrainedModule[];
  readonly #pooling: Pooling;
  /** Tokens at the beginning of each text that the pooling leaves out. */
  readonly #skipped: number;
  readonly #links: WeightLinks;
  readonly #lora: boolean;

  /**
   * @param parts of an encoder with a transformer
   * @param prompt at the beginning of each text
   * @param lora settings of the adapter that is trained; without them all weights are
   * @param seed of the adapter's first weights
   */
  constructor(parts: SentenceParts, prompt: string, lora?: LoraSettings, seed = 0) {
    super();
    checkParts(parts);
    const { network, modules, memory, tokens } = parts;
    this.#pooling = network.pooling;
    this.#skipped = network.pooling.includePrompt ? 0 : tokens.promptLength(prompt);
    this.#lora = lora !== undefined;
    const { encoder } = network;
    this.chunkTokens = tokensAtOnce(encoder.config, lora !== undefined);
    const links = new WeightLinks(memory, lora === undefined);
    this.#links = links;
    const adapter = lora && startAdapter(encoder, parts.adapter, lora, seed);
    // Trained in full, the weights have the adapter in them.
    parts.adapter = adapter;
    this.transformer = new TrainedTransformer(
      encoder,
      links,
      adapter && ((layer, i) => new LoraLayer(encoder, layer, i, adapter, links)),
    );
    this.behind = modules.map((module) => new TrainedModule(module, links));
    const pooled = encoder.config.width * network.pooling.modes.length;
    this.width = modules.reduce((width, module) => outputWidth(module, width), pooled);
  }

  embed(texts: readonly TokenIds[]): Tensor {
    const batch = joinTokens(texts);
    const hidden = this.transformer.forward(batch);
    let x = pool(this.#pooling, hidden, batch.offsets, this.#skipped);
    for (const module of this.behind) x = module.forward(x);
    return x;
  }

  defaults(_kind: SentenceKind, examples: number, isNew: boolean): TrainDefaults {
    const epochs = isNew ? 10 : 1;
    const steps = Math.max(100, Math.ceil((epochs * examples) / BATCH_SIZE));
    return {
      steps,
      batchSize: BATCH_SIZE,
      learningRate: this.#lora ? 1e-3 : isNew ? 5e-4 : 5e-5,
      // Cut to a tenth of the steps, however many are asked for.
      warmup: steps,
      weightDecay: 0.01,
      betas: [0.9, 0.999],
      gradClip: 1,
      schedule: 'linear',
    };
  }

  override refresh(): void {
    this.#links.refresh();
  }

  release(): void {
    this.dispose();
  }
}
