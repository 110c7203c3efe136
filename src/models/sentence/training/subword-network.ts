/** A new static encoder while it is trained: rows of tokens and of their n-grams are the parameters. */

import { type Tensor, tensor } from '../../../nn/index.js';
import { asParameter } from '../../../nn/leaf.js';
import { empty } from '../../../nn/tensor.js';
import type { TrainDefaults } from '../../../train/options.js';

import type { StaticEncoder } from '../static.js';
import { drawRows, foldRows, type Subwords } from '../subwords.js';
import type { SentenceKind } from './data.js';
import { type TokenIds, TrainableNetwork } from './network.js';
import { staticDefaults } from './static-network.js';
import { subwordSums } from './subword-sums.js';

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
  const factors = Float32Array.from(integersOf(state, 'factors'));
  return { subwords: { offsets, features, factors, stds: new Float32Array(0), seed: 0 }, rows };
}

/** Tokens of a text, each once, and how often it has them. */
interface TokenCounts {
  ids: Int32Array;
  counts: Float32Array;
}

/** Numbers whole numbers in the order in which they first come. */
class Numbering {
  /** For each number 1 more than its index; 0 for those that have none. */
  readonly #indices: Int32Array;
  readonly #found: Int32Array;
  #size = 0;

  /**
   * @param indices zeros, one for each number that may come; zeros again at the end
   * @param count numbers that come at most
   */
  constructor(indices: Int32Array, count: number) {
    this.#indices = indices;
    this.#found = new Int32Array(Math.min(count, indices.length));
  }

  indexOf(value: number): number {
    const index = this.#indices[value] as number;
    if (index > 0) return index - 1;
    this.#found[this.#size++] = value;
    this.#indices[value] = this.#size;
    return this.#size - 1;
  }

  /** Returns the numbers by their indices. */
  finish(): Int32Array {
    const found = this.#found.slice(0, this.#size);
    for (const value of found) this.#indices[value] = 0;
    return found;
  }
}

export class SubwordNetwork extends TrainableNetwork {
  readonly width: number;
  readonly chunkSize = Number.POSITIVE_INFINITY;
  /** (rows of tokens and n-grams, width) */
  readonly rows: Tensor;
  readonly #encoder: StaticEncoder;
  readonly #subwords: Subwords;
  /** Room to number the tokens of a batch, and the rows that they have. */
  readonly #tokens: Int32Array;
  readonly #named: Int32Array;
  /** Tokens of the texts that were seen before, by their lists. */
  readonly #counted = new WeakMap<TokenIds, TokenCounts>();
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
    this.#tokens = new Int32Array(subwords.offsets.length - 1);
    this.#named = new Int32Array(made.shape[0] as number);
    if (rows === undefined) drawRows(made.at, subwords, cols);
    else made.set(rows);
    this.rows = asParameter(made);
  }

  embed(texts: readonly TokenIds[]): Tensor {
    const { offsets, features, factors } = this.#subwords;
    const counted = texts.map((ids) => this.#count(ids));
    const starts = new Int32Array(texts.length + 1);
    counted.forEach(({ ids }, i) => {
      starts[i + 1] = (starts[i] as number) + ids.length;
    });
    const size = starts[texts.length] as number;
    const [indices, counts] = [new Int32Array(size), new Float32Array(size)];
    const tokens = new Numbering(this.#tokens, size);
    counted.forEach((text, i) => {
      const begin = starts[i] as number;
      counts.set(text.counts, begin);
      text.ids.forEach((id, k) => {
        indices[begin + k] = tokens.indexOf(id);
      });
    });
    // Sums differ from means by a factor per text, which no cosine sees.
    const bags = { starts, indices, factors: counts };
    // The row of each token of the batch is summed once, however many texts have it.
    const distinct = tokens.finish();
    const begins = new Int32Array(distinct.length + 1);
    distinct.forEach((id, k) => {
      begins[k + 1] = (begins[k] as number) + (offsets[id + 1] as number) - (offsets[id] as number);
    });
    const named = begins[distinct.length] as number;
    const [own, weights] = [new Int32Array(named), new Float32Array(named)];
    const rows = new Numbering(this.#named, named);
    let next = 0;
    for (const id of distinct) {
      const end = offsets[id + 1] as number;
      for (let e = offsets[id] as number; e < end; e++) {
        own[next] = rows.indexOf(features[e] as number);
        weights[next++] = factors[e] as number;
      }
    }
    const parts = { starts: begins, indices: own, factors: weights };
    return subwordSums(this.rows, rows.finish(), parts, bags);
  }

  /** Counts the tokens of a text, once while its list lives. */
  #count(ids: TokenIds): TokenCounts {
    const before = this.#counted.get(ids);
    if (before !== undefined) return before;
    const tokens = new Numbering(this.#tokens, ids.length);
    const counts = new Float32Array(ids.length);
    for (let i = 0; i < ids.length; i++) {
      const index = tokens.indexOf(ids[i] as number);
      counts[index] = (counts[index] as number) + 1;
    }
    const distinct = tokens.finish();
    const counted = { ids: distinct, counts: counts.slice(0, distinct.length) };
    this.#counted.set(ids, counted);
    return counted;
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
    const { offsets, features, factors } = this.#subwords;
    return new Map([
      [`${CARRIED}rows`, this.rows],
      [`${CARRIED}offsets`, tensor(offsets)],
      [`${CARRIED}features`, tensor(features)],
      [`${CARRIED}factors`, tensor(factors)],
    ]);
  }

  release(): void {
    this.rows.dispose();
  }
}
