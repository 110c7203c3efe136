/** A static encoder while it is trained: the rows of its table are the parameters. */

import nnCode from '#wasm/nn';
import { kernels } from '../../../core/kernels.js';
import { embeddingBag, type Tensor } from '../../../nn/index.js';
import { borrowParameter } from '../../../nn/leaf.js';
import type { TrainDefaults } from '../../../train/options.js';

import type { StaticEncoder } from '../static.js';
import { type Table, type WeightMemory, widenTable } from '../weights.js';
import type { SentenceKind } from './data.js';
import { type TokenIds, TrainableNetwork } from './network.js';

/** Root mean square of the numbers of a distilled table, which the learning rate is made for. */
const TABLE_RMS = 0.25;

/** Brings a table of whole numbers, which has no scale of its own, to that of a distilled one. */
function rescale({ at, rows, cols }: Table): void {
  const core = kernels(nnCode);
  const rms = Math.sqrt(core.sumOfSquares(at, rows * cols) / (rows * cols));
  if (rms > 0) core.scaleTo(at, at, rows * cols, TABLE_RMS / rms);
}

/**
 * Steps up to which few examples are seen forty times. Scores order all pairs of a batch, which more
 * epochs go on to teach, where those of pairs that find each other repeat what is known.
 */
const maxRepeated = (kind: SentenceKind): number => (kind === 'scores' ? 1200 : 300);

/** Pairs up to which a new encoder has its lowest learning rate; from then on it grows with their number. */
const FEW_PAIRS = 8000;
/** Highest learning rate as a multiple of the lowest. */
const MAX_GROWTH = 12;
/** Pairs beyond which batches are larger, and squared gradients are kept long. */
const MANY_PAIRS = 32_000;

/**
 * Learning rate of a new encoder. Many pairs are seen a few times each, in which the rows of rare words
 * have to leave their random start, and what frequent words mean is learned from enough of them.
 */
function newLearningRate(kind: SentenceKind, examples: number): number {
  const growth = kind === 'pairs' ? examples / FEW_PAIRS : 1;
  return 2e-2 * Math.max(1, Math.min(growth, MAX_GROWTH));
}

/** Learning rate, batch size and so on, as a row per token needs them. */
export function staticDefaults(
  kind: SentenceKind,
  examples: number,
  isNew: boolean,
): TrainDefaults {
  const isMany = isNew && kind === 'pairs' && examples > MANY_PAIRS;
  // The nearest of many documents are seldom in a small batch.
  const batchSize = isMany ? 1024 : 256;
  const epoch = Math.ceil(examples / batchSize);
  return {
    // Six epochs of many examples, up to forty of few.
    steps: Math.max(100, Math.min(40 * epoch, maxRepeated(kind)), 6 * epoch),
    batchSize,
    // On AWS operations of services never seen, 6e-3 was better than 1e-3 from 100 to 12,000 pairs.
    learningRate: isNew ? newLearningRate(kind, examples) : 6e-3,
    warmup: 0,
    weightDecay: 0,
    // Most rows of a new table are in some hundred batches: over 1,000 steps their first gradients, which are
    // the largest, would hold. Of many pairs most rows are in a few, and 0.99 takes smaller steps there.
    betas: [0.9, isNew && kind === 'pairs' && !isMany ? 0.99 : 0.999],
    gradClip: 1e6,
    schedule: 'linear',
  };
}

export class StaticNetwork extends TrainableNetwork {
  readonly width: number;
  readonly chunkSize = Number.POSITIVE_INFINITY;
  /** (rows, width): the encoder's own memory. */
  readonly table: Tensor;
  /** Row of each token, where tokens share rows. */
  readonly #mapping: Int32Array | undefined;
  /** Factor of each token. */
  readonly #weights: Float32Array | undefined;

  /** @param normalized whether the rows' length means nothing, so that the table's scale is free */
  constructor(encoder: StaticEncoder, memory: WeightMemory, normalized: boolean) {
    super();
    const { table } = encoder;
    const isWhole = table.type === 'I8';
    widenTable(table, memory);
    if (isWhole && normalized) rescale(table);
    this.width = table.cols;
    this.table = borrowParameter(table.at, [table.rows, table.cols]);
    this.#mapping = encoder.readMapping();
    this.#weights = encoder.readWeights();
  }

  embed(texts: readonly TokenIds[]): Tensor {
    const offsets = new Int32Array(texts.length);
    let count = 0;
    texts.forEach((text, i) => {
      offsets[i] = count;
      count += text.length;
    });
    const ids = new Int32Array(count);
    texts.forEach((text, i) => {
      ids.set(text, offsets[i]);
    });
    const rows =
      this.#mapping === undefined
        ? ids
        : ids.map((id) => (this.#mapping as Int32Array)[id] as number);
    if (this.#weights === undefined || count === 0)
      return embeddingBag(this.table, rows, offsets, { sparse: true });
    // Sums differ from means by a factor per text, which no cosine sees.
    const weights = Float32Array.from(ids, (id) => (this.#weights as Float32Array)[id] as number);
    return embeddingBag(this.table, rows, offsets, { mode: 'sum', weights, sparse: true });
  }

  defaults(kind: SentenceKind, examples: number, isNew: boolean): TrainDefaults {
    return staticDefaults(kind, examples, isNew);
  }

  release(): void {
    this.table.dispose();
  }
}
