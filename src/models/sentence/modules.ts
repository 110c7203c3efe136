/** Modules behind a network's tokens: pooling to one row per text, and what happens to that row. */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import type { Pointer, Scope } from '../../core/memory.js';
import { rangeError } from '../../core/validation.js';
import {
  type Activation,
  applyActivation,
  MODULE_ACTIVATIONS,
  moduleActivation,
} from './activations.js';
import { ConfigReader, type Folder, type Json, pathOf, readOptionalJson } from './config.js';
import type { Norm } from './transformer.js';
import { applyDense, type Dense, type WeightMemory, WeightReader } from './weights.js';

/** Ways from the rows of tokens to one row, in the order of assembly/sentence/sequences.ts. */
export const POOLING_MODES = [
  'cls',
  'max',
  'mean',
  'mean_sqrt_len_tokens',
  'weightedmean',
  'lasttoken',
] as const;
export type PoolingMode = (typeof POOLING_MODES)[number];

/** Flags of sentence-transformers 2 to 5, in the order in which their rows are put together. */
export const POOLING_FLAGS: readonly (readonly [string, PoolingMode])[] = [
  ['pooling_mode_cls_token', 'cls'],
  ['pooling_mode_max_tokens', 'max'],
  ['pooling_mode_mean_tokens', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'mean_sqrt_len_tokens'],
  ['pooling_mode_weightedmean_tokens', 'weightedmean'],
  ['pooling_mode_lasttoken', 'lasttoken'],
];

/** Rows of tokens to one row per text. */
export interface Pooling {
  modes: readonly PoolingMode[];
  /** True if the tokens of a prompt count. */
  includePrompt: boolean;
}

export const MEAN_POOLING: Pooling = { modes: ['mean'], includePrompt: true };

/** Reads a pooling of either generation. */
export function readPooling({ name, files }: Folder, at: string, width: number): Pooling {
  const file = pathOf(at, 'config.json');
  const json = readOptionalJson({ name, files }, file);
  if (json === undefined) throw new RangeError(`${name}: files must hold ${file}`);
  const config = new ConfigReader(name, file, json);
  const widths = ['embedding_dimension', 'word_embedding_dimension'];
  if (widths.every((key) => json[key] === undefined)) {
    rangeError(name, file, `with an embedding_dimension of ${width}`, 'none');
  }
  for (const key of widths) {
    if (json[key] !== undefined) config.only(key, width);
  }
  const unknown = Object.keys(json).find(
    (key) => ![...widths, 'include_prompt'].includes(key) && !key.startsWith('pooling_mode'),
  );
  if (unknown !== undefined) rangeError(name, file, 'without fields that are not known', unknown);
  const includePrompt = config.flag('include_prompt', true);
  const { pooling_mode: mode } = json;
  if (mode === undefined) {
    const modes = POOLING_FLAGS.flatMap(([flag, each]) => (config.flag(flag, false) ? [each] : []));
    for (const key of Object.keys(json)) {
      if (!key.startsWith('pooling_mode_') || POOLING_FLAGS.some(([flag]) => flag === key))
        continue;
      config.only(key, false);
    }
    return { modes: modes.length === 0 ? ['mean'] : modes, includePrompt };
  }
  const modes: unknown[] = Array.isArray(mode) ? mode : [mode];
  for (const each of modes) {
    if (POOLING_MODES.includes(each as PoolingMode)) continue;
    rangeError(name, `${file}'s pooling_mode`, `one of ${POOLING_MODES.join(', ')}`, each);
  }
  if (modes.length === 0) rangeError(name, `${file}'s pooling_mode`, 'at least one', mode);
  return { modes: modes as PoolingMode[], includePrompt };
}

/**
 * y (texts, modes × C) = pooled hidden states.
 * @param skipped tokens at the beginning of each text that don't count
 */
export function applyPooling(
  { modes }: Pooling,
  y: Pointer,
  x: Pointer,
  offsets: Pointer,
  texts: number,
  width: number,
  skipped: number,
): void {
  modes.forEach((mode, i) => {
    const number = POOLING_MODES.indexOf(mode);
    const to = y + 4 * i * width;
    const stride = modes.length * width;
    kernels(sentence).poolSequences(to, stride, x, offsets, texts, width, number, skipped);
  });
}

/** Module that changes the row of a text. */
export type RowModule =
  | {
      type: 'Dense';
      dense: Dense;
      /** Residual that is added to the result: the input itself, or a projection of it. */
      residual: Dense | 'identity' | undefined;
      activation: Activation;
      /** The object in config.json. */
      json: Json;
    }
  | { type: 'LayerNorm'; norm: Norm; json: Json }
  | { type: 'Normalize' };

/** Epsilon of PyTorch's LayerNorm. */
export const NORM_EPS = 1e-5;

function readDense(folder: Folder, at: string, width: number, memory: WeightMemory): RowModule {
  const { name } = folder;
  const file = pathOf(at, 'config.json');
  const json = readOptionalJson(folder, file);
  if (json === undefined) throw new RangeError(`${name}: files must hold ${file}`);
  const config = new ConfigReader(name, file, json);
  config.only('in_features', width);
  config.only('module_input_name', 'sentence_embedding');
  if (json.module_output_name !== null) config.only('module_output_name', 'sentence_embedding');
  const outputs = config.int('out_features');
  const path = config.text('activation_function', 'torch.nn.modules.activation.Tanh');
  const activation = moduleActivation(path);
  if (activation === undefined) {
    const known = `torch.nn's ${MODULE_ACTIVATIONS.join(', ')}`;
    rangeError(name, `${file}'s activation_function`, `one of ${known}`, path);
  }
  const reader = new WeightReader(folder, at, memory);
  const dense = reader.dense(['linear'], outputs, width, { bias: config.flag('bias', true) });
  const residual = !config.flag('use_residual', false)
    ? undefined
    : outputs === width
      ? 'identity'
      : reader.dense(['residual'], outputs, width, { bias: false });
  return { type: 'Dense', dense, residual, activation, json };
}

function readLayerNorm(folder: Folder, at: string, width: number, memory: WeightMemory): RowModule {
  const { name } = folder;
  const file = pathOf(at, 'config.json');
  const json = readOptionalJson(folder, file) ?? {};
  new ConfigReader(name, file, json).only('dimension', width);
  const reader = new WeightReader(folder, at, memory);
  const weight = reader.vector('norm.weight', [width]);
  const bias = reader.vector('norm.bias', [width]);
  return { type: 'LayerNorm', norm: { weight, bias }, json };
}

/**
 * Reads a module behind the pooling.
 * @param type the last part of its class's path
 * @returns undefined if it is not one of them
 */
export function readRowModule(
  folder: Folder,
  type: string,
  at: string,
  width: number,
  memory: WeightMemory,
): RowModule | undefined {
  switch (type) {
    case 'Dense':
      return readDense(folder, at, width, memory);
    case 'LayerNorm':
      return readLayerNorm(folder, at, width, memory);
    case 'Normalize': {
      const file = pathOf(at, 'config.json');
      const config = new ConfigReader(folder.name, file, readOptionalJson(folder, file) ?? {});
      config.only('module_input_name', 'sentence_embedding');
      config.only('module_output_name', 'sentence_embedding');
      return { type: 'Normalize' };
    }
    default:
      return undefined;
  }
}

/** Columns of what a module makes of rows of `width` columns. */
export function outputWidth(module: RowModule, width: number): number {
  return module.type === 'Dense' ? module.dense.rows : width;
}

/** Rows of unit length; a row of zeros stays zero. */
export function normalizeInPlace(scope: Scope, x: Pointer, rows: number, cols: number): void {
  kernels().normalizeRows(x, scope.f64(rows), x, rows, cols);
}

/** Runs a module over rows, in memory of the scope. */
export function applyRowModule(
  scope: Scope,
  module: RowModule,
  x: Pointer,
  rows: number,
  cols: number,
): Pointer {
  const core = kernels(sentence);
  switch (module.type) {
    case 'Normalize':
      normalizeInPlace(scope, x, rows, cols);
      return x;
    case 'LayerNorm': {
      const { weight, bias } = module.norm;
      const statistics = scope.f32(2 * rows);
      const rstd = statistics + 4 * rows;
      core.layerNormRows(x, statistics, rstd, x, weight.at, bias.at, rows, cols, NORM_EPS);
      return x;
    }
    case 'Dense': {
      const { dense, residual, activation } = module;
      const y = scope.f32(rows * dense.rows);
      const scratch = scope.bytes(kernels().gemmScratch());
      applyDense(y, x, rows, dense, scratch);
      applyActivation(activation, y, y, rows * dense.rows);
      if (residual === undefined) return y;
      let added = x;
      if (residual !== 'identity') {
        added = scope.f32(rows * dense.rows);
        applyDense(added, x, rows, residual, scratch);
      }
      core.addArray(y, y, added, rows * dense.rows);
      return y;
    }
  }
}
