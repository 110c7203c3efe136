/**
 * LoRA in attention (Hu et al., 2021, https://arxiv.org/abs/2106.09685): all weights of an encoder
 * stay as they are. Trained are two narrow matrices for the queries and two for the values of each
 * layer, whose product is added to the weight.
 */

import { kernels } from '../../../core/kernels.js';
import { f32, scoped } from '../../../core/memory.js';
import { readOptions } from '../../../core/options.js';
import { checkFraction, checkPositive, integerIn, rangeError } from '../../../core/validation.js';
import {
  add,
  concat,
  linear,
  mul,
  parameter,
  randomUniform,
  type Tensor,
  tidy,
  zeros,
} from '../../../nn/index.js';
import { sequenceDropout } from '../../../nn/ops/sequences.js';
import { withSeed } from '../../../nn/random.js';
import { type LoraAdapter, type LowRank, mergeLayer } from '../adapter.js';
import type { Architecture, LayerNames } from '../architectures.js';
import type { Layer, TransformerEncoder } from '../transformer.js';
import { unpack } from '../weights.js';
import { TrainedLayer } from './transformer.js';
import type { WeightLinks } from './weights.js';

/** Options of LoRA. */
export interface LoraOptions {
  /** Rows of the narrow matrices, from 1 to the width of the encoder. @default 8 */
  rank?: number | undefined;
  /** The product is multiplied by alpha / rank; greater than 0. @default 16 */
  alpha?: number | undefined;
  /** Fraction of the matrices' inputs that is set to 0, from 0 to below 1. @default 0 */
  dropout?: number | undefined;
}

/** Options of LoRA, defaults filled in. */
export type LoraSettings = { [Key in keyof LoraOptions]-?: number };

const MAX_RANK = 1024;

/** Checks the option `lora` of `train`. */
export function checkLora(name: string, argument: string, value: unknown): LoraSettings {
  const reader = readOptions(`${name}: ${argument}`, value);
  const settings = {
    rank: reader.read('rank', integerIn(1, MAX_RANK), 8),
    alpha: reader.read('alpha', checkPositive, 16),
    dropout: reader.read('dropout', checkFraction, 0),
  };
  reader.done();
  return settings;
}

/** Parts of attention that have an adapter, PEFT's for BERT, and their third of the projection. */
const TARGETS = { query: 0, value: 2 } as const satisfies Partial<Record<keyof LayerNames, number>>;
type Target = keyof typeof TARGETS;

const layerName = ({ names, layer }: Architecture, i: number, target: Target): string =>
  layer(i) + names[target];

/**
 * Makes an adapter that changes nothing yet: the first matrix is random, the second 0. An encoder
 * that has one goes on with it.
 */
export function startAdapter(
  encoder: TransformerEncoder,
  before: LoraAdapter | undefined,
  { rank, alpha, dropout }: LoraSettings,
  seed: number,
): LoraAdapter {
  const { architecture, config, layers } = encoder;
  const { width } = config;
  const targets = Object.keys(TARGETS) as Target[];
  const names = layers.flatMap((_, i) =>
    targets.map((target) => layerName(architecture, i, target)),
  );
  if (before !== undefined) {
    const same = names.length === before.layers.size && names.every((n) => before.layers.has(n));
    if (!same || before.rank !== rank) {
      const own = `as the encoder's adapter has it: rank ${before.rank} of ${before.layers.size} matrices`;
      rangeError('train', 'lora', own, `rank ${rank} of ${names.length}`);
    }
    return { ...before, alpha, scale: alpha / rank, dropout };
  }
  if (rank > width) {
    // More rows than that can't make the product of a higher rank.
    rangeError('train: lora', 'rank', `at most ${width}, the width of the encoder`, rank);
  }
  const low = 1 / Math.sqrt(width);
  const made = withSeed(seed, () =>
    names.map((name): [string, LowRank] => {
      const a = tidy(() => randomUniform([rank, width], { low: -low, high: low }).toArray());
      return [name, { a, b: new Float32Array(width * rank), base: undefined }];
    }),
  );
  const adapter = { rank, alpha, dropout, scale: alpha / rank, layers: new Map(made) };
  layers.forEach(({ qkv }, i) => {
    const numbers = unpack(qkv);
    for (const target of targets) {
      const from = TARGETS[target] * width * width;
      const own = adapter.layers.get(layerName(architecture, i, target)) as LowRank;
      own.base = numbers.slice(from, from + width * width);
    }
  });
  return adapter;
}

/** A layer whose weights stay, with an adapter for its queries and values. */
export class LoraLayer extends TrainedLayer {
  readonly queryA: Tensor;
  readonly queryB: Tensor;
  readonly valueA: Tensor;
  readonly valueB: Tensor;
  readonly #adapter: LoraAdapter;

  constructor(
    { architecture }: TransformerEncoder,
    layer: Layer,
    i: number,
    adapter: LoraAdapter,
    links: WeightLinks,
  ) {
    super(layer, links);
    this.#adapter = adapter;
    const width = layer.qkv.cols;
    const size = width * width;
    const pairs = (Object.keys(TARGETS) as Target[]).map((target) => {
      const name = layerName(architecture, i, target);
      const low = adapter.layers.get(name) as LowRank;
      // Inference has the sum in its place.
      this.qkv.weight.data.set(low.base as Float32Array, TARGETS[target] * size);
      const a = parameter(low.a, [adapter.rank, width]);
      const b = parameter(low.b, [width, adapter.rank]);
      return { name, low, a, b, at: 4 * TARGETS[target] * size };
    });
    const [query, value] = pairs as [(typeof pairs)[number], (typeof pairs)[number]];
    [this.queryA, this.queryB, this.valueA, this.valueB] = [query.a, query.b, value.a, value.b];
    links.watch([this.queryA, this.queryB, this.valueA, this.valueB], () => {
      scoped((scope) => {
        const merged = scope.f32(3 * size);
        const from = this.qkv.weight.at / 4;
        f32().copyWithin(merged / 4, from, from + 3 * size);
        for (const { name, low, a, b, at } of pairs) {
          low.a = a.toArray();
          low.b = b.toArray();
          mergeLayer('train', name, low, adapter, merged + at, width, width);
        }
        const core = kernels();
        const { packed, rows, cols } = layer.qkv;
        core.packBlocks(packed, merged, rows, cols, cols, 1, core.NR.value, 0, rows);
      });
    });
  }

  protected override project(x: Tensor, offsets: Int32Array): Tensor {
    const { rank, scale, dropout } = this.#adapter;
    const width = x.shape[1] as number;
    const low = [this.queryA, this.valueA].map((a) =>
      linear(sequenceDropout(x, offsets, this.training ? dropout : 0), a),
    );
    const none = zeros([width, rank]);
    // The keys' third of the projection gets nothing.
    const wide = concat([
      concat([this.queryB, none], 1),
      zeros([width, 2 * rank]),
      concat([none, this.valueB], 1),
    ]);
    return add(super.project(x, offsets), linear(mul(concat(low, 1), scale), wide));
  }
}
