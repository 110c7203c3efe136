/**
 * A transformer as it encodes texts: the tokens of all texts in one product, attention within each,
 * no padding. All of a layer's products read weights that were packed once.
 *
 *   T tokens of all texts, C width
 *   x = norm(words[ids] + positions[…] + types[0])                   (T, C)
 *   x = norm(x + attention(x));  x = norm(x + mlp(x))                for each layer
 */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, type Scope } from '../../core/memory.js';
import { rangeError } from '../../core/validation.js';
import {
  type Activation,
  applyActivation,
  HIDDEN_ACTIVATIONS,
  hiddenActivation,
} from './activations.js';
import type { LoraAdapter } from './adapter.js';
import {
  ARCHITECTURES,
  type Architecture,
  BUCKETS,
  type NetworkConfig,
  otherNames,
  RELATIVE_BIAS,
  relativeBucket,
} from './architectures.js';
import { ConfigReader, type Folder, type Json, pathOf } from './config.js';
import {
  applyDense,
  type Dense,
  denseScratch,
  type Precision,
  TABLE_TYPES,
  type Table,
  type Vector,
  type WeightMemory,
  WeightReader,
} from './weights.js';

/** Weight and bias of a layer normalization. */
export interface Norm {
  weight: Vector;
  bias: Vector;
}

export interface Layer {
  qkv: Dense;
  output: Dense;
  norm1: Norm;
  up: Dense;
  down: Dense;
  norm2: Norm;
}

/** `model_type` of weights of 8 bits, which transformers refuses by this name. */
export const INT8_MODEL_TYPE = 'nearfar-int8';
/** Field with the `model_type` that they had. */
export const INT8_OF = 'original_model_type';

/** Floats between the two products of an MLP: rows are taken in blocks that stay in the cache. */
const MLP_FLOATS = 2 ** 18;

/** Tokens of several texts, one text behind the other. */
export interface TokenBatch {
  ids: Int32Array;
  /** Text s has the tokens offsets[s] to offsets[s + 1]. */
  offsets: Int32Array;
}

/** y = norm(y + x), row by row; without x where it is 0. `statistics` is room for 2 numbers a row. */
function addNorm(
  y: Pointer,
  x: Pointer,
  norm: Norm,
  rows: number,
  eps: number,
  statistics: Pointer,
): void {
  const core = kernels(sentence);
  const { length: cols } = norm.weight;
  if (x !== 0) core.addArray(y, y, x, rows * cols);
  core.layerNormRows(
    y,
    statistics,
    statistics + 4 * rows,
    y,
    norm.weight.at,
    norm.bias.at,
    rows,
    cols,
    eps,
  );
}

export class TransformerEncoder {
  readonly architecture: Architecture;
  readonly config: NetworkConfig;
  /** The object in config.json, with the `model_type` that transformers knows. */
  readonly json: Json;
  readonly words: Table;
  readonly positions: Table;
  readonly types: Table | undefined;
  readonly norm: Norm;
  readonly layers: readonly Layer[];
  /** MPNet's table of biases, (buckets, heads). */
  readonly relative: Table | undefined;
  /** Dense layer on the first token that some files have and no encoder uses. */
  readonly pooler: Dense | undefined;
  readonly precision: Precision;
  readonly activation: Activation;

  /**
   * Reads a network from `config.json` and `model.safetensors`.
   * @param at path of the module in the folder
   * @param given numbers that the layers' weights are multiplied in, if not those of the file
   * @param adapter merged into the weights
   * @param random reads weights that are drawn instead of those of a file
   */
  constructor(
    folder: Folder,
    at: string,
    memory: WeightMemory,
    written: Json,
    given?: Precision,
    adapter?: LoraAdapter,
    random?: WeightReader,
  ) {
    const { name } = folder;
    const file = pathOf(at, 'config.json');
    const narrow = written.model_type === INT8_MODEL_TYPE;
    const precision = given ?? (narrow ? 'int8' : 'float32');
    this.precision = precision;
    const { [INT8_OF]: original, ...others } = written as Record<string, unknown>;
    // A field that is set again keeps its position, so that the file is written again as it was.
    if (narrow) others.model_type = original;
    const json: Json = narrow ? others : written;
    const kind = json.model_type;
    const architecture =
      typeof kind === 'string' && Object.hasOwn(ARCHITECTURES, kind)
        ? ARCHITECTURES[kind]
        : undefined;
    if (architecture === undefined) {
      const known = Object.keys(ARCHITECTURES).join(', ');
      rangeError(name, `${file}'s ${narrow ? INT8_OF : 'model_type'}`, `one of ${known}`, kind);
    }
    this.architecture = architecture;
    this.json = json;
    const config = architecture.read(new ConfigReader(name, file, json));
    this.config = config;
    const { fields } = architecture;
    const { width, hidden, heads, vocabularySize } = config;
    if (width % heads !== 0) {
      rangeError(name, `${file}'s ${fields.heads}`, `a divisor of the width of ${width}`, heads);
    }
    const activation = hiddenActivation(config.activation);
    if (activation === undefined) {
      const known = `one of ${HIDDEN_ACTIVATIONS.join(', ')}`;
      rangeError(name, `${file}'s ${fields.activation}`, known, config.activation);
    }
    this.activation = activation;
    const reader =
      random ?? new WeightReader(folder, at, memory, otherNames(architecture), adapter);
    // Before anything of that size is made.
    for (let i = 0; i < config.layers; i++) {
      const { names } = architecture;
      reader.matrix(`${architecture.layer(i)}${names.down}.weight`, [width, hidden]);
    }
    this.words = reader.wordTable('embeddings.word_embeddings.weight', [vocabularySize, width]);
    const positions = 'embeddings.position_embeddings.weight';
    reader.get(positions, [config.positions, width]);
    this.positions = {
      at: reader.vector(positions, [config.positions, width]).at,
      type: 'F32',
      rows: config.positions,
      cols: width,
    };
    if (config.types > 0) {
      const key = 'embeddings.token_type_embeddings.weight';
      const { at } = reader.vector(key, [config.types, width]);
      this.types = { at, type: 'F32', rows: config.types, cols: width };
    }
    const norm = (key: string): Norm => ({
      weight: reader.vector(`${key}.weight`, [width]),
      bias: reader.vector(`${key}.bias`, [width]),
    });
    this.norm = norm('embeddings.LayerNorm');
    this.layers = Array.from({ length: config.layers }, (_, i) => {
      const { names } = architecture;
      const key = (part: keyof typeof names): string => architecture.layer(i) + names[part];
      return {
        qkv: reader.dense([key('query'), key('key'), key('value')], width, width, { precision }),
        output: reader.dense([key('output')], width, width, { precision }),
        norm1: norm(key('norm1')),
        up: reader.dense([key('up')], hidden, width, { precision }),
        down: reader.dense([key('down')], width, hidden, { precision }),
        norm2: norm(key('norm2')),
      };
    });
    if (config.relative) {
      const { at } = reader.vector(RELATIVE_BIAS, [BUCKETS, heads]);
      this.relative = { at, type: 'F32', rows: BUCKETS, cols: heads };
    }
    if (reader.find('pooler.dense.weight') && reader.find('pooler.dense.bias')) {
      this.pooler = reader.dense(['pooler.dense'], width, width);
    }
  }

  /** Tokens of a text that there are positions for. */
  get maxTokens(): number {
    const { positions, padding } = this.config;
    return padding === undefined ? positions : positions - padding - 1;
  }

  /** Position of each token. */
  positionsOf({ ids, offsets }: TokenBatch): Int32Array {
    const { padding } = this.config;
    const positions = new Int32Array(ids.length);
    for (let s = 0; s + 1 < offsets.length; s++) {
      const [begin, end] = [offsets[s] as number, offsets[s + 1] as number];
      let next = padding === undefined ? 0 : padding + 1;
      for (let t = begin; t < end; t++) {
        // A padding token that the text itself names takes no position.
        positions[t] = ids[t] === padding ? (padding as number) : next++;
      }
    }
    return positions;
  }

  /** MPNet's biases by head and distance, (heads, 2 reach + 1). */
  #biases(scope: Scope, reach: number): Pointer {
    const { relative } = this;
    if (relative === undefined) return 0;
    const { heads } = this.config;
    const span = 2 * reach + 1;
    const at = scope.f32(heads * span);
    const heap = f32();
    for (let distance = -reach; distance <= reach; distance++) {
      const from = relative.at / 4 + relativeBucket(distance) * heads;
      for (let h = 0; h < heads; h++) {
        heap[at / 4 + h * span + reach + distance] = heap[from + h] as number;
      }
    }
    return at;
  }

  /** Hidden states of all tokens, (T, C), in memory of the scope. */
  forward(scope: Scope, batch: TokenBatch): Pointer {
    const core = kernels(sentence);
    const { width, heads, hidden, eps } = this.config;
    const { ids, offsets } = batch;
    const texts = offsets.length - 1;
    const tokens = ids.length;
    let longest = 0;
    for (let s = 0; s < texts; s++) {
      longest = Math.max(longest, (offsets[s + 1] as number) - (offsets[s] as number));
    }
    let x = scope.f32(tokens * width);
    let y = scope.f32(tokens * width);
    const z = scope.f32(tokens * width);
    const statistics = scope.f32(2 * tokens);
    const blocks = Math.max(1, Math.ceil((tokens * hidden) / MLP_FLOATS));
    const mlpRows = Math.max(1, Math.ceil(tokens / blocks));
    const qkv = scope.f32(Math.max(tokens * 3 * width, mlpRows * hidden));
    const scratch = scope.bytes(denseScratch(tokens, Math.max(width, hidden), this.precision));
    const scores = scope.f32(core.sequenceScratch(longest, width / heads));
    const where = scope.i32From(offsets);
    const reach = Math.max(0, longest - 1);
    const bias = this.#biases(scope, reach);
    core.embedTokens(
      x,
      this.words.at,
      TABLE_TYPES.indexOf(this.words.type),
      this.words.rowScales ?? 0,
      scope.i32From(ids),
      this.positions.at,
      scope.i32From(this.positionsOf(batch)),
      this.types?.at ?? 0,
      tokens,
      width,
    );
    addNorm(x, 0, this.norm, tokens, eps, statistics);
    for (const { qkv: projection, output, norm1, up, down, norm2 } of this.layers) {
      applyDense(qkv, x, tokens, projection, scratch);
      core.sequenceAttention(y, qkv, where, heads, width / heads, bias, reach, scores, 0, texts);
      applyDense(z, y, tokens, output, scratch);
      addNorm(z, x, norm1, tokens, eps, statistics);
      for (let row = 0; row < tokens; row += mlpRows) {
        const rows = Math.min(mlpRows, tokens - row);
        const at = 4 * row * width;
        applyDense(qkv, z + at, rows, up, scratch);
        applyActivation(this.activation, qkv, qkv, rows * hidden);
        applyDense(y + at, qkv, rows, down, scratch);
      }
      addNorm(y, z, norm2, tokens, eps, statistics);
      [x, y] = [y, x];
    }
    return x;
  }
}
