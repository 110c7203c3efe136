/** Adapters: PyTorch's steps and gradients, the identity, applying, files, resuming, what is never a negative. */

import { readFileSync } from 'node:fs';
import { evaluateRetrieval, type MatrixLike, matmul, pca } from 'nearfar';
import {
  Adapter,
  type AdapterData,
  type AdapterOptions,
  type AdapterState,
  type FitAdapterOptions,
  fitAdapter,
} from 'nearfar/adapt';
import { bytesInUse } from 'nearfar/nn';
import { parameterShapes } from '../../src/adapt/shape.js';
import { type ShapedArray, writeSafetensors } from '../../src/core/safetensors.js';
import { check, close, same, sameBits, suite, throws } from '../harness.js';

const test = suite('adapters');

interface Golden {
  steps: number;
  learningRate: number;
  cases: {
    name: string;
    shape: AdapterOptions;
    shapes: Record<string, number[]>;
    weights: Record<string, number[]>;
    data: AdapterData;
    options: FitAdapterOptions;
    grads: Record<string, number[]>;
    losses: number[];
    after: Record<string, number[]>;
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../golden/fixtures/adapt/steps.json', import.meta.url), 'utf8'),
);

/** Numbers that look random, from -0.5 to 0.5. */
function rows(n: number, d: number, seed: number): number[][] {
  let state = seed;
  return Array.from({ length: n }, () =>
    Array.from({ length: d }, () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647 - 0.5;
    }),
  );
}

const fileOf = (shape: AdapterOptions, weights: ReadonlyMap<string, ShapedArray>): Uint8Array => {
  const { inputWidth, outputWidth = inputWidth, rank, hidden, side = 'both', bias = false } = shape;
  const config = JSON.stringify({ inputWidth, outputWidth, rank, hidden, side, bias });
  return writeSafetensors(weights, { nearfar: 'adapter 1', config });
};

/** Data of pairs that an adapter learns: half of the columns of documents are noise. */
function learnable(
  n: number,
  d: number,
): {
  queries: number[][];
  documents: number[][];
  pairs: [number, number][];
} {
  const queries = rows(n, d, 7);
  const noise = rows(n, d, 11);
  const documents = queries.map((row, r) =>
    row.map((value, c) => (2 * c < d ? value : 3 * ((noise[r] as number[])[c] as number))),
  );
  return { queries, documents, pairs: queries.map((_, i) => [i, i]) };
}

async function fit(
  adapter: Adapter,
  data: AdapterData,
  options: FitAdapterOptions = {},
): Promise<number[]> {
  const losses: number[] = [];
  for await (const { loss } of fitAdapter(adapter, data, options)) losses.push(loss);
  return losses;
}

for (const { name, shape, shapes, weights, data, options, grads, losses, after } of golden.cases) {
  test(`${name}: losses, gradients and weights of PyTorch`, async () => {
    const arrays = new Map<string, ShapedArray>();
    for (const [key, sizes] of Object.entries(shapes)) {
      arrays.set(key, { data: Float32Array.from(weights[key] as number[]), shape: sizes });
    }
    const adapter = Adapter.load(fileOf(shape, arrays));
    const got: number[] = [];
    let last: AdapterState | undefined;
    const run = {
      ...{ steps: golden.steps, learningRate: golden.learningRate, validation: 0 },
      ...('pairs' in data && !('scores' in data) && { randomNegatives: 0 }),
    };
    for await (const { step, loss, state } of fitAdapter(adapter, data, { ...run, ...options })) {
      got.push(loss);
      last = state();
      if (step > 1) continue;
      // After one step the first moment is a tenth of the gradient.
      for (const [key, grad] of Object.entries(grads)) {
        const mean = last.mean.get(key)?.data as Float32Array;
        const scale = Math.max(...grad.map(Math.abs));
        close(
          mean.map((value) => 10 * value),
          grad,
          { rtol: 1e-4, atol: 2e-5 * scale, what: key },
        );
      }
    }
    close(got, losses, { rtol: 1e-4, what: 'losses' });
    for (const [key, expected] of Object.entries(after)) {
      const numbers = (last as AdapterState).weights.get(key)?.data ?? [];
      close(numbers, expected, { atol: 2e-3, what: key });
    }
  });
}

const SHAPES: AdapterOptions[] = [
  { inputWidth: 9 },
  { inputWidth: 9, side: 'query', bias: true },
  { inputWidth: 9, rank: 3 },
  { inputWidth: 9, hidden: 5, bias: true },
];

for (const shape of [
  { inputWidth: 9 },
  { inputWidth: 9, side: 'query', bias: true },
  { inputWidth: 9, outputWidth: 5 },
  { inputWidth: 9, rank: 3 },
  { inputWidth: 9, rank: 3, side: 'query' },
  { inputWidth: 9, hidden: 5, bias: true },
  { inputWidth: 9, hidden: 5, side: 'query' },
] as const satisfies AdapterOptions[]) {
  test(`${JSON.stringify(shape)}: gradients are those of finite differences`, async () => {
    const { outputWidth, rank, hidden, side, bias } = new Adapter(shape);
    const full = { inputWidth: 9, outputWidth, rank, hidden, side, bias };
    const data = learnable(20, 9);
    const start = new Map<string, ShapedArray>();
    for (const [key, sizes] of parameterShapes(full)) {
      const [inputs = 1, outputs = 1] = sizes;
      const noise = rows(inputs, outputs, 5).flat();
      // A full matrix stays near the identity, as it does in training.
      const identity = (i: number): number =>
        key === 'weight' && i % outputs === Math.floor(i / outputs) ? 1 : 0;
      start.set(key, { data: Float32Array.from(noise, (x, i) => x + identity(i)), shape: sizes });
    }
    /** The loss before the first step, which has all pairs, and the state after it. */
    const first = async (weights: Map<string, ShapedArray>) => {
      const adapter = Adapter.load(fileOf(full, weights));
      for await (const { loss, state } of fitAdapter(adapter, data, { validation: 0, steps: 1 })) {
        return { loss, state: state() };
      }
      throw new Error('no step');
    };
    const { state } = await first(start);
    for (const [key, { data: values, shape: sizes }] of start) {
      const direction = rows(1, values.length, 23)[0] as number[];
      const epsilon = 0.005;
      const at = async (sign: number): Promise<number> => {
        const moved = values.map((x, i) => x + sign * epsilon * (direction[i] as number));
        return (await first(new Map(start).set(key, { data: moved, shape: sizes }))).loss;
      };
      const expected = ((await at(1)) - (await at(-1))) / (2 * epsilon);
      const mean = state.mean.get(key)?.data as Float32Array;
      // After one step the first moment is a tenth of the gradient.
      const got = direction.reduce((sum, x, i) => sum + 10 * x * (mean[i] as number), 0);
      check(Math.abs(expected) > 1e-3, `${key}: a direction of no change`);
      close([got], [expected], { rtol: 0.01, atol: 2e-4, what: key });
    }
  });
}

test('a new adapter gives rows back bit for bit, -0 too', () => {
  const x = Float32Array.from(rows(4, 9, 3).flat());
  x[5] = -0;
  for (const shape of SHAPES) {
    for (const side of ['query', 'document'] as const) {
      const y = new Adapter(shape).apply({ data: x, rows: 4, cols: 9 }, { side });
      sameBits(y.data, x);
      check(y.data !== x, 'a copy');
    }
  }
});

test('a run of no step keeps the identity; one that narrows starts as the PCA projection', async () => {
  const data = learnable(40, 9);
  const adapter = new Adapter({ inputWidth: 9 });
  await fit(adapter, data, { steps: 0 });
  check(adapter.untrained, 'untrained');
  const narrow = new Adapter({ inputWidth: 9, outputWidth: 4 });
  same(narrow.apply(data.queries[0] as number[]).cols, 4, 'width before training');
  await fit(narrow, data, { steps: 0, validation: 0 });
  const { components } = pca(data.documents, { components: 4 });
  const expected = matmul(data.queries, components, { transposeB: true });
  close(narrow.apply(data.queries).data, expected.data, { atol: 1e-6 });
  narrow.dispose();
});

test('training makes retrieval better, keeps the best step, and gives all memory back', async () => {
  const data = learnable(120, 9);
  for (const shape of SHAPES) {
    const adapter = new Adapter(shape);
    const before = bytesInUse();
    let steps = 0;
    const run = { steps: 100, batchSize: 32, learningRate: 0.02, patience: 50 };
    for await (const { step } of fitAdapter(adapter, data, run)) steps = step;
    same(steps, 100, 'steps');
    same(bytesInUse(), before, 'bytes in use');
    const relevant = data.queries.map((_, i) => [i]);
    const mrr = (q: MatrixLike, d: MatrixLike): number => evaluateRetrieval(q, d, relevant).mrr;
    const base = mrr(data.queries, data.documents);
    const adapted = mrr(
      adapter.apply(data.queries),
      adapter.apply(data.documents, { side: 'document' }),
    );
    check(adapted > base + 0.1, `mrr ${base} became ${adapted} by ${JSON.stringify(shape)}`);
    adapter.dispose();
    same(bytesInUse(), before, 'bytes in use after dispose');
  }
});

test('a row has the same bits alone and among others, and after it was saved', async () => {
  const shapes: [number, Partial<AdapterOptions>][] = [
    ...[{}, { rank: 5 }, { hidden: 11, bias: true }, { outputWidth: 19, rank: 3 }].map(
      (shape): [number, Partial<AdapterOptions>] => [37, shape],
    ),
    // More columns than the kernel takes at a time, and more inputs than are packed at a time.
    ...[{}, { rank: 51 }].map((shape): [number, Partial<AdapterOptions>] => [301, shape]),
  ];
  for (const [inputWidth, shape] of shapes) {
    const data = learnable(60, inputWidth);
    const adapter = new Adapter({ inputWidth, ...shape });
    await fit(adapter, data, { steps: 12, batchSize: 16, validation: 0 });
    const all = adapter.apply(data.queries);
    const loaded = Adapter.load(adapter.save());
    same(Array.from(loaded.save()), Array.from(adapter.save()), 'bytes of the file');
    for (const [r, row] of data.queries.entries()) {
      const expected = all.data.slice(r * all.cols, (r + 1) * all.cols);
      sameBits(adapter.apply(row).data, expected);
      sameBits(loaded.apply(row).data, expected);
    }
    adapter.dispose();
    loaded.dispose();
  }
});

test('fold is apply for documents; hidden units and a bias are refused', async () => {
  const data = learnable(60, 9);
  for (const shape of [{}, { rank: 3 }, { outputWidth: 4 }, { side: 'query' as const }]) {
    const adapter = new Adapter({ inputWidth: 9, ...shape });
    await fit(adapter, data, { steps: 10, validation: 0 });
    const expected = adapter.apply(data.documents, { side: 'document' });
    close(matmul(data.documents, adapter.fold()).data, expected.data, { atol: 1e-5 });
    adapter.dispose();
  }
  throws(
    () => new Adapter({ inputWidth: 9, hidden: 4 }).fold(),
    RangeError,
    'Adapter.fold: the adapter must be without hidden units, got "one with 4"',
  );
  throws(
    () => new Adapter({ inputWidth: 9, bias: true }).fold(),
    RangeError,
    'Adapter.fold: the adapter must be without a bias, got "one with a bias"',
  );
});

test('a resumed run has the bits of one that was never stopped', async () => {
  const data = learnable(80, 9);
  const options = { steps: 30, batchSize: 16, evalEvery: 4, patience: 100, seed: 3 };
  for (const shape of SHAPES) {
    const whole = new Adapter(shape);
    const expected = await fit(whole, data, options);
    const first = new Adapter(shape);
    let state: AdapterState | undefined;
    const losses: number[] = [];
    for await (const step of fitAdapter(first, data, options)) {
      losses.push(step.loss);
      state = structuredClone(step.state());
      if (step.step === 13) break;
    }
    const second = new Adapter(shape);
    losses.push(...(await fit(second, data, { ...options, state })));
    same(losses, expected, 'losses');
    same(Array.from(second.save()), Array.from(whole.save()), 'files');
  }
});

test('equal ids, equal rows and pairs of one query are never negatives', async () => {
  // Only rows that are the same, or belong together: no batch holds two of them, so there is no loss.
  const row = rows(1, 5, 1)[0] as number[];
  const queries = [row, row, row];
  const documents = rows(3, 5, 2);
  const pairs: [number, number][] = [0, 1, 2].map((i) => [i, i]);
  const options = { steps: 3, validation: 0 };
  same(
    await fit(new Adapter({ inputWidth: 5 }), { queries, documents, pairs }, options),
    [0, 0, 0],
  );
  const other = { queries: rows(3, 5, 3), documents: rows(3, 5, 4), pairs };
  const byId = { ...other, documentIds: ['a', 'a', 'a'] };
  same(await fit(new Adapter({ inputWidth: 5 }), byId, options), [0, 0, 0]);
  const byQuery = { ...other, queryIds: [7, 7, 7] };
  same(await fit(new Adapter({ inputWidth: 5 }), byQuery, options), [0, 0, 0]);
  const all = {
    ...other,
    pairs: pairs.flatMap(([q]) => pairs.map(([d]): [number, number] => [q, d])),
  };
  same(await fit(new Adapter({ inputWidth: 5 }), all, options), [0, 0, 0]);
  const [alone = 0] = await fit(new Adapter({ inputWidth: 5 }), other, options);
  check(alone > 0, 'others are negatives');
});

test("hard negatives and a validation of one's own", async () => {
  const data = learnable(100, 9);
  const adapter = new Adapter({ inputWidth: 9 });
  const training = { ...data, pairs: data.pairs.slice(0, 80) };
  const validation = { pairs: data.pairs.slice(80) };
  const options = { steps: 40, hardNegatives: 2, validation, batchSize: 32 };
  const [first = 0] = await fit(adapter, training, options);
  const [without = 0] = await fit(new Adapter({ inputWidth: 9 }), training, {
    ...options,
    hardNegatives: 0,
  });
  check(first > without, `more negatives, more loss: ${first} and ${without}`);
});

test('break, signal and bad weights end a run; nothing stays in memory', async () => {
  const data = learnable(40, 9);
  const adapter = new Adapter({ inputWidth: 9 });
  const before = bytesInUse();
  for await (const { step } of fitAdapter(adapter, data, { validation: 0 })) if (step === 2) break;
  check(!adapter.untrained, 'holds the last step');
  const abort = new AbortController();
  let steps = 0;
  for await (const { step } of fitAdapter(adapter, data, { signal: abort.signal })) {
    steps = step;
    if (step === 3) abort.abort();
  }
  same(steps, 3, 'steps');
  same(bytesInUse(), before, 'bytes in use');
});

test('damaged files are refused', () => {
  const weights = new Map([['weight', { data: new Float32Array(4), shape: [2, 2] }]]);
  const bytes = fileOf({ inputWidth: 2 }, weights);
  Adapter.load(bytes);
  for (let length = 0; length < bytes.length; length += 3) {
    throws(() => Adapter.load(bytes.slice(0, length)), RangeError, /^Adapter\.load: bytes must be/);
  }
  const wrong = [
    fileOf({ inputWidth: 3 }, weights),
    fileOf({ inputWidth: 2, rank: 1 }, weights),
    fileOf({ inputWidth: 2, rank: 1, hidden: 1 }, weights),
    fileOf({ inputWidth: 2, bias: true }, weights),
    fileOf({ inputWidth: 0 }, weights),
    fileOf({ inputWidth: 2 ** 40 }, weights),
    fileOf(
      { inputWidth: 2 },
      new Map([['weight', { data: new Float32Array([1, 2, Number.NaN, 4]), shape: [2, 2] }]]),
    ),
    writeSafetensors(weights, {}),
    writeSafetensors(weights, { nearfar: 'adapter 1', config: '{' }),
    writeSafetensors(weights, { nearfar: 'adapter 1', config: 'null' }),
  ];
  for (const each of wrong) {
    throws(() => Adapter.load(each), RangeError, /^Adapter\.load: bytes must be/);
  }
});

test('bad data is refused by name', () => {
  const adapter = new Adapter({ inputWidth: 2 });
  const data = { queries: [[1, 2]], documents: [[1, 2]], pairs: [[0, 0]] as [number, number][] };
  const bad = (more: object, message: string | RegExp, kind = RangeError): void =>
    throws(() => fitAdapter(adapter, { ...data, ...more } as AdapterData), kind, message);
  bad({ pairs: [[0, 1]] }, /pairs\[0\] must be rows from 0 to 0/);
  bad({ pairs: [] }, /pairs must be at least one/);
  bad({ pairs: [[0]] }, /pairs\[0\] must be 2 rows/);
  bad({ scores: [1, 2] }, /scores must be 1 long/);
  bad({ documents: [[1, 2, 3]] }, /documents must be 2 wide/);
  bad({ queries: [[1, Number.NaN]] }, /queries must be finite/);
  bad({ queryIds: ['a', 'b'] }, /queryIds must be 1 long/);
  throws(
    () => fitAdapter(adapter, { ...data, ids: [1] } as AdapterData),
    TypeError,
    /unknown option "ids"/,
  );
  throws(
    () => new Adapter({ inputWidth: 2, outputWidth: 1, side: 'query' }),
    RangeError,
    /^Adapter: outputWidth must be 2 like inputWidth/,
  );
});

test('drawn negatives are all documents but the positives of a query', async () => {
  const queries = rows(2, 9, 3);
  const documents = rows(6, 9, 5);
  const unit = (row: readonly number[]): number[] => {
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  };
  const cosine = (q: number, d: number): number => {
    const [a, b] = [unit(queries[q] as number[]), unit(documents[d] as number[])];
    return a.reduce((sum, value, c) => sum + value * (b[c] as number), 0);
  };
  const first = async (pairs: [number, number][], randomNegatives: number): Promise<number> => {
    const options = { ...{ steps: 1, batchSize: 1, validation: 0 }, randomNegatives };
    const data = { queries, documents, pairs };
    return (await fit(new Adapter({ inputWidth: 9 }), data, options))[0] as number;
  };
  const scores = [0, 1, 2, 3, 4, 5].map((d) => cosine(0, d) / 0.05);
  const sum = scores.reduce((total, score) => total + Math.exp(score - (scores[0] as number)), 0);
  // So many are drawn that each of the six is among them.
  close([await first([[0, 0]], 300)], [Math.log(sum) / 2], { rtol: 1e-4, what: 'loss' });
  const every = documents.map((_, d): [number, number] => [0, d]);
  close([await first(every, 300)], [0], { atol: 1e-6, what: 'loss where all belong to the query' });
  close([await first([[0, 0]], 0)], [0], { atol: 1e-6, what: 'loss without' });
});

test('few samples are all trained on: the step is chosen by cross-validation, and resumes', async () => {
  const data = learnable(60, 12);
  const options = { steps: 24, evalEvery: 4, learningRate: 0.02, patience: 9, seed: 3 };
  const whole = new Adapter({ inputWidth: 12 });
  const validations: (number | undefined)[] = [];
  let middle: AdapterState | undefined;
  for await (const { step, validation, state } of fitAdapter(whole, data, options)) {
    validations.push(validation);
    if (step === 10) middle = structuredClone(state());
  }
  same(middle?.folds.length, 5, 'folds');
  check(!whole.untrained, 'a trained adapter');
  const resumed = new Adapter({ inputWidth: 12 });
  const after: (number | undefined)[] = [];
  const more = { ...options, state: middle as AdapterState };
  for await (const { validation } of fitAdapter(resumed, data, more)) after.push(validation);
  same(after, validations.slice(10), 'validation after step 10');
  same(Array.from(resumed.save()), Array.from(whole.save()), 'adapter');
  throws(
    () => fitAdapter(new Adapter({ inputWidth: 12 }), data, { ...more, validation: 0 }),
    RangeError,
    'fitAdapter: state must be of a run with 0 folds, got 5',
  );
  // What is learned from all is what is learned without validation, to the same step.
  const best = validations.reduce<number>(
    (top, value, i) => ((value ?? -1) > (validations[top] ?? -1) ? i : top),
    3,
  );
  const plain = new Adapter({ inputWidth: 12 });
  await fit(plain, data, { ...options, steps: best + 1, validation: 0 });
  same(Array.from(plain.save()), Array.from(whole.save()), 'adapter of all pairs');
});
