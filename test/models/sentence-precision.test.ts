/** Sentence encoders saved in few bits: what stays of their rows, and folders that are damaged. */

import { cosineSimilarity } from 'nearfar';
import { type Files, loadSentenceEncoder, saveSentenceEncoder } from 'nearfar/models';
import { bytesInUse } from 'nearfar/nn';
import {
  openSafetensors,
  type RawArray,
  toFloat32,
  writeRawSafetensors,
} from '../../src/core/safetensors.js';
import { check, close, same, suite, throws } from '../harness.js';
import { fixtureFolder, withFiles } from './sentence-folders.js';

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
