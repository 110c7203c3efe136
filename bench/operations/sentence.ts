/**
 * Sentence encoders: a network with everything that kinds of them have (relative positions, all
 * poolings, Dense, LayerNorm), and a static one whose table is f32. Folders are put together here
 * from seeded numbers.
 */

import type { Files } from '../../src/models/index.js';
import * as nd from './nn-reference.js';
import { type Api, type Numbers, normal, type Operation, operation } from './operation.js';

const WIDTH = 8;
const HEADS = 2;
const HIDDEN = 12;
const POSITIONS = 40;
const BUCKETS = 32;
const OUTPUTS = 10;
const MODES = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'];
const LETTERS = [...'abcdefgh'];
/** Numbers of tokens: these, then the letters. */
const [PAD, CLS, SEP] = [1, 0, 2];
const FIRST_LETTER = 4;
const VOCABULARY = FIRST_LETTER + LETTERS.length;

/** Texts of n and fewer letters. */
function textsOf(n: number): number[][] {
  return Array.from({ length: 4 }, (_, i) =>
    Array.from({ length: Math.max(0, n - 3 * i) }, (_, k) => (k * k + 3 * i) % LETTERS.length),
  );
}

const write = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** An array of whole numbers of one byte. */
interface ByteArray {
  shape: readonly number[];
  dtype: 'I8' | 'U8';
  bytes: Uint8Array;
}

/** Arrays as a safetensors file, f32 or bytes. */
function safetensors(arrays: ReadonlyMap<string, nd.Nd | ByteArray>): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const [name, array] of arrays) {
    const floats = (data: ArrayLike<number>) => new Uint8Array(Float32Array.from(data).buffer);
    const bytes = 'bytes' in array ? array.bytes : floats(array.data);
    const dtype = 'bytes' in array ? array.dtype : 'F32';
    const { shape } = array;
    header[name] = { dtype, shape, data_offsets: [length, length + bytes.length] };
    length += bytes.length;
    parts.push(bytes);
  }
  const json = write(header);
  const file = new Uint8Array(8 + json.length + length);
  new DataView(file.buffer).setUint32(0, json.length, true);
  file.set(json, 8);
  let at = 8 + json.length;
  for (const bytes of parts) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

const TOKENIZER = write({
  added_tokens: ['<s>', '<pad>', '</s>', '[UNK]'].map((content, id) => ({
    ...{ id, content, special: true, normalized: false },
  })),
  normalizer: { type: 'BertNormalizer', lowercase: true },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: { type: 'RobertaProcessing', sep: ['</s>', SEP], cls: ['<s>', CLS] },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    vocab: Object.fromEntries(
      ['<s>', '<pad>', '</s>', '[UNK]', ...LETTERS].map((token, id) => [token, id]),
    ),
  },
});

/** Names and shapes of the network's weights. */
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  'embeddings.word_embeddings.weight': [VOCABULARY, WIDTH],
  'embeddings.position_embeddings.weight': [POSITIONS, WIDTH],
  'embeddings.LayerNorm.weight': [WIDTH],
  'embeddings.LayerNorm.bias': [WIDTH],
  'encoder.relative_attention_bias.weight': [BUCKETS, HEADS],
  ...Object.fromEntries(
    ['q', 'k', 'v', 'o'].flatMap((part) => [
      [`encoder.layer.0.attention.attn.${part}.weight`, [WIDTH, WIDTH]],
      [`encoder.layer.0.attention.attn.${part}.bias`, [WIDTH]],
    ]),
  ),
  'encoder.layer.0.attention.LayerNorm.weight': [WIDTH],
  'encoder.layer.0.attention.LayerNorm.bias': [WIDTH],
  'encoder.layer.0.intermediate.dense.weight': [HIDDEN, WIDTH],
  'encoder.layer.0.intermediate.dense.bias': [HIDDEN],
  'encoder.layer.0.output.dense.weight': [WIDTH, HIDDEN],
  'encoder.layer.0.output.dense.bias': [WIDTH],
  'encoder.layer.0.output.LayerNorm.weight': [WIDTH],
  'encoder.layer.0.output.LayerNorm.bias': [WIDTH],
};
const HEAD_SHAPES: Readonly<Record<string, readonly number[]>> = {
  'linear.weight': [OUTPUTS, MODES.length * WIDTH],
  'linear.bias': [OUTPUTS],
};
const SIZE = [SHAPES, HEAD_SHAPES]
  .flatMap((shapes) => Object.values(shapes))
  .reduce((sum, shape) => sum + nd.sizeOf(shape), 0);

/** Cuts seeded numbers into the arrays of a file. */
function cut(
  { data }: Numbers,
  start: number,
  shapes: Readonly<Record<string, readonly number[]>>,
): Map<string, nd.Nd> {
  let at = start;
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const numbers = Float64Array.from(data.subarray(at, at + nd.sizeOf(shape)));
      at += numbers.length;
      return [name, { shape, data: numbers }];
    }),
  );
}

function weightsOf(weights: Numbers): { network: Map<string, nd.Nd>; head: Map<string, nd.Nd> } {
  const network = cut(weights, 0, SHAPES);
  const used = [...network.values()].reduce((sum, { data }) => sum + data.length, 0);
  return { network, head: cut(weights, used, HEAD_SHAPES) };
}

function module(path: string, type: string): Record<string, unknown> {
  return { path, type: `sentence_transformers.models.${type}` };
}

function folderOf(weights: Numbers): Files {
  const { network, head } = weightsOf(weights);
  const config = {
    model_type: 'mpnet',
    ...{ vocab_size: VOCABULARY, hidden_size: WIDTH, num_hidden_layers: 1 },
    ...{ num_attention_heads: HEADS, intermediate_size: HIDDEN },
    ...{ max_position_embeddings: POSITIONS, layer_norm_eps: 1e-5 },
  };
  const dense = {
    in_features: MODES.length * WIDTH,
    out_features: OUTPUTS,
    activation_function: 'torch.nn.modules.activation.SiLU',
  };
  return new Map([
    ['config.json', write(config)],
    ['model.safetensors', safetensors(network)],
    ['tokenizer.json', TOKENIZER],
    [
      'modules.json',
      write([
        module('', 'Transformer'),
        module('1_Pooling', 'Pooling'),
        module('2_Dense', 'Dense'),
        module('3_Normalize', 'Normalize'),
      ]),
    ],
    ['1_Pooling/config.json', write({ embedding_dimension: WIDTH, pooling_mode: MODES })],
    ['2_Dense/config.json', write(dense)],
    ['2_Dense/model.safetensors', safetensors(head)],
    ['config_sentence_transformers.json', write({ similarity_fn_name: 'manhattan' })],
  ]);
}

/** Bucket of a distance, by the formula of T5. */
function bucket(distance: number): number {
  const size = Math.abs(distance);
  const far = 8 + Math.floor((Math.log(size / 8) / Math.log(16)) * 8 + 1e-6);
  return (distance > 0 ? 16 : 0) + (size < 8 ? size : Math.min(15, far));
}

/** Pools hidden states in every way. */
function pool(rows: number[][]): number[] {
  const columns = Array.from({ length: WIDTH }, (_, c) => rows.map((row) => row[c] as number));
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const n = rows.length;
  const weights = (n * (n + 1)) / 2;
  return [
    ...(rows[0] as number[]),
    ...columns.map((column) => Math.max(...column)),
    ...columns.map((column) => sum(column) / n),
    ...columns.map((column) => sum(column) / Math.sqrt(n)),
    ...columns.map((column) => sum(column.map((value, t) => value * (t + 1))) / weights),
    ...(rows[n - 1] as number[]),
  ];
}

/** Hidden states of one text, by plain loops. */
function hiddenStates(network: Map<string, nd.Nd>, ids: number[]): number[][] {
  const get = (name: string): nd.Nd => network.get(name) as nd.Nd;
  const row = (name: string, r: number): number[] => {
    const { data } = get(name);
    return Array.from({ length: WIDTH }, (_, c) => data[r * WIDTH + c] as number);
  };
  const asNd = (rows: number[][]): nd.Nd => ({
    shape: [rows.length, (rows[0] as number[]).length],
    data: Float64Array.from(rows.flat()),
  });
  const linear = (x: nd.Nd, name: string): nd.Nd =>
    nd.linear(x, get(`${name}.weight`), get(`${name}.bias`));
  const norm = (x: nd.Nd, name: string): nd.Nd =>
    nd.layerNorm(x, get(`${name}.weight`), get(`${name}.bias`), 1e-5);
  const embedded = ids.map((id, t) => {
    const position = row('embeddings.position_embeddings.weight', PAD + 1 + t);
    return row('embeddings.word_embeddings.weight', id).map((x, c) => x + (position[c] as number));
  });
  let x = norm(asNd(embedded), 'embeddings.LayerNorm');
  const layer = 'encoder.layer.0';
  const [q, k, v] = ['q', 'k', 'v'].map((part) => linear(x, `${layer}.attention.attn.${part}`)) as [
    nd.Nd,
    nd.Nd,
    nd.Nd,
  ];
  const size = WIDTH / HEADS;
  const bias = get('encoder.relative_attention_bias.weight');
  const attended = nd.build([ids.length, WIDTH], ([t = 0, c = 0]) => {
    const head = Math.floor(c / size);
    const scores = ids.map((_, s) => {
      let score = 0;
      for (let i = 0; i < size; i++) {
        score += nd.at(q, [t, head * size + i]) * nd.at(k, [s, head * size + i]);
      }
      return score / Math.sqrt(size) + nd.at(bias, [bucket(s - t), head]);
    });
    const exponentials = scores.map((score) => Math.exp(score - Math.max(...scores)));
    const total = exponentials.reduce((sum, e) => sum + e, 0);
    return exponentials.reduce((sum, e, s) => sum + (e / total) * nd.at(v, [s, c]), 0);
  });
  x = norm(
    nd.add(x, linear(attended, `${layer}.attention.attn.o`)),
    `${layer}.attention.LayerNorm`,
  );
  const up = nd.map(linear(x, `${layer}.intermediate.dense`), nd.gelu);
  x = norm(nd.add(x, linear(up, `${layer}.output.dense`)), `${layer}.output.LayerNorm`);
  return ids.map((_, t) => Array.from({ length: WIDTH }, (_, c) => nd.at(x, [t, c])));
}

const words = (letters: number[]): string => letters.map((letter) => LETTERS[letter]).join(' ');

/** Rows of texts of a folder, and how far the first is from all. */
function encode(
  api: Api,
  files: Files,
  texts: number[][],
  precision: 'float32' | 'int8' = 'float32',
): Record<string, Float32Array> {
  const encoder = api.models.loadSentenceEncoder(files, { precision });
  const rows = encoder.encode(texts.map(words));
  const first = rows.data.slice(0, rows.cols);
  const similarity = encoder.similarity(first, rows).data;
  encoder.dispose();
  return { rows: rows.data, similarity };
}

/** Minus the Manhattan distance of the first row to all. */
function distances(rows: readonly number[][]): number[] {
  const [first = []] = rows;
  return rows.map((row) => -row.reduce((sum, x, c) => sum + Math.abs(x - (first[c] as number)), 0));
}

const unit = (row: number[]): number[] => row.map((x) => x / Math.hypot(...row));

const network = (precision: 'float32' | 'int8', rtol: number): Operation =>
  operation({
    name: `models.SentenceEncoder of MPNet, ${precision}`,
    rtol,
    sizes: [{ N: 1 }, { N: 9 }, { N: 27 }],
    large: [],
    inputs: ({ N = 1 }, random) => ({
      weights: normal(random, 1, SIZE, 0.5),
      letters: { data: Float32Array.of(N), rows: 1, cols: 1, constant: true as const },
    }),
    run: (api, { weights, letters }) =>
      encode(api, folderOf(weights), textsOf(letters.data[0] as number), precision),
    reference: ({ weights, letters }) => {
      const { network, head } = weightsOf(weights);
      const rows = textsOf(letters.data[0] as number).map((text) => {
        const ids = [CLS, ...text.map((letter) => FIRST_LETTER + letter), SEP];
        const pooled = pool(hiddenStates(network, ids));
        const x = { shape: [1, pooled.length], data: Float64Array.from(pooled) };
        const y = nd.linear(x, head.get('linear.weight') as nd.Nd, head.get('linear.bias'));
        return unit(Array.from(y.data, (value) => value * nd.sigmoid(value)));
      });
      return { rows: rows.flat(), similarity: distances(rows) };
    },
  });

const TABLE_WIDTH = 11;
const staticTable = operation({
  name: 'models.SentenceEncoder of model2vec',
  sizes: [{ N: 1 }, { N: 40 }],
  large: [],
  inputs: ({ N = 1 }, random) => ({
    letters: { data: Float32Array.of(N), rows: 1, cols: 1, constant: true as const },
    table: normal(random, VOCABULARY, TABLE_WIDTH),
    weights: normal(random, 1, VOCABULARY),
  }),
  run: (api, { table, weights, letters }) => {
    const arrays = new Map<string, nd.Nd>([
      ['embeddings', { shape: [VOCABULARY, TABLE_WIDTH], data: Float64Array.from(table.data) }],
      ['weights', { shape: [VOCABULARY], data: Float64Array.from(weights.data) }],
    ]);
    const files: Files = new Map([
      ['config.json', write({ model_type: 'model2vec', normalize: false })],
      ['model.safetensors', safetensors(arrays)],
      ['tokenizer.json', TOKENIZER],
      ['config_sentence_transformers.json', write({ similarity_fn_name: 'manhattan' })],
    ]);
    return encode(api, files, textsOf(letters.data[0] as number));
  },
  reference: ({ table, weights, letters }) => {
    const rows = textsOf(letters.data[0] as number).map((text) =>
      Array.from({ length: TABLE_WIDTH }, (_, c) => {
        const terms = text.map((letter) => {
          const id = FIRST_LETTER + letter;
          return (table.data[id * TABLE_WIDTH + c] as number) * (weights.data[id] as number);
        });
        return terms.reduce((sum, term) => sum + term, 0) / Math.max(1, text.length);
      }),
    );
    return { rows: rows.flat(), similarity: distances(rows) };
  },
});

/** Levels of a table of 4 bits by their codes. */
const LEVELS = [-127, -96, -75, -58, -44, -31, -18, -6, 6, 18, 31, 44, 58, 75, 96, 127];

/** A whole number of `range` from a seeded one. */
const whole = (value: number, range: number): number => Math.floor(Math.abs(value) * 1000) % range;

/** Means of rows of whole numbers: 8 bits without weights, or 4 bits with scales and weights. */
const narrowTable = (bits: 8 | 4): Operation =>
  operation({
    name: `models.SentenceEncoder of model2vec, int${bits}`,
    // Past 255 tokens, sums of 8 bits are no longer of integers.
    sizes: [
      { N: 1, C: 1 },
      { N: 7, C: 11 },
      { N: 40, C: 35 },
      { N: 300, C: 85 },
    ],
    large: [],
    inputs: ({ N = 1, C = 1 }, random) => ({
      letters: { data: Float32Array.of(N), rows: 1, cols: 1, constant: true as const },
      table: normal(random, VOCABULARY, C),
      rowScales: normal(random, 1, VOCABULARY),
      columnScales: normal(random, 1, C),
      weights: normal(random, 1, VOCABULARY),
    }),
    run: (api, { table, rowScales, columnScales, weights, letters }) => {
      const { rows, cols, data } = table;
      const floats = ({ data: numbers }: Numbers): nd.Nd => {
        return { shape: [numbers.length], data: Float64Array.from(numbers) };
      };
      const stride = Math.ceil(cols / 2);
      const codes = new Uint8Array(rows * stride);
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < cols; c++) {
          const at = r * stride + (c >> 1);
          codes[at] = (codes[at] ?? 0) | (whole(data[r * cols + c] ?? 0, 16) << (4 * (c & 1)));
        }
      }
      const narrow: [string, nd.Nd | ByteArray][] = [
        ['embeddings.int4', { shape: [rows, stride], dtype: 'U8', bytes: codes }],
        ['embeddings.int4.row_scales', floats(rowScales)],
        ['embeddings.int4.column_scales', floats(columnScales)],
        ['weights', floats(weights)],
      ];
      const bytes = Uint8Array.from(data, (value) => whole(value, 256) - 128);
      const arrays = new Map<string, nd.Nd | ByteArray>(
        bits === 4 ? narrow : [['embeddings', { shape: [rows, cols], dtype: 'I8', bytes }]],
      );
      const files: Files = new Map([
        ['config.json', write({ normalize: false, max_length: null })],
        ['model.safetensors', safetensors(arrays)],
        ['tokenizer.json', TOKENIZER],
        ['config_sentence_transformers.json', write({ similarity_fn_name: 'manhattan' })],
      ]);
      return encode(api, files, textsOf(letters.data[0] as number));
    },
    reference: ({ table, rowScales, columnScales, weights, letters }) => {
      const { cols, data } = table;
      const number = (id: number, c: number): number => {
        const value = data[id * cols + c] as number;
        if (bits === 8) return whole(value, 256) - 128;
        const scale = (rowScales.data[id] as number) * (weights.data[id] as number);
        return (LEVELS[whole(value, 16)] as number) * scale * (columnScales.data[c] as number);
      };
      const rows = textsOf(letters.data[0] as number).map((text) =>
        Array.from({ length: cols }, (_, c) => {
          const terms = text.map((letter) => number(FIRST_LETTER + letter, c));
          return terms.reduce((sum, term) => sum + term, 0) / Math.max(1, text.length);
        }),
      );
      return { rows: rows.flat(), similarity: distances(rows) };
    },
  });

export const sentence: readonly Operation[] = [
  network('float32', 2e-6),
  network('int8', 5e-3),
  staticTable,
  narrowTable(8),
  narrowTable(4),
];
