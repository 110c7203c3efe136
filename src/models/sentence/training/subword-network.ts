/** A new static encoder while it is trained: rows of tokens and of their n-grams are the parameters. */

import { embeddingBag, type Tensor, tensor } from '../../../nn/index.js';
import { asParameter } from '../../../nn/leaf.js';
import { empty } from '../../../nn/tensor.js';
import type { TrainDefaults } from '../../../train/options.js';

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

export class SubwordNetwork extends TrainableNetwork {
  readonly width: number;
  readonly chunkSize = Number.POSITIVE_INFINITY;
  /** (tokens and n-grams, width) */
  readonly rows: Tensor;
  readonly #encoder: StaticEncoder;
  readonly #subwords: Subwords;
  /** For each token 1 more than its index among those of a batch, while that is made; else 0. */
  readonly #indices: Int32Array;
  /** Version of the rows whose sums the encoder has. */
  #folded = -1;

  /** @param rows rows of an interrupted run; drawn at random without them */
  constructor(encoder: StaticEncoder, subwords: Subwords, rows?: Tensor) {
    super();
    const { cols } = encoder.table;
    this.width = cols;
    this.#encoder = encoder;
    this.#subwords = subwords;
    this.#indices = new Int32Array(subwords.offsets.length - 1);
    const made = empty(rows?.shape ?? [subwords.stds.length, cols]);
    if (rows === undefined) drawRows(made.at, subwords, cols);
    else made.set(rows);
    this.rows = asParameter(made);
  }

  embed(texts: readonly TokenIds[]): Tensor {
    const { offsets: begins, features } = this.#subwords;
    const starts = new Int32Array(texts.length);
    let count = 0;
    texts.forEach((ids, i) => {
      starts[i] = count;
      count += ids.length;
    });
    // The row of each token of the batch is summed once, however many texts have it.
    const indices = this.#indices;
    const tokens = new Int32Array(count);
    const distinct = new Int32Array(count);
    let [at, found, size] = [0, 0, 0];
    for (const ids of texts) {
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] as number;
        let index = indices[id] as number;
        if (index === 0) {
          distinct[found++] = id;
          index = found;
          indices[id] = index;
          size += (begins[id + 1] as number) - (begins[id] as number);
        }
        tokens[at++] = index - 1;
      }
    }
    const own = new Int32Array(size);
    const ownStarts = new Int32Array(found);
    let next = 0;
    for (let k = 0; k < found; k++) {
      const id = distinct[k] as number;
      indices[id] = 0;
      ownStarts[k] = next;
      const end = begins[id + 1] as number;
      for (let f = begins[id] as number; f < end; f++) own[next++] = features[f] as number;
    }
    if (count === 0) return embeddingBag(this.rows, tokens, starts, { sparse: true });
    const rows = embeddingBag(this.rows, own, ownStarts, { mode: 'sum', sparse: true });
    // Sums differ from means by a factor per text, which no cosine sees.
    return embeddingBag(rows, tokens, starts, { mode: 'sum' });
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
