/** A static encoder: a row per token and the mean of a text's rows, in the type of the file. */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { f32, i32, type Pointer, type Scope } from '../../core/memory.js';
import { toFloat32 } from '../../core/safetensors.js';
import { rangeError } from '../../core/validation.js';
import { ConfigReader, type Folder, type Json, pathOf, readOptionalJson } from './config.js';
import type { TokenBatch } from './transformer.js';
import { TABLE_TYPES, type Table, type WeightMemory, WeightReader } from './weights.js';

/** Settings that only folders of model2vec have. */
export interface Model2Vec {
  /** The object in config.json. */
  json: Json;
  normalize: boolean;
  /** Tokens of a text that count; undefined for all. */
  maxLength: number | undefined;
}

/** model2vec's own limit where config.json names none. */
const DEFAULT_MAX_LENGTH = 512;

/** Parts of a static encoder. */
export interface StaticParts {
  table: Table;
  /** Row of the table for each token (i32), where tokens share rows. */
  mapping?: Pointer | undefined;
  /** Factor of each token (f32). */
  weights?: Pointer | undefined;
  /** Type of the factors in the file. */
  weightsType?: string | undefined;
  /** Number of tokens. */
  tokens: number;
  /** Undefined for sentence-transformers' StaticEmbedding. */
  model2vec?: Model2Vec | undefined;
}

export class StaticEncoder {
  /** The rows; training turns them to f32. */
  readonly table: Table;
  /** Row of the table for each token (i32), where tokens share rows. */
  readonly mapping: Pointer | undefined;
  /** Factor of each token (f32). */
  readonly weights: Pointer | undefined;
  /** Type of the factors in the file. */
  readonly weightsType: string | undefined;
  /** Number of tokens. */
  readonly tokens: number;
  /** Undefined for sentence-transformers' StaticEmbedding. */
  readonly model2vec: Model2Vec | undefined;

  constructor(parts: StaticParts) {
    this.table = parts.table;
    this.mapping = parts.mapping;
    this.weights = parts.weights;
    this.weightsType = parts.weightsType;
    this.tokens = parts.tokens;
    this.model2vec = parts.model2vec;
  }

  /**
   * Reads a static encoder from the files of its module.
   * @param at path of the module in the folder
   */
  static read(folder: Folder, at: string, memory: WeightMemory): StaticEncoder {
    const { name } = folder;
    const file = pathOf(at, 'model.safetensors');
    const reader = new WeightReader(folder, at, memory);
    const own = reader.hasTable('embedding.weight');
    if (!own && !reader.hasTable('embeddings')) {
      throw new RangeError(`${name}: ${file} must hold embedding.weight or embeddings`);
    }
    const table = reader.table(own ? 'embedding.weight' : 'embeddings', [0, 0]);
    const parts: StaticParts = { table, tokens: table.rows };
    if (own) return new StaticEncoder(parts);
    const mapping = reader.find('mapping');
    if (mapping !== undefined) {
      const { shape } = reader.get('mapping', [0]);
      const rows = toFloat32(`${name}: ${file}'s mapping`, mapping.dtype, mapping.bytes);
      const bad = rows.findIndex((row) => !Number.isInteger(row) || row < 0 || row >= table.rows);
      if (bad >= 0) {
        rangeError(name, `${file}'s mapping`, `rows of ${table.rows}`, rows[bad]);
      }
      parts.tokens = shape[0] as number;
      parts.mapping = memory.allocate(4 * rows.length);
      i32().set(rows, parts.mapping / 4);
    }
    const weights = reader.find('weights');
    if (weights !== undefined) {
      parts.weights = reader.vector('weights', [parts.tokens]).at;
      parts.weightsType = weights.dtype;
    }
    parts.model2vec = readModel2Vec(folder, at);
    return new StaticEncoder(parts);
  }

  /** Columns. */
  get width(): number {
    return this.table.cols;
  }

  /** Means of the rows of each text's tokens, (texts, C), in memory of the scope. */
  forward(scope: Scope, { ids, offsets }: TokenBatch): Pointer {
    const texts = offsets.length - 1;
    const y = scope.f32(texts * this.width);
    const { at, type, rowScales = 0, columnScales = 0 } = this.table;
    kernels(sentence).embeddingBags(
      y,
      at,
      TABLE_TYPES.indexOf(type),
      rowScales,
      columnScales,
      this.mapping ?? 0,
      this.weights ?? 0,
      scope.i32From(ids),
      scope.i32From(offsets),
      texts,
      this.width,
    );
    return y;
  }

  /** The factors of all tokens. */
  readWeights(): Float32Array | undefined {
    if (this.weights === undefined) return undefined;
    return f32().slice(this.weights / 4, this.weights / 4 + this.tokens);
  }

  /** The rows of all tokens. */
  readMapping(): Int32Array | undefined {
    if (this.mapping === undefined) return undefined;
    return i32().slice(this.mapping / 4, this.mapping / 4 + this.tokens);
  }
}

function readModel2Vec(folder: Folder, at: string): Model2Vec {
  const file = pathOf(at, 'config.json');
  const json = readOptionalJson(folder, file) ?? {};
  const config = new ConfigReader(folder.name, file, json);
  const { max_length: given } = json;
  return {
    json,
    normalize: config.flag('normalize', false),
    maxLength:
      given === null ? undefined : config.int('max_length', DEFAULT_MAX_LENGTH, 1, 2 ** 31 - 1),
  };
}
