/** Training of static sentence encoders: PyTorch's steps, resuming, what new ones begin with. */

import { readFileSync } from 'node:fs';
import {
  loadSentenceEncoder,
  type SentenceData,
  SentenceEncoder,
  type SentenceTrainOptions,
  saveSentenceEncoder,
  type TrainState,
  train,
} from 'nearfar/models';
import { bytesInUse, loadSafetensors, saveSafetensors } from 'nearfar/nn';
import { cautiousEps, lexicalAccuracy } from '../../src/models/sentence/training/lexical.js';
import { weighSharedRows } from '../../src/models/sentence/training/shared-rows.js';
import { check, close, same, suite } from '../harness.js';
import { folderOf, tableOf } from './static-folder.js';

const test = suite('static training');

/** A golden: test/golden/static_training.py. */
interface Golden {
  words: string[];
  width: number;
  prefix: number;
  steps: number;
  learningRate: number;
  eps: number;
  table: number[][];
  cases: {
    name: string;
    data: SentenceData;
    options: SentenceTrainOptions;
    losses: number[];
    table: number[][];
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../golden/fixtures/static-training/steps.json', import.meta.url), 'utf8'),
);

for (const { name, data, options, losses, table } of golden.cases) {
  test(`${name}: losses and table after ${golden.steps} steps are PyTorch's`, async () => {
    const encoder = loadSentenceEncoder(folderOf(golden.words, golden.table));
    const { steps, learningRate, eps, prefix } = golden;
    const seen: number[] = [];
    for await (const { loss } of train(encoder, data, {
      ...{ steps, learningRate, eps, dimensions: [prefix], batchSize: 12 },
      ...options,
    })) {
      seen.push(loss);
    }
    close(seen, losses, { rtol: 1e-5, what: 'losses' });
    close(tableOf(encoder), table.flat(), { atol: 1e-5, what: 'table' });
    encoder.dispose();
  });
}

const WORDS = 'near far cat dog red blue run walk big small list lists running walked'.split(' ');
const word = (i: number): string => WORDS[i % WORDS.length] as string;
const TEXTS = Array.from({ length: 60 }, (_, i) => `${word(i)} ${word(3 * i + 1)} ${word(i * i)}`);
const PAIRS = TEXTS.map((text, i) => [text, `${word(3 * i + 1)} ${i}`] as [string, string]);
const SHORT = { steps: 12, batchSize: 16 };

/** Runs all steps; `each` sees every one. */
async function run(
  encoder: SentenceEncoder,
  data: SentenceData,
  options: SentenceTrainOptions,
  each?: (step: { step: number; state(): TrainState }) => void,
): Promise<Float32Array> {
  for await (const step of train(encoder, data, { ...SHORT, ...options })) each?.(step);
  return tableOf(encoder);
}

test('pieces of words have rows of their own, which weigh as much as those of the rarest words', () => {
  const width = 256;
  const encoder = new SentenceEncoder(TEXTS, { width });
  const [file] = [...saveSentenceEncoder(encoder)].filter(([path]) =>
    path.endsWith('tokenizer.json'),
  );
  const vocab: Record<string, number> = JSON.parse(new TextDecoder().decode(file?.[1])).model.vocab;
  const table = tableOf(encoder);
  const smallest = 0.8 * Math.sqrt(width) * ((Math.log(TEXTS.length + 1) + 0.3) / 4);
  let pieces = 0;
  for (const [token, id] of Object.entries(vocab)) {
    if (!token.startsWith('##')) continue;
    const norm = Math.hypot(...table.subarray(id * width, (id + 1) * width));
    check(norm > smallest, `${token}: ${norm}, not ${smallest}`);
    pieces++;
  }
  check(pieces > 10, `${pieces} pieces`);
  encoder.dispose();
});

test('n-grams that the same tokens have share a row, which counts as often as they come', async () => {
  const encoder = new SentenceEncoder(TEXTS, { width: 4 });
  const file = [...saveSentenceEncoder(encoder)].find(([path]) => path.endsWith('tokenizer.json'));
  const vocab: Record<string, number> = JSON.parse(new TextDecoder().decode(file?.[1])).model.vocab;
  let state: Record<string, number[]> = {};
  for await (const step of train(encoder, { pairs: PAIRS }, { steps: 1 })) {
    const tensors = [...step.state().optimizer];
    state = Object.fromEntries(tensors.map(([name, tensor]) => [name, [...tensor.data]]));
  }
  const [offsets = [], features = [], factors = []] = ['offsets', 'features', 'factors'].map(
    (name) => state[`run.${name}`] as number[],
  );
  for (const token of new Set(TEXTS.flatMap((text) => text.split(' ')))) {
    const id = vocab[token] as number;
    const [from, to] = [offsets[id] as number, offsets[id + 1] as number];
    // The token itself, and n-grams of three to five characters, ends of the word among them.
    const length = token.length + 2;
    const grams = [3, 4, 5].reduce((sum, n) => sum + Math.max(0, length - n + 1), 0);
    const total = factors.slice(from, to).reduce((sum, factor) => sum + factor, 0);
    same(total, 1 + grams, `features of ${token}`);
  }
  // What tokens a row is in, and how often over how often it is in the first.
  const rows = new Map<number, string>();
  const firsts = new Map<number, number>();
  for (let id = 0; id + 1 < offsets.length; id++) {
    for (let e = offsets[id] as number; e < (offsets[id + 1] as number); e++) {
      const [row, factor] = [features[e] as number, factors[e] as number];
      const first = firsts.get(row) ?? factor;
      firsts.set(row, first);
      rows.set(row, `${rows.get(row) ?? ''} ${id}:${factor / first}`);
    }
  }
  same(rows.size, (state['run.rows']?.length ?? 0) / 4, 'rows');
  same(new Set(rows.values()).size, rows.size, 'rows of different tokens');
  encoder.dispose();
});

test('a step whose weights are not finite ends a run', async () => {
  const encoder = new SentenceEncoder(TEXTS, { width: 16 });
  let message = '';
  try {
    for await (const { step } of train(encoder, { pairs: PAIRS }, { learningRate: 3e38 })) {
      check(step < 1, 'it did not diverge');
    }
  } catch (error) {
    message = (error as Error).message;
  }
  check(/the weights of step 1 is (NaN|-?Infinity)/.test(message), message);
  encoder.dispose();
});

const DATA: Record<string, SentenceData> = {
  pairs: { pairs: PAIRS },
  negatives: { pairs: PAIRS, negatives: PAIRS.map(([text]) => [`${text} not`, 'far']) },
  labels: { texts: TEXTS, labels: TEXTS.map((_, i) => word(i % 5)) },
  scores: { pairs: PAIRS, scores: PAIRS.map((_, i) => i % 4) },
  texts: { texts: TEXTS },
  embeddings: {
    texts: TEXTS,
    embeddings: TEXTS.map((_, i) =>
      Array.from({ length: 16 }, (_, k) => ((i * 7 + k * 3) % 11) - 5),
    ),
  },
};

for (const [name, data] of Object.entries(DATA)) {
  test(`${name}: the loss falls, and a resumed run has the bits of an uninterrupted one`, async () => {
    const make = (): SentenceEncoder => new SentenceEncoder(TEXTS, { width: 16, seed: 3 });
    const encoder = make();
    const losses: number[] = [];
    let saved: { state: Uint8Array; folder: ReturnType<typeof saveSentenceEncoder> } | undefined;
    for await (const { step, loss, state } of train(encoder, data, { ...SHORT, seed: 5 })) {
      losses.push(loss);
      if (step !== 5) continue;
      saved = {
        state: saveSafetensors(new Map(state().optimizer)),
        folder: saveSentenceEncoder(encoder),
      };
    }
    const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
    check(mean(losses.slice(-4)) < mean(losses.slice(0, 4)), `losses ${losses}`);
    check(saved !== undefined, 'a state was saved');
    const resumed = loadSentenceEncoder(saved.folder);
    const optimizer = loadSafetensors(saved.state);
    const table = await run(resumed, data, { seed: 5, state: { step: 5, seed: 5, optimizer } });
    same(table, tableOf(encoder), 'table');
  });
}

test('a word that is there once is cut into pieces, and vowels that are marks stay', () => {
  const vocabulary = (texts: string[]): ReadonlySet<string> => {
    const encoder = new SentenceEncoder(texts, { width: 4 });
    const { vocabulary: ids } = encoder.parts.tokens.tokenizer;
    encoder.dispose();
    return new Set(ids.keys());
  };
  const english = vocabulary(['unlock the café', 'unlocking', 'the lock', 'a café']);
  same(
    ['the', 'unlock', 'cafe', 'unlocking'].map((word) => english.has(word)),
    [true, true, true, false],
  );
  // File not found, file opened, folder not found: without blanks a phrase is one word.
  const thai = vocabulary(['ไม่พบแฟ้ม', 'เปิดแฟ้มแล้ว', 'ไม่พบโฟลเดอร์', 'not found']);
  same(
    ['##แฟ้ม', 'ไม่พบ', 'ไม่พบแฟ้ม'].map((word) => thai.has(word)),
    [true, true, false],
  );
});

test('encoding while training changes no bit, and sees the weights of the last step', async () => {
  const encoders = [0, 1].map(() => new SentenceEncoder(TEXTS, { width: 16 }));
  const [quiet, looked] = encoders as [SentenceEncoder, SentenceEncoder];
  const rows: string[] = [];
  const table = await run(looked, { pairs: PAIRS }, {}, () => {
    rows.push(String(looked.encode(TEXTS.slice(0, 2)).data));
  });
  same(await run(quiet, { pairs: PAIRS }, {}), table, 'table');
  same(new Set(rows).size, SHORT.steps, 'different rows');
  same(rows.at(-1), String(looked.encode(TEXTS.slice(0, 2)).data), 'last rows');
  for (const encoder of encoders) encoder.dispose();
});

test("another model's similarities are learned, whatever its width", async () => {
  const embeddings = TEXTS.map((_, i) =>
    Array.from({ length: 5 }, (_, k) => ((i * i + k) % 7) - 3),
  );
  const encoder = new SentenceEncoder(TEXTS, { width: 16 });
  const losses: number[] = [];
  const options = { steps: 60, match: 'similarities', dimensions: [] } as const;
  for await (const { loss } of train(encoder, { texts: TEXTS, embeddings }, options)) {
    losses.push(loss);
  }
  check(
    (losses.at(-1) as number) < 0.2 * (losses[0] as number),
    `from ${losses[0]} to ${losses.at(-1)}`,
  );
  check(Math.min(...losses) >= 0, 'a divergence is at least 0');
  encoder.dispose();
});

test('a run frees all but the weights, however it ends', async () => {
  const encoder = new SentenceEncoder(TEXTS, { width: 16 });
  const before = bytesInUse();
  await run(encoder, { pairs: PAIRS }, {});
  for await (const { step } of train(encoder, { pairs: PAIRS }, SHORT)) if (step === 2) break;
  same(bytesInUse(), before, 'bytes');
  encoder.dispose();
});

test('a table in few bits becomes float32, and trains', async () => {
  for (const dtype of ['float16', 'int8', 'int4'] as const) {
    const first = new SentenceEncoder(TEXTS, { width: 16 });
    const encoder = loadSentenceEncoder(saveSentenceEncoder(first, { dtype }));
    const before = encoder.encode(TEXTS).data;
    for await (const { step } of train(
      encoder,
      { pairs: PAIRS },
      { ...SHORT, learningRate: 1e-9 },
    )) {
      if (step === 1)
        close(encoder.encode(TEXTS).data, before, { atol: 1e-5, what: `${dtype} rows` });
    }
    first.dispose();
    encoder.dispose();
  }
});

test('a new encoder takes a higher learning rate than a loaded one', async () => {
  const rates: number[] = [];
  const made = new SentenceEncoder(TEXTS, { width: 16 });
  const loaded = loadSentenceEncoder(saveSentenceEncoder(made));
  for (const encoder of [made, loaded]) {
    for await (const { learningRate } of train(encoder, { pairs: PAIRS }, { steps: 1 })) {
      rates.push(learningRate);
    }
  }
  close(rates, [2e-2, 6e-3], { rtol: 1e-6, what: 'learning rates' });
});

test('the learning rate of a new encoder grows with the number of pairs', async () => {
  const rates: number[] = [];
  for (const count of [8000, 16_000, 96_000, 120_000]) {
    const encoder = new SentenceEncoder(TEXTS, { width: 16 });
    const pairs = Array.from({ length: count }, (_, i) => PAIRS[i % PAIRS.length] as string[]);
    for await (const { learningRate } of train(encoder, { pairs }, { steps: 1 })) {
      rates.push(learningRate);
    }
    encoder.dispose();
  }
  close(rates, [2e-2, 4e-2, 0.24, 0.24], { rtol: 1e-6, what: 'learning rates' });
});

test('batches of a new encoder are larger where there are many pairs', async () => {
  const all: number[] = [];
  for (const count of [32_000, 100_000]) {
    const encoder = new SentenceEncoder(TEXTS, { width: 16 });
    const pairs = Array.from({ length: count }, (_, i) => PAIRS[i % PAIRS.length] as string[]);
    for await (const { steps } of train(encoder, { pairs })) {
      all.push(steps);
      break;
    }
    encoder.dispose();
  }
  // Six epochs, in batches of 256 and of 1,024.
  same(all, [6 * 125, 6 * 98], 'steps');
});

test('a new encoder forgets squared gradients of pairs sooner than a loaded one', async () => {
  for (const [isLoaded, betas] of [
    [false, [0.9, 0.99]],
    [true, [0.9, 0.999]],
  ] as const) {
    const rows: Float32Array[] = [];
    for (const options of [SHORT, { ...SHORT, betas }]) {
      const made = new SentenceEncoder(TEXTS, { width: 16 });
      const encoder = isLoaded ? loadSentenceEncoder(saveSentenceEncoder(made)) : made;
      for await (const _ of train(encoder, { pairs: PAIRS }, options));
      rows.push(encoder.encode(TEXTS).data);
      encoder.dispose();
    }
    same(rows[0], rows[1], isLoaded ? 'loaded' : 'new');
  }
});

test('rows that the texts of pairs do not share begin small, unless words find the positives', () => {
  const rows = Int32Array.from({ length: 201 }, (_, i) => i);
  const one = new Float32Array(201).fill(1);
  const subwords = {
    ...{ offsets: Int32Array.from({ length: 202 }, (_, i) => i), features: rows },
    ...{ factors: one, stds: one, seed: 0 },
  };
  const words = (text: string): number[] => text.split(' ').map((word) => Number(word));
  const numbers = Array.from({ length: 40 }, (_, i) => i);
  const translated = numbers.map((i): [string, string] => [`${i} 200`, `${100 + i} 200`]);
  const { stds } = weighSharedRows(subwords, translated, words);
  check((stds[0] as number) < 0.12 && (stds[139] as number) < 0.12, 'rows of one side');
  same(stds[200], 1, 'row of both sides');
  const lexical = numbers.map((i): [string, string] => [`${i} 200`, `${i} ${100 + i} 200`]);
  same(weighSharedRows(subwords, lexical, words).stds, one, 'pairs that words find');
  // Nothing is shared at all; no text has a token.
  const apart = weighSharedRows(subwords, [['1', '2']], words).stds;
  close([apart[1], apart[2]] as number[], [0.1, 0.1], { rtol: 1e-6, what: 'nothing shared' });
  const empty = weighSharedRows(subwords, [['', '']], () => []).stds;
  check(
    empty.every((std) => std > 0 && std <= 1),
    'no tokens',
  );
});

test('few pairs that words alone find are learned with caution', () => {
  const words = (text: string): number[] => text.split(' ').map((word) => Number(word));
  const lexical = Array.from({ length: 40 }, (_, i): [string, string] => [
    `${i} 100 ${200 + i}`,
    `${i} 100 101 ${300 + i}`,
  ]);
  const other = lexical.map(([a, b], i): [string, string] => [
    a,
    i % 4 === 0 ? b : `100 ${400 + i}`,
  ]);
  same(lexicalAccuracy(lexical, words), 1);
  same(lexicalAccuracy(other, words), 0.25);
  // Equal positives are one document; a text without tokens finds nothing.
  same(lexicalAccuracy([...lexical, ...lexical], words), 1);
  const empty = lexicalAccuracy(
    [
      ['', ''],
      ['a', 'b'],
    ],
    (text) => (text === '' ? [] : [text.length]),
  );
  check(empty >= 0 && empty <= 1, `${empty}`);
  check((cautiousEps(lexical, words) as number) > 1e-8, 'the usual epsilon');
  same(cautiousEps(other, words), undefined);
  same(
    cautiousEps(
      Array.from({ length: 601 }, (_, i) => [`${i}`, `${i}`] as const),
      words,
    ),
    undefined,
  );
});

test('data that is not of one of the kinds is refused by name', async () => {
  const encoder = new SentenceEncoder(TEXTS, { width: 16 });
  const cases: [unknown, string][] = [
    [{ pairs: [['a', 'b']] }, 'data.pairs must be at least two pairs'],
    [{ pairs: PAIRS, labels: [1] }, 'data must be { pairs'],
    [{ pairs: [...PAIRS, ['a']] }, 'data.pairs[60] must be two texts'],
    [{ pairs: PAIRS, ids: [1] }, 'data.ids must be 60 long'],
    [{ pairs: PAIRS, scores: PAIRS.map(() => 1) }, 'data.scores must be of at least two values'],
    [{ pairs: PAIRS, negatives: ['a'] }, 'data.negatives must be 60 long'],
    [{ texts: TEXTS, labels: TEXTS.map(() => 'a') }, 'data.labels must be of at least two classes'],
    [{ texts: ['a', 'b'] }, 'data.texts must be at least two of two words'],
    [{ texts: TEXTS, embeddings: [[1, 2]] }, 'data.embeddings must be of 60 rows'],
    ['pairs', 'data must be { pairs'],
  ];
  for (const [data, message] of cases) {
    const error = await train(encoder, data as SentenceData)
      .next()
      .then(
        () => undefined,
        (reason: Error) => reason,
      );
    check(
      error instanceof Error && error.message.startsWith(`train: ${message}`),
      `expected ${message}, got ${error?.message}`,
    );
  }
});
