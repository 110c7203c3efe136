/** A new static encoder while it is trained: rows of tokens and of their n-grams are the parameters. */

import { embeddingBag, type Tensor, tensor } from '../../../nn/index.js';
import { asParameter } from '../../../nn/leaf.js';
import { empty } from '../../../nn/tensor.js';
import type { TrainDefaults } from '../../../train/train.js';
import type { StaticEncoder } from '../static.js';
import { drawRows, foldRows, type Subwords } from '../subwords.js';
import type { SentenceKind } from './data.js';
import { type TokenIds, TrainableNetwork } from './network.js';
import { staticDefaults } from './static-network.js';

/** Prefix of what a run carries besides the encoder's own weights. */
const CARRIED = 'run.';

/** Reads whole numbers that were kept as a tensor. */
function integersOf(state: ReadonlyMap<string, Tensor>, key: string): Int32Array {
  return Int32Array.from(state.get(CARRIED + key)?.data ?? []);
}

/** The rows of an interrupted run and what each token is made of, if it was one of a new encoder. */
export function carriedSubwords(
  state: ReadonlyMap<string, Tensor> | undefined,
): { subwords: Subwords; rows: Tensor } | undefined {
  const rows = state?.get(`${CARRIED}rows`);
  if (state === undefined || rows === undefined) return undefined;
  const [offsets, features] = [integersOf(state, 'offsets'), integersOf(state, 'features')];
  return { subwords: { offsets, features, stds: new Float32Array(0), seed: 0 }, rows };
}

/** Rows of a text, and how often each is in it. */
interface Features {
  rows: Int32Array;
  counts: Float32Array;
}

export class SubwordNetwork extends TrainableNetwork {
  readonly width: number;
  readonly chunkSize = Number.POSITIVE_INFINITY;
  /** (tokens and n-grams, width) */
  readonly rows: Tensor;
  readonly #encoder: StaticEncoder;
  readonly #subwords: Subwords;
  readonly #features = new WeakMap<object, Features>();
  /** Version of the rows whose sums the encoder has. */
  #folded = -1;

  /** @param rows rows of an interrupted run; drawn at random without them */
  constructor(encoder: StaticEncoder, subwords: Subwords, rows?: Tensor) {
    super();
    const { cols } = encoder.table;
    this.width = cols;
    this.#encoder = encoder;
    this.#subwords = subwords;
    const made = empty(rows?.shape ?? [subwords.stds.length, cols]);
    if (rows === undefined) drawRows(made.at, subwords, cols);
    else made.set(rows);
    this.rows = asParameter(made);
  }

  /** Rows that the tokens of a text are the sums of, each once with how often it is there. */
  #featuresOf(ids: TokenIds): Features {
    const kept = this.#features.get(ids);
    if (kept !== undefined) return kept;
    const { offsets, features } = this.#subwords;
    const counts = new Map<number, number>();
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      for (let k = offsets[id] as number; k < (offsets[id + 1] as number); k++) {
        const row = features[k] as number;
        counts.set(row, (counts.get(row) ?? 0) + 1);
      }
    }
    const found = {
      rows: Int32Array.from(counts.keys()),
      counts: Float32Array.from(counts.values()),
    };
    this.#features.set(ids, found);
    return found;
  }

  embed(texts: readonly TokenIds[]): Tensor {
    const lists = texts.map((ids) => this.#featuresOf(ids));
    const offsets = new Int32Array(texts.length);
    let count = 0;
    lists.forEach(({ rows }, i) => {
      offsets[i] = count;
      count += rows.length;
    });
    const all = new Int32Array(count);
    const weights = new Float32Array(count);
    lists.forEach(({ rows, counts }, i) => {
      all.set(rows, offsets[i]);
      weights.set(counts, offsets[i]);
    });
    if (count === 0) return embeddingBag(this.rows, all, offsets, { sparse: true });
    // Sums differ from means by a factor per text, which no cosine sees.
    return embeddingBag(this.rows, all, offsets, { mode: 'sum', weights, sparse: true });
  }

  defaults(kind: SentenceKind, examples: number): TrainDefaults {
    return staticDefaults(kind, examples, true);
  }

  override refresh(): void {
    if (this.#folded === this.rows.version) return;
    foldRows(this.#encoder.table.at, this.rows.at, this.#subwords, this.width);
    this.#folded = this.rows.version;
  }

  override carried(): Map<string, Tensor> {
    const { offsets, features } = this.#subwords;
    return new Map([
      [`${CARRIED}rows`, this.rows],
      [`${CARRIED}offsets`, tensor(offsets)],
      [`${CARRIED}features`, tensor(features)],
    ]);
  }

  release(): void {
    this.rows.dispose();
  }
}
