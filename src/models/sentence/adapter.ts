/**
 * LoRA adapters (Hu et al., 2021, https://arxiv.org/abs/2106.09685) in PEFT's layout: what the
 * product of two narrow matrices adds to a weight, (out, in) += scale b a.
 */

import { f32, type Pointer, scoped } from '../../core/memory.js';
import { gemm } from '../../core/products.js';
import { type RawArray, readSafetensors, writeRawSafetensors } from '../../core/safetensors.js';
import { rangeError } from '../../core/validation.js';
import { type Files, readBytes, readJson, writeJson } from '../files/files.js';
import { ConfigReader } from './config.js';

/** Names of an adapter's files, as PEFT has them. */
export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_MODEL = 'adapter_model.safetensors';

/** Prefix of the names of an adapter's weights. */
export const ADAPTER_PREFIX = 'base_model.model.';

/** The two narrow matrices of a dense layer, and the layer's own weight. */
export interface LowRank {
  /** (rank, in) */
  a: Float32Array;
  /** (out, rank) */
  b: Float32Array;
  /** (out, in): the weight without the adapter; undefined before it is merged. */
  base: Float32Array | undefined;
}

/** An adapter: narrow matrices by the names of the layers that they belong to. */
export interface LoraAdapter {
  rank: number;
  alpha: number;
  /** Fraction of the inputs that dropout sets to 0 while it is trained. */
  dropout: number;
  /** Factor of the product: alpha / rank, or alpha / √rank of an adapter with `use_rslora`. */
  scale: number;
  layers: Map<string, LowRank>;
}

/**
 * Adds an adapter's product to the weight (out, in) of a layer, and keeps what the weight was.
 *
 * @param name function that messages name
 * @param key name of the layer
 * @param weight where the weight stands in WASM memory
 */
export function mergeLayer(
  name: string,
  key: string,
  layer: LowRank,
  { rank, scale }: LoraAdapter,
  weight: Pointer,
  rows: number,
  cols: number,
): void {
  const { a, b } = layer;
  if (a.length !== rank * cols || b.length !== rank * rows) {
    const got = `${b.length / rank} of ${a.length / rank}`;
    rangeError(name, `${ADAPTER_MODEL}'s ${key}`, `for ${rows} outputs of ${cols} inputs`, got);
  }
  layer.base ??= f32().slice(weight / 4, weight / 4 + rows * cols);
  scoped((scope) => {
    const [left, right] = [scope.f32(b.length), scope.f32(a.length)];
    f32().set(
      b.map((x) => x * scale),
      left / 4,
    );
    f32().set(a, right / 4);
    gemm(weight, left, right, rows, cols, rank, false, false, true);
  });
}

/** Fields of a config that change what an adapter does, and the only value that ours has. */
const ONLY = {
  peft_type: 'LORA',
  bias: 'none',
  fan_in_fan_out: false,
  use_dora: false,
  use_qalora: false,
  use_bdlora: false,
  lora_bias: false,
} as const;
/** Name of a layer in the name of one of its matrices. */
const LAYER = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/;
/** Fields that must be empty. */
const EMPTY = ['rank_pattern', 'alpha_pattern', 'modules_to_save', 'layers_to_transform'] as const;

/**
 * Reads an adapter of PEFT.
 *
 * @param name function that messages name
 * @param files `adapter_config.json` and `adapter_model.safetensors`
 */
export function readAdapter(name: string, files: Files): LoraAdapter {
  const json = readJson(name, files, ADAPTER_CONFIG);
  const config = new ConfigReader(name, ADAPTER_CONFIG, json);
  for (const [key, value] of Object.entries(ONLY)) config.only(key, value);
  for (const key of EMPTY) {
    const value = json[key];
    if (value === undefined || value === null || Object.keys(value).length === 0) continue;
    rangeError(name, `${ADAPTER_CONFIG}'s ${key}`, 'empty', value);
  }
  const { init_lora_weights: init } = json;
  if (typeof init === 'string' && /^(?:pissa|olora|corda|loftq)/.test(init)) {
    // These change the weights that the adapter is added to.
    rangeError(name, `${ADAPTER_CONFIG}'s init_lora_weights`, 'one that keeps the base', init);
  }
  const rank = config.int('r');
  const alpha = json.lora_alpha ?? 8;
  if (typeof alpha !== 'number' || !(alpha > 0 && alpha < Number.POSITIVE_INFINITY)) {
    rangeError(name, `${ADAPTER_CONFIG}'s lora_alpha`, 'a number above 0', alpha);
  }
  const scale = alpha / (config.flag('use_rslora', false) ? Math.sqrt(rank) : rank);
  const dropout = config.fraction('lora_dropout', 0);
  const layers = new Map<string, LowRank>();
  const bytes = readBytes(name, files, ADAPTER_MODEL);
  const { arrays } = readSafetensors(`${name}: ${ADAPTER_MODEL}`, bytes);
  /** One of a layer's two matrices, which is of the adapter's rank. */
  const matrix = (layer: string, part: 'A' | 'B'): Float32Array => {
    const key = `${ADAPTER_PREFIX}${layer}.lora_${part}.weight`;
    const found = arrays.get(key);
    if (found === undefined) throw new RangeError(`${name}: ${ADAPTER_MODEL} must hold ${key}`);
    const { shape, data } = found;
    if (shape.length !== 2 || shape[part === 'A' ? 0 : 1] !== rank) {
      rangeError(name, `${ADAPTER_MODEL}'s ${key}`, `of rank ${rank}`, `[${shape.join(', ')}]`);
    }
    return data;
  };
  for (const key of arrays.keys()) {
    const layer = LAYER.exec(key)?.[1];
    if (layer === undefined) {
      rangeError(name, ADAPTER_MODEL, 'with weights of lora_A and lora_B alone', key);
    }
    if (layers.has(layer)) continue;
    layers.set(layer, { a: matrix(layer, 'A'), b: matrix(layer, 'B'), base: undefined });
  }
  if (layers.size === 0) throw new RangeError(`${name}: ${ADAPTER_MODEL} must hold weights`);
  return { rank, alpha, dropout, scale, layers };
}

/** Writes an adapter as the two files of PEFT. */
export function writeAdapter({ rank, alpha, dropout, scale, layers }: LoraAdapter): Files {
  const names = [...layers.keys()];
  const arrays = new Map<string, RawArray>();
  const add = (key: string, rows: number, numbers: Float32Array): void => {
    const bytes = new Uint8Array(numbers.slice().buffer);
    arrays.set(ADAPTER_PREFIX + key, { dtype: 'F32', shape: [rows, numbers.length / rows], bytes });
  };
  for (const [layer, { a, b }] of layers) {
    add(`${layer}.lora_A.weight`, rank, a);
    add(`${layer}.lora_B.weight`, b.length / rank, b);
  }
  const config = {
    ...{ peft_type: 'LORA', task_type: 'FEATURE_EXTRACTION', base_model_name_or_path: null },
    ...{ r: rank, lora_alpha: alpha, lora_dropout: dropout, bias: 'none' },
    use_rslora: scale !== alpha / rank,
    // The end of a layer's name, as attention.self.query, names it in every block.
    target_modules: [...new Set(names.map((name) => name.replace(/^.*\.\d+\./, '')))],
    inference_mode: true,
  };
  return new Map([
    [ADAPTER_CONFIG, writeJson(config)],
    [ADAPTER_MODEL, writeRawSafetensors(arrays, {})],
  ]);
}
