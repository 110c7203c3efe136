/**
 * Writes sentence encoders as folders that sentence-transformers 2 to 6 open, and what came from
 * model2vec as a folder of model2vec.
 */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { f32, scoped, u8 } from '../../core/memory.js';
import { readOptions } from '../../core/options.js';
import type { RawArray } from '../../core/safetensors.js';
import { checkFlag, oneOf, rangeError, typeError } from '../../core/validation.js';
import { type Files, writeJson } from '../files/files.js';
import { writeAdapter } from './adapter.js';
import { type Architecture, RELATIVE_BIAS } from './architectures.js';
import { pathOf } from './config.js';
import { BaseSentenceEncoder } from './encoder.js';
import { outputWidth, POOLING_FLAGS, type Pooling, type RowModule } from './modules.js';
import type { SentenceNetwork, SentenceParts } from './parts.js';
import type { SentenceEncoder } from './sentence-encoder.js';
import type { StaticEncoder } from './static.js';
import { INT8_MODEL_TYPE, INT8_OF, type TransformerEncoder } from './transformer.js';
import { DTYPES, type Dtype, WeightWriter } from './weight-writer.js';
import { readTable, type Table } from './weights.js';

/** Options of `saveSentenceEncoder`. */
export interface SaveSentenceOptions {
  /**
   * Type of the weights. `'float16'` halves the files and rounds each weight. `'int8'` makes a
   * quarter of them: static encoders in model2vec's layout, transformers for this package alone.
   * `'int4'` makes an eighth, of static encoders and for this package alone: Python can't open it.
   * @default 'int8' for a transformer from a folder that was saved so, else 'float32'
   */
  dtype?: Dtype | undefined;
  /**
   * Write only what LoRA trained, as PEFT's two files, for `loadSentenceEncoder`'s `adapter`; in
   * float32. Without it the folder has the adapter merged into its weights.
   * @default false
   */
  adapter?: boolean | undefined;
}

const NAME = 'saveSentenceEncoder';

/** Version of sentence-transformers whose layout is written; 6 reads it too. */
const VERSION = { sentence_transformers: '5.0.0' };

function writeTransformer(encoder: TransformerEncoder, dtype: Dtype): Uint8Array {
  const weights = new WeightWriter(NAME, dtype);
  const { architecture, words, positions, types, norm, layers, relative, pooler } = encoder;
  const { names }: Architecture = architecture;
  weights.words('embeddings.word_embeddings.weight', words);
  weights.floats('embeddings.position_embeddings.weight', positions);
  if (types) weights.floats('embeddings.token_type_embeddings.weight', types);
  weights.norm('embeddings.LayerNorm', norm);
  layers.forEach((layer, i) => {
    const key = (part: keyof typeof names): string => architecture.layer(i) + names[part];
    weights.dense([key('query'), key('key'), key('value')], layer.qkv);
    weights.dense([key('output')], layer.output);
    weights.norm(key('norm1'), layer.norm1);
    weights.dense([key('up')], layer.up);
    weights.dense([key('down')], layer.down);
    weights.norm(key('norm2'), layer.norm2);
  });
  if (relative) weights.floats(RELATIVE_BIAS, relative);
  if (pooler && dtype !== 'int8') weights.dense(['pooler.dense'], pooler);
  return weights.bytes();
}

function poolingJson({ modes, includePrompt }: Pooling, width: number): Record<string, unknown> {
  const inOrder = POOLING_FLAGS.filter(([, mode]) => modes.includes(mode)).map(([, mode]) => mode);
  if (String(inOrder) !== String(modes)) {
    // Only sentence-transformers 6 puts modes together in another order.
    return { embedding_dimension: width, pooling_mode: modes, include_prompt: includePrompt };
  }
  const flags = POOLING_FLAGS.map(([flag, mode]) => [flag, modes.includes(mode)]);
  return {
    word_embedding_dimension: width,
    ...Object.fromEntries(flags),
    include_prompt: includePrompt,
  };
}

/** Path of PyTorch's class of an activation. */
function activationPath(activation: string): string {
  return `torch.nn.modules.${activation === 'Identity' ? 'linear' : 'activation'}.${activation}`;
}

/** Files of a module behind the pooling. */
function writeModule(
  files: Files,
  at: string,
  module: RowModule,
  dtype: Dtype,
  width: number,
): void {
  if (module.type === 'Normalize') return;
  const weights = new WeightWriter(NAME, dtype);
  if (module.type === 'LayerNorm') {
    weights.norm('norm', module.norm);
    files.set(pathOf(at, 'config.json'), writeJson({ dimension: width }));
  } else {
    const { dense, residual, activation } = module;
    weights.dense(['linear'], dense);
    if (residual !== undefined && residual !== 'identity') weights.dense(['residual'], residual);
    const config = {
      in_features: width,
      out_features: dense.rows,
      bias: dense.bias !== undefined,
      activation_function: activationPath(activation),
      ...(residual === undefined ? {} : { use_residual: true }),
    };
    files.set(pathOf(at, 'config.json'), writeJson(config));
  }
  files.set(pathOf(at, 'model.safetensors'), weights.bytes());
}

/** Writes all modules behind the pooling and lists them. */
function writeModules(
  files: Files,
  entries: [path: string, type: string][],
  modules: readonly RowModule[],
  dtype: Dtype,
  inputs: number,
): void {
  let width = inputs;
  for (const module of modules) {
    const at = `${entries.length}_${module.type}`;
    writeModule(files, at, module, dtype, width);
    entries.push([at, module.type]);
    width = outputWidth(module, width);
  }
}

function moduleList(entries: readonly (readonly [path: string, type: string])[]): Uint8Array {
  return writeJson(
    entries.map(([path, type], idx) => ({
      ...{ idx, name: String(idx), path },
      type: `sentence_transformers.models.${type}`,
    })),
  );
}

function settingsJson({ settings }: SentenceParts): Uint8Array {
  return writeJson({
    __version__: VERSION,
    model_type: 'SentenceTransformer',
    prompts: settings.prompts,
    default_prompt_name: settings.defaultPromptName ?? null,
    similarity_fn_name: settings.similarity,
  });
}

/** The tokenizer's files as they were read; `tokenizer.json` is written where there was none. */
function writeTokenizer(files: Files, at: string, { files: kept, tokens }: SentenceParts): void {
  for (const [file, bytes] of kept) files.set(pathOf(at, file), bytes);
  const file = pathOf(at, 'tokenizer.json');
  if (!files.has(file)) files.set(file, writeJson({ version: '1.0', ...tokens.tokenizer.json }));
}

/** Widest f32 of a table, and the table as whole numbers of 8 bits. */
function quantize(table: Table): { bytes: Uint8Array; scale: number } {
  const size = table.rows * table.cols;
  if (table.type === 'I8') return { bytes: u8().slice(table.at, table.at + size), scale: 1 };
  const numbers = readTable(table);
  return scoped((scope) => {
    const [from, to] = [scope.f32(size), scope.bytes(size)];
    f32().set(numbers, from / 4);
    const largest = kernels(sentence).maxAbs(from, size);
    const scale = largest === 0 ? 1 : largest / 127;
    kernels(sentence).floatToInt8(to, from, size, 1 / scale);
    return { bytes: u8().slice(to, to + size), scale };
  });
}

/** Whole numbers as safetensors' I64. */
function int64(numbers: Int32Array): RawArray {
  const wide = BigInt64Array.from(numbers, BigInt);
  return { dtype: 'I64', shape: [numbers.length], bytes: new Uint8Array(wide.buffer) };
}

/** A folder of model2vec. */
function writeModel2Vec(parts: SentenceParts, encoder: StaticEncoder, dtype: Dtype): Files {
  const { modules, tokens } = parts;
  const normalize = modules.length > 0 && modules.every(({ type }) => type === 'Normalize');
  const { table, model2vec } = encoder;
  const weights = new WeightWriter(NAME, dtype);
  let factors = encoder.readWeights();
  if (dtype === 'int8') {
    const { bytes, scale } = quantize(table);
    weights.addRaw('embeddings', { dtype: 'I8', shape: [table.rows, table.cols], bytes });
    // A table of whole numbers has no scale of its own, so that the tokens' factors carry it.
    if (!normalize && scale !== 1) {
      factors = Float32Array.from(
        { length: encoder.tokens },
        (_, i) => (factors?.[i] ?? 1) * scale,
      );
    }
  } else {
    weights.table('embeddings', table);
  }
  if (factors) {
    const bytes = new Uint8Array(factors.buffer, factors.byteOffset, factors.byteLength);
    weights.addRaw('weights', { dtype: 'F32', shape: [factors.length], bytes });
  }
  const mapping = encoder.readMapping();
  if (mapping) weights.addRaw('mapping', int64(mapping));
  const files: Files = new Map();
  const config = {
    model_type: 'model2vec',
    architectures: ['StaticModel'],
    ...model2vec?.json,
    hidden_dim: table.cols,
    normalize,
    max_length: tokens.rules.maxTokens ?? null,
    embedding_dtype: dtype,
  };
  files.set('config.json', writeJson(config));
  files.set('model.safetensors', weights.bytes());
  const entries: [path: string, type: string][] = [['.', 'StaticEmbedding']];
  writeModules(files, entries, modules, dtype === 'float16' ? dtype : 'float32', table.cols);
  files.set('modules.json', moduleList(entries));
  if (Object.keys(parts.settings.prompts).length > 0 || parts.settings.similarity !== 'cosine') {
    files.set('config_sentence_transformers.json', settingsJson(parts));
  }
  writeTokenizer(files, '', parts);
  return files;
}

function writeFolder(parts: SentenceParts, dtype: Dtype): Files {
  const { network, modules, tokens } = parts;
  const files: Files = new Map();
  const entries: [path: string, type: string][] = [];
  let width: number;
  if (network.kind === 'static') {
    const { encoder } = network;
    const at = '0_StaticEmbedding';
    const weights = new WeightWriter(NAME, dtype);
    weights.table('embedding.weight', encoder.table);
    files.set(pathOf(at, 'model.safetensors'), weights.bytes());
    writeTokenizer(files, at, parts);
    entries.push([at, 'StaticEmbedding']);
    width = encoder.width;
  } else {
    const { encoder, pooling } = network;
    const { model_type: modelType } = encoder.json;
    const config = {
      ...encoder.json,
      architectures: [encoder.architecture.className],
      // What the network is run in, whatever its file holds.
      torch_dtype: 'float32',
      dtype: 'float32',
      ...(dtype === 'int8' ? { model_type: INT8_MODEL_TYPE, [INT8_OF]: modelType } : {}),
    };
    files.set('config.json', writeJson(config));
    files.set('model.safetensors', writeTransformer(encoder, dtype));
    writeTokenizer(files, '', parts);
    const { maxTokens } = tokens.rules;
    const lower = tokens.tokenizer.lowers;
    files.set(
      'sentence_bert_config.json',
      writeJson({ max_seq_length: maxTokens ?? null, do_lower_case: lower }),
    );
    files.set('1_Pooling/config.json', writeJson(poolingJson(pooling, encoder.config.width)));
    entries.push(['', 'Transformer'], ['1_Pooling', 'Pooling']);
    width = encoder.config.width * pooling.modes.length;
  }
  writeModules(files, entries, modules, dtype === 'float16' ? dtype : 'float32', width);
  files.set('modules.json', moduleList(entries));
  files.set('config_sentence_transformers.json', settingsJson(parts));
  return files;
}

/** The type in which what is saved gives the same bits. */
function defaultDtype(network: SentenceNetwork): Dtype {
  const wasInt8 = network.kind === 'bert' && network.encoder.layers[0]?.qkv.factors !== undefined;
  return wasInt8 ? 'int8' : 'float32';
}

function adapterOf({ adapter }: SentenceParts, dtype: Dtype | undefined): Files {
  if (adapter === undefined) {
    throw new RangeError(`${NAME}: the encoder has no adapter: train with lora makes one`);
  }
  if (dtype !== undefined && dtype !== 'float32') {
    rangeError(NAME, 'dtype', "'float32' for an adapter", dtype);
  }
  return writeAdapter(adapter);
}

/**
 * Writes a sentence encoder as the files of a folder, which `loadSentenceEncoder` reads.
 *
 * sentence-transformers 2 to 6 open the folder and give the same rows. An encoder that came from
 * model2vec, and every static one in `'int8'`, becomes a folder of model2vec, which leaves unknown
 * tokens out of the mean. A transformer in `'int8'` and a static encoder in `'int4'` are for this
 * package alone: Python refuses them. With the default type, what is loaded again gives the same bits.
 *
 * @param encoder what is written
 * @param options dtype: type of the weights; adapter: only what LoRA trained
 * @returns bytes by path
 * @throws {RangeError} if the encoder can't be written in that type
 * @example
 * for (const [path, bytes] of saveSentenceEncoder(encoder)) writeFileSync(join(folder, path), bytes);
 */
export function saveSentenceEncoder(
  encoder: SentenceEncoder,
  options?: SaveSentenceOptions,
): Files {
  if (!(encoder instanceof BaseSentenceEncoder)) {
    typeError(NAME, 'encoder', 'a SentenceEncoder', encoder);
  }
  const reader = readOptions(NAME, options);
  const given = reader.optional('dtype', oneOf(DTYPES));
  const onlyAdapter = reader.read('adapter', checkFlag, false);
  reader.done();
  const { parts } = encoder;
  if (parts.memory.disposed) throw new Error(`${NAME}: the encoder was disposed of`);
  if (onlyAdapter) return adapterOf(parts, given);
  const { network } = parts;
  const dtype = given ?? defaultDtype(network);
  const narrow = network.kind === 'bert' && network.encoder.precision === 'int8';
  if (narrow && dtype !== 'int8') {
    const expected = "'int8', or the encoder loaded with precision 'float32'";
    rangeError(NAME, 'dtype', expected, dtype);
  }
  if (network.kind === 'bert' && dtype === 'int4') {
    rangeError(NAME, 'dtype', "'float32', 'float16' or 'int8' for a transformer", dtype);
  }
  if (network.kind === 'static' && (network.encoder.model2vec !== undefined || dtype === 'int8')) {
    return writeModel2Vec(parts, network.encoder, dtype);
  }
  return writeFolder(parts, dtype);
}
