/**
 * Reads sentence encoders from folders of sentence-transformers (2 to 6), model2vec and plain
 * transformers. Every module of modules.json is run, in its order; what is not known is refused.
 */

import { readOptions } from '../../core/options.js';
import { oneOf, rangeError, show } from '../../core/validation.js';
import { PipelineTokenizer } from '../../data/text/pipeline/tokenizer.js';
import { type Files, readJson, readText } from '../files/files.js';
import { ADAPTER_MODEL, type LoraAdapter, readAdapter } from './adapter.js';
import { ARCHITECTURES } from './architectures.js';
import {
  ConfigReader,
  checkFiles,
  type Folder,
  type Json,
  pathOf,
  readOptionalJson,
} from './config.js';
import { BaseSentenceEncoder } from './encoder.js';
import {
  MEAN_POOLING,
  outputWidth,
  type RowModule,
  readPooling,
  readRowModule,
} from './modules.js';
import { type SentenceNetwork, type SentenceSettings, SIMILARITIES } from './parts.js';
import type { SentenceEncoder } from './sentence-encoder.js';
import { StaticEncoder } from './static.js';
import { medianTokenLength, SentenceTokens, type TokenRules } from './tokens.js';
import { TransformerEncoder } from './transformer.js';
import { type Precision, WeightMemory } from './weights.js';

/** Options of `loadSentenceEncoder`. */
export interface LoadSentenceOptions {
  /**
   * Numbers that a transformer's weights are multiplied in. `'int8'` rounds them to integers, a
   * scale per output: half of the memory and up to twice the speed, at a cosine of 0.999 or better
   * to the rows of `'float32'`. Static encoders are the same in both.
   * @default 'int8' for a folder that was saved so, else 'float32'
   */
  precision?: Precision | undefined;
  /**
   * Files of a LoRA adapter for a transformer, as `saveSentenceEncoder` and PEFT write them:
   * `adapter_config.json` and `adapter_model.safetensors`. It is merged into the weights.
   * @default none
   */
  adapter?: Files | undefined;
}

const NAME = 'loadSentenceEncoder';

/** Numbers that weights may be multiplied in. */
export const PRECISIONS: readonly Precision[] = ['float32', 'int8'];

/** One module of modules.json. */
interface ModuleEntry {
  /** Last part of the path of its class: Pooling. */
  type: string;
  path: string;
}

/** Modules of a folder, or those that Python would make where it names none. */
export function readModules(folder: Folder): ModuleEntry[] | undefined {
  const { name, files } = folder;
  if (!files.has('modules.json')) return undefined;
  let list: unknown;
  try {
    list = JSON.parse(readText(name, files, 'modules.json'));
  } catch (error) {
    if (error instanceof SyntaxError) throw new RangeError(`${name}: modules.json must be JSON`);
    throw error;
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > 100) {
    rangeError(name, 'modules.json', 'a list of modules', list);
  }
  return list.map((entry) => {
    const { type, path = '' } = (entry ?? {}) as { type?: unknown; path?: unknown };
    if (typeof type !== 'string' || typeof path !== 'string') {
      rangeError(name, 'modules.json', 'a list of modules with types and paths', entry);
    }
    if (path.startsWith('/') || path.split('/').includes('..')) {
      rangeError(name, "modules.json's path", 'within the folder', path);
    }
    if (!type.startsWith('sentence_transformers.')) refuseModule(type);
    return { type: type.slice(type.lastIndexOf('.') + 1), path };
  });
}

/** Refuses a module that is not known. */
export function refuseModule(type: string): never {
  throw new RangeError(
    `${NAME}: modules.json names the module ${show(type)}, which is not supported`,
  );
}

/** Names that sentence-transformers has had for a transformer's settings. */
export const SETTINGS: readonly string[] = [
  'bert',
  'roberta',
  'distilbert',
  'camembert',
  'albert',
  'xlm-roberta',
  'xlnet',
];

function readSentenceConfig(folder: Folder, at: string): ConfigReader {
  for (const kind of SETTINGS) {
    const file = pathOf(at, `sentence_${kind}_config.json`);
    const json = readOptionalJson(folder, file);
    if (json !== undefined) return new ConfigReader(folder.name, file, json);
  }
  return new ConfigReader(folder.name, pathOf(at, 'sentence_bert_config.json'), {});
}

/** The `tokenizer.json` of a folder, or one made of a `vocab.txt`. */
function readTokenizerJson(folder: Folder, at: string, config: Json): Json {
  const { name, files } = folder;
  const file = pathOf(at, 'tokenizer.json');
  if (files.has(file)) return readJson(name, files, file);
  const vocabulary = pathOf(at, 'vocab.txt');
  if (!files.has(vocabulary)) throw new RangeError(`${name}: files must hold ${file}`);
  const tokens = readText(name, files, vocabulary)
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  const ids = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const text = (key: string, fallback: string): string => {
    const token = config[key] ?? fallback;
    return typeof token === 'string' ? token : String((token as { content?: unknown }).content);
  };
  const [cls, sep] = [text('cls_token', '[CLS]'), text('sep_token', '[SEP]')];
  const unknown = text('unk_token', '[UNK]');
  const special = [text('pad_token', '[PAD]'), unknown, cls, sep, text('mask_token', '[MASK]')];
  for (const token of [unknown, cls, sep]) {
    if (!Object.hasOwn(ids, token)) rangeError(name, vocabulary, `with ${token}`, 'none');
  }
  const lowercase = config.do_lower_case !== false;
  return {
    added_tokens: special.flatMap((content) => {
      const id = Object.hasOwn(ids, content) ? ids[content] : undefined;
      return id === undefined ? [] : [{ id, content, special: true, normalized: false }];
    }),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars !== false,
      strip_accents: config.strip_accents ?? null,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: [sep, ids[sep]], cls: [cls, ids[cls]] },
    model: { type: 'WordPiece', unk_token: unknown, vocab: ids },
  };
}

/** Checks that the numbers of tokens are those from 0 on, each once, and that all have a row. */
function checkVocabulary(
  folder: Folder,
  tokenizer: PipelineTokenizer,
  rows: number,
  file: string,
): void {
  const { name } = folder;
  const names = new Array<string | undefined>(Math.min(tokenizer.size, rows)).fill(undefined);
  if (tokenizer.size > rows) {
    throw new RangeError(
      `${name}: tokenizer.json must have at most the ${rows} tokens of ${file}, got ${tokenizer.size}`,
    );
  }
  tokenizer.forEachToken((token, id) => {
    const other = names[id];
    if (other !== undefined && other !== token) {
      throw new RangeError(
        `${name}: tokenizer.json must give each token a number of its own, got ${id} for ${show(other)} and ${show(token)}`,
      );
    }
    names[id] = token;
  });
  const hole = names.indexOf(undefined);
  // The list of a Unigram model may name a token twice; then the first has its number.
  if (hole >= 0 && !Array.isArray((tokenizer.json.model as Json).vocab)) {
    throw new RangeError(
      `${name}: tokenizer.json must have a token for each number below ${tokenizer.size}, got none for ${hole}`,
    );
  }
}

function truncationSide(folder: Folder, at: string, config: Json): 'first' | 'last' {
  const reader = new ConfigReader(folder.name, pathOf(at, 'tokenizer_config.json'), config);
  return reader.choice('truncation_side', ['right', 'left'], 'right') === 'left' ? 'last' : 'first';
}

/** Numbers past which a limit of tokens means that there is none. */
const NO_LIMIT = 2 ** 31 - 1;

/** A limit of tokens in a field, if there is one. */
function readLimit(reader: ConfigReader, key: string): number | undefined {
  const value = reader.json[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && value > NO_LIMIT) return undefined;
  return reader.int(key, undefined, 1, NO_LIMIT);
}

const NORMALIZE: RowModule = { type: 'Normalize' };

interface Loaded {
  network: SentenceNetwork;
  tokens: SentenceTokens;
  width: number;
  /** Folder of the network's and the tokenizer's files. */
  at: string;
}

function loadTransformer(
  folder: Folder,
  at: string,
  memory: WeightMemory,
  precision: Precision | undefined,
  adapter: LoraAdapter | undefined,
): Omit<Loaded, 'network'> & { encoder: TransformerEncoder } {
  const { name, files } = folder;
  const config = readJson(name, files, pathOf(at, 'config.json'));
  const settings = readSentenceConfig(folder, at);
  settings.only('module_output_name', 'token_embeddings');
  settings.only('transformer_task', 'feature-extraction');
  const tokenizerFile = pathOf(at, 'tokenizer_config.json');
  const tokenizerConfig = readOptionalJson(folder, tokenizerFile) ?? {};
  const json = readTokenizerJson(folder, at, tokenizerConfig);
  const tokenizer = new PipelineTokenizer(name, json, settings.flag('do_lower_case', false));
  const encoder = new TransformerEncoder(folder, at, memory, config, precision, adapter);
  for (const [layer, { base }] of adapter?.layers ?? []) {
    if (base === undefined) {
      rangeError(name, ADAPTER_MODEL, 'for layers that the encoder has', layer);
    }
  }
  checkVocabulary(folder, tokenizer, encoder.words.rows, pathOf(at, 'config.json'));
  const { frame } = tokenizer;
  const limit =
    readLimit(settings, 'max_seq_length') ??
    readLimit(new ConfigReader(name, tokenizerFile, tokenizerConfig), 'model_max_length') ??
    encoder.maxTokens;
  const maxTokens = Math.min(limit, encoder.maxTokens);
  const needed = frame.prefix.length + frame.suffix.length;
  if (maxTokens < needed) {
    rangeError(name, "the folder's max_seq_length", `at least ${needed}`, maxTokens);
  }
  const rules: TokenRules = {
    framed: true,
    maxTokens,
    keeps: truncationSide(folder, at, tokenizerConfig),
    dropsUnknown: false,
    maxCharacters: undefined,
  };
  const tokens = new SentenceTokens(tokenizer, rules);
  return { encoder, tokens, width: encoder.config.width, at };
}

function loadStatic(folder: Folder, at: string, memory: WeightMemory): Loaded {
  const { name, files } = folder;
  const encoder = StaticEncoder.read(folder, at, memory);
  const file = pathOf(at, 'tokenizer.json');
  const json = readJson(name, files, file);
  const tokenizer = new PipelineTokenizer(name, json);
  checkVocabulary(folder, tokenizer, encoder.tokens, pathOf(at, 'model.safetensors'));
  const { model2vec } = encoder;
  if (model2vec !== undefined && tokenizer.size < encoder.tokens) {
    throw new RangeError(
      `${name}: ${pathOf(at, 'tokenizer.json')} must have the ${encoder.tokens} tokens of model.safetensors, got ${tokenizer.size}`,
    );
  }
  // sentence-transformers keeps the limit of tokenizer.json here, where it has one.
  const { truncation } = json;
  const reader = new ConfigReader(name, file, (truncation ?? {}) as Json);
  const maxTokens = model2vec === undefined ? readLimit(reader, 'max_length') : model2vec.maxLength;
  const left = model2vec === undefined && reader.json.direction === 'Left';
  const rules: TokenRules = {
    framed: false,
    maxTokens,
    keeps: left ? 'last' : 'first',
    dropsUnknown: model2vec !== undefined,
    maxCharacters:
      model2vec === undefined || maxTokens === undefined
        ? undefined
        : maxTokens * medianTokenLength(tokenizer),
  };
  const tokens = new SentenceTokens(tokenizer, rules);
  return { network: { kind: 'static', encoder }, tokens, width: encoder.width, at };
}

function readSettings(folder: Folder): SentenceSettings {
  const file = 'config_sentence_transformers.json';
  const config = new ConfigReader(folder.name, file, readOptionalJson(folder, file) ?? {});
  const { prompts: given, default_prompt_name: promptName } = config.json;
  config.only('model_type', 'SentenceTransformer');
  if (
    given !== undefined &&
    given !== null &&
    (typeof given !== 'object' || Array.isArray(given))
  ) {
    rangeError(folder.name, `${file}'s prompts`, 'an object of texts', given);
  }
  const prompts: Record<string, string> = Object.create(null);
  for (const [key, text] of Object.entries((given ?? {}) as Record<string, unknown>)) {
    if (text === null) continue;
    if (typeof text !== 'string')
      rangeError(folder.name, `${file}'s prompt ${show(key)}`, 'a string', text);
    prompts[key] = text;
  }
  const named =
    promptName === undefined || promptName === null
      ? undefined
      : config.text('default_prompt_name');
  if (named !== undefined && !Object.hasOwn(prompts, named)) {
    rangeError(folder.name, `${file}'s default_prompt_name`, 'one of its prompts', named);
  }
  return {
    prompts: { ...prompts },
    defaultPromptName: named,
    similarity: config.choice('similarity_fn_name', SIMILARITIES, 'cosine'),
  };
}

/** Files of a tokenizer, which are written again as they were read. */
const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'sentencepiece.bpe.model',
];

function keptFiles({ files }: Folder, at: string): Map<string, Uint8Array> {
  const kept = new Map<string, Uint8Array>();
  for (const file of TOKENIZER_FILES) {
    const bytes = files.get(pathOf(at, file));
    if (bytes !== undefined) kept.set(file, bytes);
  }
  return kept;
}

/** File of a module that only modules.json puts in its place. */
const MODULE_FILE = /^\d+_(?:Pooling|Dense|LayerNorm|Normalize|StaticEmbedding|Transformer)\//;

/** Folder whose files say themselves what they are of, without modules.json. */
export function guessModules(folder: Folder): ModuleEntry[] {
  const module = [...folder.files.keys()].find((path) => MODULE_FILE.test(path));
  if (module !== undefined) {
    throw new RangeError(
      `${folder.name}: files must hold modules.json, which says what ${module} is for`,
    );
  }
  const config = readJson(folder.name, folder.files, 'config.json');
  const { model_type: kind } = config;
  const isTransformer = typeof kind === 'string' && Object.hasOwn(ARCHITECTURES, kind);
  if (isTransformer) return [{ type: 'Transformer', path: '' }];
  if (kind === undefined || kind === 'model2vec') return [{ type: 'StaticEmbedding', path: '' }];
  const known = [...Object.keys(ARCHITECTURES), 'model2vec'].join(', ');
  rangeError(folder.name, "config.json's model_type", `one of ${known}`, kind);
}

function load(
  folder: Folder,
  memory: WeightMemory,
  precision: Precision | undefined,
  adapter: LoraAdapter | undefined,
): SentenceEncoder {
  const { name } = folder;
  const settings = readSettings(folder);
  const entries = readModules(folder) ?? guessModules(folder);
  const [first, ...more] = entries as [ModuleEntry, ...ModuleEntry[]];
  let rowModules = more;
  let loaded: Loaded;
  if (first.type === 'Transformer') {
    const { encoder, ...others } = loadTransformer(folder, first.path, memory, precision, adapter);
    let pooling = MEAN_POOLING;
    if (folder.files.has('modules.json')) {
      const [second, ...behind] = more;
      if (second?.type !== 'Pooling') {
        rangeError(
          name,
          'modules.json',
          'with Pooling behind Transformer',
          second?.type ?? 'nothing',
        );
      }
      pooling = readPooling(folder, second.path, others.width);
      rowModules = behind;
    }
    const width = others.width * pooling.modes.length;
    loaded = { ...others, network: { kind: 'bert', encoder, pooling }, width };
  } else if (first.type === 'StaticEmbedding') {
    if (adapter !== undefined) rangeError(name, 'adapter', 'left out for a static encoder', 'one');
    loaded = loadStatic(folder, first.path, memory);
  } else if (['Pooling', 'Dense', 'LayerNorm', 'Normalize', 'Dropout'].includes(first.type)) {
    rangeError(name, 'modules.json', 'with Transformer or StaticEmbedding first', first.type);
  } else {
    refuseModule(first.type);
  }
  const modules: RowModule[] = [];
  let { width } = loaded;
  for (const { type, path } of rowModules) {
    // It drops numbers in Python's training alone.
    if (type === 'Dropout') continue;
    if (['Transformer', 'StaticEmbedding', 'Pooling'].includes(type)) {
      rangeError(name, 'modules.json', 'with one network and one pooling, before all else', type);
    }
    const module = readRowModule(folder, type, path, width, memory) ?? refuseModule(type);
    modules.push(module);
    width = outputWidth(module, width);
  }
  const { network, tokens, at } = loaded;
  // model2vec reads this from config.json alone.
  const model2vec = network.kind === 'static' ? network.encoder.model2vec : undefined;
  if (model2vec !== undefined && modules.every(({ type }) => type === 'Normalize')) {
    modules.splice(0, modules.length, ...(model2vec.normalize ? [NORMALIZE] : []));
  }
  return new BaseSentenceEncoder({
    ...{ network, tokens, modules, settings, memory, origin: 'loaded' },
    files: keptFiles(folder, at),
    adapter,
  });
}

/**
 * Reads a sentence encoder from the files of its folder.
 *
 * Folders of sentence-transformers 2 to 6 (BERT, RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT and
 * MPNet, every pooling, Dense, LayerNorm, Normalize, Dropout, StaticEmbedding), of model2vec, and of one of
 * these transformers alone, which gets a mean over its tokens.
 *
 * @param files bytes by path: `config.json`, `1_Pooling/config.json`, …
 * @param options precision, adapter
 * @returns the encoder; `dispose()` frees its weights at once
 * @throws {RangeError} if a file is missing, not valid or of a kind that is not supported; nothing
 * stays in memory
 * @see https://sbert.net
 * @example
 * const encoder = loadSentenceEncoder(files);
 * const rows = encoder.encode(['How do I reset my password?', 'Forgot my login']);
 */
export function loadSentenceEncoder(files: Files, options?: LoadSentenceOptions): SentenceEncoder {
  const reader = readOptions(NAME, options);
  const precision = reader.optional('precision', oneOf(PRECISIONS));
  const adapterFiles = reader.optional('adapter', (name, _, value) => checkFiles(name, value));
  reader.done();
  const folder = { name: NAME, files: checkFiles(NAME, files) };
  const adapter = adapterFiles && readAdapter(NAME, adapterFiles);
  const memory = new WeightMemory();
  try {
    return load(folder, memory, precision, adapter);
  } catch (error) {
    memory.dispose();
    throw error;
  }
}
