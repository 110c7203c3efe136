/** Sentence encoders saved in few bits: what stays of their rows, and folders that are damaged. */

import { cosineSimilarity, type Matrix } from 'nearfar';
import { type Files, loadSentenceEncoder, saveSentenceEncoder } from 'nearfar/models';
import { bytesInUse } from 'nearfar/nn';
import {
  openSafetensors,
  type RawArray,
  toFloat32,
  writeRawSafetensors,
} from '../../src/core/safetensors.js';
import { check, close, same, suite, throws } from '../harness.js';
import { fixtureFolder, sharedModel, withFiles } from './sentence-folders.js';

const test = suite('sentence encoder in few bits');

/** Levels of 4 bits by their codes. */
const LEVELS = [-127, -96, -75, -58, -44, -31, -18, -6, 6, 18, 31, 44, 58, 75, 96, 127];

const arraysOf = (files: Files, path = 'model.safetensors'): Map<string, RawArray> =>
  openSafetensors('test', files.get(path) as Uint8Array).arrays;

function floatsOf(arrays: Map<string, RawArray>, name: string): number[] {
  const { dtype, bytes } = arrays.get(name) as RawArray;
  return [...toFloat32(name, dtype, bytes)];
}

/** A folder whose weights are changed. */
function withArrays(
  files: Files,
  change: (arrays: Map<string, RawArray>) => void,
  path = 'model.safetensors',
): Files {
  const arrays = arraysOf(files, path);
  change(arrays);
  return withFiles(files, { [path]: writeRawSafetensors(arrays, {}) });
}

const floats = (numbers: number[]): RawArray => {
  const { buffer } = Float32Array.from(numbers);
  return { dtype: 'F32', shape: [numbers.length], bytes: new Uint8Array(buffer) };
};

const STATIC = [
  ...['static-v5', 'static-v6', 'model2vec-f32', 'model2vec-f16', 'model2vec-int8'],
  ...['model2vec-quantized', 'model2vec-weights', 'model2vec-unigram'],
];
const TEXTS = ['near', 'Near the far', 'what is near is pulled together', 'near far '.repeat(9)];

test('4 bits keep the direction of rows, and are written again as they were read', () => {
  for (const name of STATIC) {
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    const saved = saveSentenceEncoder(encoder, { dtype: 'int4' });
    const again = loadSentenceEncoder(saved);
    const [rows, expected] = [again.encode(TEXTS), encoder.encode(TEXTS)];
    const { cols } = rows;
    TEXTS.forEach((text, i) => {
      const [row, other] = [rows, expected].map(({ data }) =>
        data.subarray(i * cols, (i + 1) * cols),
      ) as [Float32Array, Float32Array];
      const cosine = cosineSimilarity(row, other);
      check(cosine > 0.96, `${name}, ${text}: a cosine of ${cosine}`);
      same([...again.encode(text).data], [...row], `${name}, ${text}: alone`);
    });
    const twice = saveSentenceEncoder(again, { dtype: 'int4' });
    for (const [path, bytes] of saved) {
      check(Buffer.compare(twice.get(path) as Uint8Array, bytes) === 0, `${name}: ${path}`);
    }
    // As whole numbers: the same rows, up to rounding.
    const whole = loadSentenceEncoder(saveSentenceEncoder(again));
    close(whole.encode(TEXTS).data, rows.data, { atol: 1e-6, what: name });
    for (const each of [encoder, again, whole]) each.dispose();
  }
});

test('4 bits are the nearest of 16 levels, at the scale with the least error', () => {
  const folder = fixtureFolder('model2vec-f32');
  const encoder = loadSentenceEncoder(folder);
  const original = floatsOf(arraysOf(folder), 'embeddings');
  const saved = saveSentenceEncoder(encoder, { dtype: 'int4' });
  encoder.dispose();
  const arrays = arraysOf(saved);
  const { shape, bytes } = arrays.get('embeddings.int4') as RawArray;
  const columns = floatsOf(arrays, 'embeddings.int4.column_scales');
  const scales = floatsOf(arrays, 'embeddings.int4.row_scales');
  const cols = columns.length;
  same(shape, [scales.length, cols / 2]);
  const rms = columns.map((_, c) => {
    const squares = scales.reduce((sum, _, r) => sum + (original[r * cols + c] as number) ** 2, 0);
    return Math.sqrt(squares / scales.length);
  });
  close(columns, rms, { atol: 1e-6, what: 'scales of columns' });
  scales.forEach((scale, r) => {
    let [product, square] = [0, 0];
    columns.forEach((column, c) => {
      const value = (original[r * cols + c] as number) / column;
      const code = ((bytes[(r * cols + c) >> 1] as number) >> (4 * (c % 2))) & 15;
      const level = LEVELS[code] as number;
      const nearest = Math.min(...LEVELS.map((each) => Math.abs(each * scale - value)));
      const error = Math.abs(level * scale - value);
      check(error <= nearest + 1e-6 * Math.abs(value), `row ${r}, column ${c}: ${error}`);
      product += level * value;
      square += level * level;
    });
    close([scale], [product / square], { atol: 1e-6, what: `scale of row ${r}` });
  });
});

test('rows of zeros and single columns fit 4 bits', () => {
  const folder = withArrays(fixtureFolder('model2vec-f32'), (arrays) => {
    const numbers = Array.from({ length: 100 }, (_, i) => (i < 50 ? 0 : i - 75));
    arrays.set('embeddings', { ...floats(numbers), shape: [100, 1] });
  });
  const encoder = loadSentenceEncoder(folder);
  const again = loadSentenceEncoder(saveSentenceEncoder(encoder, { dtype: 'int4' }));
  close(again.encode(TEXTS).data, [...encoder.encode(TEXTS).data], { atol: 1e-6 });
  encoder.dispose();
  again.dispose();
});

test('damaged tables of 4 bits are refused by the name of the array', () => {
  const encoder = loadSentenceEncoder(fixtureFolder('model2vec-f32'));
  const saved = saveSentenceEncoder(encoder, { dtype: 'int4' });
  encoder.dispose();
  const before = bytesInUse();
  const key = 'embeddings.int4';
  const cases: [change: (arrays: Map<string, RawArray>) => void, message: RegExp][] = [
    [(a) => a.delete(`${key}.row_scales`), /must hold embeddings\.int4\.row_scales/],
    [(a) => a.delete(`${key}.column_scales`), /must hold embeddings\.int4\.column_scales/],
    [(a) => a.set(`${key}.row_scales`, floats([1, 2])), /row_scales must be of shape \[100\]/],
    [(a) => a.set(`${key}.column_scales`, floats([1])), /int4 must be of shape \[any, 1\]/],
    [
      (a) => a.set(`${key}.column_scales`, floats(Array(24).fill(Number.NaN))),
      /column_scales must be finite, got NaN/,
    ],
    [
      (a) => a.set(key, { ...(a.get(key) as RawArray), dtype: 'I8' }),
      /int4 must be of type U8, got "I8"/,
    ],
    [
      (a) => {
        const { shape, bytes } = a.get(key) as RawArray;
        a.set(key, { dtype: 'U8', shape: [99, 12], bytes: bytes.subarray(0, 99 * 12) });
        a.set(`${key}.row_scales`, floats(Array(99).fill(1)));
        same(shape, [100, 12]);
      },
      /tokenizer\.json must have at most the 99 tokens/,
    ],
  ];
  for (const [change, message] of cases) {
    throws(() => loadSentenceEncoder(withArrays(saved, change)), RangeError, message);
  }
  same(bytesInUse(), before);
});

const TRANSFORMERS = ['bert-v2', 'bert-v6', 'roberta-v6', 'mpnet-v6', 'distilbert-v5'];

/** Cosine of each row with that of another matrix. */
function cosines(a: Matrix, b: Matrix): number[] {
  const row = ({ data, cols }: Matrix, i: number): Float32Array =>
    data.subarray(i * cols, (i + 1) * cols);
  return Array.from({ length: a.rows }, (_, i) => cosineSimilarity(row(a, i), row(b, i)));
}

test('8 bits of a transformer keep the direction of rows, and are written again as they were read', () => {
  const shared = sharedModel('all-MiniLM-L6-v2');
  const folders = TRANSFORMERS.map((name) => ({ name, files: fixtureFolder(name) }));
  if (shared) folders.push({ name: 'MiniLM', files: shared.files });
  const texts = [...TEXTS, 'no', '!', '.', '?', 'ok', '1', ''];
  for (const { name, files } of folders) {
    const exact = loadSentenceEncoder(files);
    const saved = saveSentenceEncoder(exact, { dtype: 'int8' });
    const encoder = loadSentenceEncoder(saved);
    const [rows, expected] = [encoder.encode(texts), exact.encode(texts)];
    for (const [i, cosine] of cosines(rows, expected).entries()) {
      // Networks of 16 random columns have no blocks of small weights.
      const minCosine = name === 'MiniLM' ? 0.999 : 0.998;
      check(cosine > minCosine, `${name}, ${texts[i]}: a cosine of ${cosine}`);
    }
    same([...encoder.encode(texts[0] as string).data], [...rows.data.subarray(0, rows.cols)]);
    const twice = saveSentenceEncoder(encoder);
    for (const [path, bytes] of saved) {
      check(Buffer.compare(twice.get(path) as Uint8Array, bytes) === 0, `${name}: ${path}`);
    }
    throws(
      () => saveSentenceEncoder(encoder, { dtype: 'float16' }),
      RangeError,
      "saveSentenceEncoder: dtype must be 'int8', or the encoder loaded with precision 'float32', got \"float16\"",
    );
    // The same weights, multiplied as floats: rows differ by the rounding of activations alone.
    const floats = loadSentenceEncoder(saved, { precision: 'float32' });
    for (const cosine of cosines(floats.encode(texts), rows)) check(cosine > 0.9999, name);
    const again = loadSentenceEncoder(saveSentenceEncoder(floats));
    same([...again.encode(texts).data], [...floats.encode(texts).data], `${name}: floats`);
    // Weights of 11 bits in memory can become 8 bits too.
    const narrow = loadSentenceEncoder(files, { precision: 'int8' });
    const from = loadSentenceEncoder(saveSentenceEncoder(narrow, { dtype: 'int8' }));
    for (const cosine of cosines(from.encode(texts), rows)) check(cosine > 0.998, name);
    throws(() => saveSentenceEncoder(narrow), RangeError, /dtype must be 'int8', or/);
    for (const each of [exact, encoder, floats, again, narrow, from]) each.dispose();
    const size = (all: Files): number => all.get('model.safetensors')?.length ?? 0;
    if (name === 'MiniLM') check(size(saved) < 25e6, `${size(saved)} bytes`);
  }
});

test('8 bits are the nearest of their block', () => {
  const folder = fixtureFolder('bert-v2');
  const encoder = loadSentenceEncoder(folder);
  const arrays = arraysOf(saveSentenceEncoder(encoder, { dtype: 'int8' }));
  encoder.dispose();
  const original = arraysOf(folder);
  for (const layer of ['attention.self.key', 'intermediate.dense', 'output.dense']) {
    const key = `encoder.layer.0.${layer}.weight`;
    const { shape, bytes } = arrays.get(`${key}.int8`) as RawArray;
    const [rows = 0, cols = 0] = shape;
    const scales = floatsOf(arrays, `${key}.int8.row_scales`);
    const factors = (arrays.get(`${key}.int8.block_factors`) as RawArray).bytes;
    const weights = floatsOf(original, key);
    const blocks = Math.ceil(cols / 16);
    same(factors.length, rows * blocks);
    for (let r = 0; r < rows; r++) {
      for (let b = 0; b < blocks; b++) {
        const factor = factors[r * blocks + b] as number;
        const step = factor * (scales[r] as number);
        const block = weights.slice(r * cols + 16 * b, r * cols + Math.min(cols, 16 * b + 16));
        block.forEach((weight, k) => {
          const number = ((bytes[r * cols + 16 * b + k] as number) << 24) >> 24;
          const error = Math.abs(number * step - weight);
          check(error <= step * 0.50001, `${key}, row ${r}: ${weight} became ${number * step}`);
        });
        const largest = Math.max(...block.map(Math.abs));
        check(factor >= 1 && factor <= 8, `a factor of ${factor}`);
        // No smaller factor would hold the block.
        check(factor === 1 || largest > (factor - 1.001) * 127 * (scales[r] as number), key);
      }
    }
  }
});

test('damaged transformers of 8 bits are refused by the name of the array or field', () => {
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v2'));
  const saved = saveSentenceEncoder(encoder, { dtype: 'int8' });
  encoder.dispose();
  const before = bytesInUse();
  const key = 'encoder.layer.0.output.dense.weight.int8';
  const query = 'encoder.layer.0.attention.self.query.weight.int8';
  const cases: [change: (arrays: Map<string, RawArray>) => void, message: RegExp][] = [
    [(a) => a.delete(`${key}.row_scales`), /must hold .*output\.dense\.weight\.int8\.row_scales/],
    [(a) => a.delete(`${key}.block_factors`), /must hold .*int8\.block_factors/],
    [(a) => a.delete(key), /must hold encoder\.layer\.0\.output\.dense\.weight/],
    [(a) => a.delete(query), /must hold encoder\.layer\.0\.attention\.self\.query\.weight/],
    [(a) => a.set(`${key}.row_scales`, floats([1])), /row_scales must be of shape \[16\]/],
    [
      (a) => a.set(`${key}.row_scales`, floats(Array(16).fill(Number.POSITIVE_INFINITY))),
      /row_scales must be finite, got Infinity/,
    ],
    [
      (a) => {
        const { shape, bytes } = a.get(`${key}.block_factors`) as RawArray;
        const changed = bytes.slice().fill(9, 0, 1);
        a.set(`${key}.block_factors`, { dtype: 'U8', shape, bytes: changed });
      },
      /block_factors must be from 0 to 8, got 9/,
    ],
    [
      (a) => a.set(key, { ...(a.get(key) as RawArray), dtype: 'U8' }),
      /dense\.weight\.int8 must be of type I8, got "U8"/,
    ],
    [
      (a) => {
        const words = 'embeddings.word_embeddings.weight.int8';
        const { shape, bytes } = a.get(words) as RawArray;
        const [rows = 0, cols = 0] = shape;
        a.set(words, { dtype: 'I8', shape: [rows - 1, cols], bytes: bytes.subarray(cols) });
      },
      /word_embeddings\.weight\.int8 must be of shape/,
    ],
  ];
  for (const [change, message] of cases) {
    throws(() => loadSentenceEncoder(withArrays(saved, change)), RangeError, message);
  }
  const config = JSON.parse(new TextDecoder().decode(saved.get('config.json')));
  same([config.model_type, config.original_model_type], ['nearfar-int8', 'bert']);
  for (const original of [undefined, 'nearfar-int8', 'gpt2', 3]) {
    const changed = { ...config, original_model_type: original };
    throws(
      () => loadSentenceEncoder(withFiles(saved, { 'config.json': changed })),
      RangeError,
      /config\.json's original_model_type must be one of bert, /,
    );
  }
  same(bytesInUse(), before);
});
