/** Learning the cosines of another model's rows versus the definition in f64. */

import {
  loadSentenceEncoder,
  type SentenceEncoder,
  type SentenceTrainOptions,
  train,
} from 'nearfar/models';
import { check, close, same, suite } from '../harness.js';
import { fixtureFolder } from './sentence-folders.js';

const test = suite('similarities of a teacher');

const TEXTS = [
  'what is near is pulled together',
  'what is far is pushed apart',
  'the nearest texts of a small model',
  'embed the same way in every batch',
  'near near near',
  'the same way',
  "don't split 12 34 words",
];

/** (texts, 3): rows of a teacher. */
const TEACHER = TEXTS.map((_, i) => [((3 * i) % 7) - 3, ((5 * i) % 4) + 0.5, 1 - i / 2]);

/** Softmax over the cosines of each row with the others. */
function neighbors(rows: readonly (readonly number[])[], temperature: number): number[][] {
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, c) => sum + value * (b[c] as number), 0);
  return rows.map((a, i) => {
    const terms = rows.map((b, j) =>
      i === j ? 0 : Math.exp(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) / temperature),
    );
    const total = terms.reduce((sum, term) => sum + term, 0);
    return terms.map((term) => term / total);
  });
}

/** Mean over the texts of the divergence of the encoder's neighbors from the teacher's. */
function reference(encoder: SentenceEncoder, cols: number, temperature: number): number {
  const { data, cols: width } = encoder.encode(TEXTS);
  const rows = TEXTS.map((_, i) => [...data.subarray(i * width, i * width + cols)]);
  const [p, q] = [neighbors(TEACHER, temperature), neighbors(rows, temperature)];
  let total = 0;
  p.forEach((row, i) => {
    row.forEach((value, j) => {
      if (value > 0) total += value * Math.log(value / (q[i]?.[j] as number));
    });
  });
  return total / TEXTS.length;
}

async function losses(encoder: SentenceEncoder, options: SentenceTrainOptions): Promise<number[]> {
  const found: number[] = [];
  const data = { texts: TEXTS, embeddings: TEACHER };
  for await (const { loss } of train(encoder, data, { batchSize: 7, ...options })) found.push(loss);
  return found;
}

test('the loss is the divergence of the neighbors within a batch, of first columns too', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('static-v6'));
  const { width } = encoder;
  for (const [temperature, dimensions] of [
    [0.2, []],
    [0.5, [width / 2]],
  ] as const) {
    const expected = [width, ...dimensions].map((cols) => reference(encoder, cols, temperature));
    const mean = expected.reduce((sum, each) => sum + each, 0) / expected.length;
    const options = { steps: 1, learningRate: 1e-9, temperature, dimensions };
    const [loss] = await losses(encoder, options);
    close(loss as number, mean, { rtol: 1e-4, what: `temperature ${temperature}` });
  }
  encoder.dispose();
});

test('training finds the neighbors of the teacher', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('static-v6'));
  const before = reference(encoder, encoder.width, 0.2);
  const options = { steps: 200, learningRate: 1e-2, temperature: 0.2, dimensions: [] };
  await losses(encoder, options);
  const after = reference(encoder, encoder.width, 0.2);
  check(after < before / 4, `${before} became ${after}`);
  encoder.dispose();
});

test('match is for texts with embeddings, and rows for those of the same width', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('static-v6'));
  const fails = async (run: Promise<unknown>): Promise<string> =>
    run.then(
      () => 'no error',
      (error: Error) => `${error.name}: ${error.message}`,
    );
  same(
    await fails(losses(encoder, { match: 'rows' })),
    `RangeError: train: data.embeddings must be ${encoder.width} wide, as the encoder's rows, got 3`,
  );
  const pairs = { pairs: [['near', 'far'] as const, ['a', 'b'] as const] };
  same(
    await fails(train(encoder, pairs, { match: 'rows' }).next()),
    'TypeError: train: match is for texts with embeddings, got pairs',
  );
  encoder.dispose();
});
