/** BERT: masks, tokens, padding, files, resuming, filling, fine-tuning. */

import { fitClassifier, type Matrix } from 'nearfar';
import {
  BERT,
  type BertEncoder,
  characterJson,
  JsonTokenizer,
  loadBert,
  loadBertClassifier,
  maskTokens,
  saveBert,
  saveBertClassifier,
  type TrainState,
  train,
  trainWordPiece,
  wordPieceJson,
} from 'nearfar/models';
import {
  loadSafetensors,
  manualSeed,
  noGrad,
  randomNormal,
  saveSafetensors,
  tidy,
} from 'nearfar/nn';
import { check, close, same, sameBits, suite, throws } from '../harness.js';

const test = suite('bert');
const TEXTS = [
  'The anchor is near the positive. It is far from the negative!',
  'A view of a batch: tokens, margins and patches. Near and far, farther and nearer.',
  'Negatives are pushed away. Positives are pulled near.',
];
const SMALL = { layers: 2, heads: 2, width: 16, context: 16 };

function small(dropout = 0): BERT {
  manualSeed(3);
  return new BERT(TEXTS, { ...SMALL, dropout });
}

function weights(bert: BertEncoder): Float32Array {
  return Float32Array.from([...bert.stateDict().values()].flatMap((part) => [...part.data]));
}

test('of 15 % of the tokens, 80 % are hidden, 10 % random, 10 % kept; special ones never', () => {
  const length = 100_000;
  const ids = Int32Array.from({ length }, (_, i) => (i % 10 === 0 ? 101 : 1000 + (i % 500)));
  const { inputs, labels } = maskTokens(ids, { probability: 0.15, seed: 4 });
  const asked = [...labels.keys()].filter((i) => labels[i] !== -100);
  check(
    asked.every((i) => labels[i] === ids[i] && ids[i] !== 101),
    'labels are the tokens',
  );
  check(
    inputs.every((id, i) => labels[i] !== -100 || id === ids[i]),
    'the others stay',
  );
  const share = (of: (i: number) => boolean): number => asked.filter(of).length / asked.length;
  close(asked.length / (0.9 * length), 0.15, { atol: 0.005 });
  close(
    share((i) => inputs[i] === 103),
    0.8,
    { atol: 0.02 },
  );
  close(
    share((i) => inputs[i] === ids[i]),
    0.1,
    { atol: 0.015 },
  );
  same(maskTokens(ids, { seed: 4 }).labels, labels, 'the same seed');
  check(maskTokens(ids, { seed: 4, step: 1 }).labels.join() !== labels.join(), 'another step');
});

test('maskProbability is what training hides; an evaluation hides 15 % whatever it is', () => {
  const [usual, more] = [small(), new BERT(TEXTS, { ...SMALL, maskProbability: 0.5 })];
  more.loadStateDict(usual.stateDict());
  const share = (bert: BERT): number => {
    const draw = bert.batches([TEXTS.join(' ').repeat(20)], { batchSize: 200, seed: 1 });
    const { labels, lengths } = draw(0);
    return (
      labels.filter((label) => label !== -100).length / lengths.reduce((sum, n) => sum + n - 2, 0)
    );
  };
  close([share(usual), share(more)], [0.15, 0.5], { atol: 0.03 });
  same(more.evaluate(TEXTS), usual.evaluate(TEXTS), 'evaluation');
  same(more.copy().config.maskProbability, 0.5, 'copy');
  throws(() => new BERT(TEXTS, { maskProbability: 1.5 }), RangeError, /maskProbability/);
});

test('a vocabulary is the same for the same text, and its tokens give the text back', () => {
  const vocabulary = trainWordPiece(TEXTS, { size: 80, minFrequency: 2 });
  same(trainWordPiece(TEXTS, { size: 80, minFrequency: 2 }), vocabulary);
  same(vocabulary.slice(0, 5), ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
  check(vocabulary.includes('near') && vocabulary.length <= 80, vocabulary.join(' '));
  const tokenizer = new JsonTokenizer(wordPieceJson(vocabulary));
  const ids = tokenizer.encode('Nearer  thé\n[MASK]!');
  same(tokenizer.decode(ids), 'nearer the [MASK] !');
  same(tokenizer.encode('near ☃'), [tokenizer.idOf('near'), 1]);
  const characters = new JsonTokenizer(characterJson(TEXTS));
  same(characters.decode(characters.encode('A view')), 'A view');
  throws(
    () => wordPieceJson(['a']),
    RangeError,
    'wordPieceJson: vocabulary must be with [PAD], got "none"',
  );
});

test('padding changes nothing, and a batch without a hidden token has a loss of 0', () => {
  const bert = small();
  const alone = bert.encode(['near the positive']).data;
  const padded = bert.encode(['near the positive', TEXTS[1] as string]).data;
  close(padded.subarray(0, 16), alone, { atol: 1e-6 });
  const batch = bert.textBatch(TEXTS);
  const labels = new Int32Array(batch.ids.length).fill(-100);
  tidy(() => {
    const loss = bert.loss({ ...batch, labels });
    same(loss.item(), 0);
    loss.backward();
  });
  check(bert.wordEmbeddings.grad?.data.every((value) => value === 0) === true, 'gradients of 0');
  bert.dispose();
});

test('it learns, and a run that goes on has the bits of one that was never stopped', async () => {
  const options = { steps: 120, batchSize: 8, seed: 9, learningRate: 0.01 };
  const whole = small(0.1);
  const before = whole.evaluate(TEXTS).loss;
  for await (const _ of train(whole, TEXTS, options));
  const after = whole.evaluate(TEXTS);
  check(after.loss < 0.8 * before, `${before} to ${after.loss}`);
  const first = small(0.1);
  let state: TrainState | undefined;
  for await (const step of train(first, TEXTS, options)) {
    if (step.step < 7) continue;
    const { optimizer, ...rest } = step.state();
    state = { ...rest, optimizer: loadSafetensors(saveSafetensors(optimizer)) };
    break;
  }
  check(state !== undefined, 'no state was given');
  for await (const _ of train(first, TEXTS, { ...options, state }));
  sameBits(weights(first), weights(whole));
});

test('it finds out soon that neighbors matter', async () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const texts = Array.from(letters, (_, i) =>
    (letters.slice(i) + letters.slice(0, i)).slice(0, 14),
  );
  manualSeed(0);
  const bert = new BERT(new JsonTokenizer(characterJson(texts)), {
    ...{ layers: 2, heads: 2, width: 32, context: 16, dropout: 0 },
  });
  for await (const _ of train(bert, texts, { steps: 100, batchSize: 16, learningRate: 3e-3 }));
  // Positions and heads that begin at random get to 0.27.
  check(bert.evaluate(texts).accuracy > 0.5, 'letters are predicted from those next to them');
  bert.dispose();
});

test('the best tokens for a mask are the largest logits', () => {
  const bert = small();
  const text = 'near the [MASK] far';
  const [best = []] = bert.fillMask(text, { topK: 3 });
  const at = bert.tokenizer.encode(text).indexOf(bert.specials.mask) + 1;
  const logits = tidy(() =>
    noGrad(() =>
      bert.head.forward(bert.forward(bert.textBatch([text])), bert.wordEmbeddings).toArray(),
    ),
  );
  const size = bert.tokenizer.size;
  const row = [...logits.subarray(at * size, (at + 1) * size)];
  const ranked = [...row.keys()].sort((a, b) => (row[b] as number) - (row[a] as number));
  same(
    best.map(({ id }) => id),
    ranked.slice(0, 3),
  );
  const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
  close(best[0]?.probability ?? 0, Math.exp(row[ranked[0] as number] as number) / total, {
    rtol: 1e-5,
  });
  throws(
    () => bert.fillMask('near'),
    RangeError,
    'fillMask: text must be with at least one [MASK], got "near"',
  );
  bert.dispose();
});

test('few labels are learned, and the files give model and classifier again', async () => {
  const bert = small();
  const again = loadBert(saveBert(bert));
  sameBits(weights(again), weights(bert));
  same(again.fillMask('[MASK] far'), bert.fillMask('[MASK] far'));
  const texts = ['near the anchor', 'pulled near', 'far away', 'pushed far', 'nearer', 'farther'];
  const labels = ['near', 'near', 'far', 'far', 'near', 'far'];
  const before = weights(bert);
  const classifier = await bert.finetune(texts, labels, { learningRate: 3e-3 });
  same(weights(bert), before, 'the model itself stays');
  same(classifier.predict(texts), labels);
  const loaded = loadBertClassifier(saveBertClassifier(classifier));
  same(loaded.predictProba(texts), classifier.predictProba(texts));
});

test('fine-tuning sets out from a linear classifier on the mean of the hidden states', async () => {
  const bert = small();
  const texts = ['near the anchor', 'pulled near', 'far away', 'pushed far', 'nearer'];
  const labels = ['near', 'near', 'far', 'far', 'near'];
  const start = { learningRate: 1e-30, steps: 1, seed: 3 };
  const classifier = await bert.finetune(texts, labels, start);
  const { width, layers } = bert.config;
  same(classifier.bert.config.layers, layers + 1);
  const toRows = ({ data, rows, cols }: Matrix): number[][] =>
    Array.from({ length: rows }, (_, row) => [...data.subarray(row * cols, (row + 1) * cols)]);
  const normal = (row: number[]): number[] => {
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    return row.map((value) => (value - mean) / Math.sqrt(variance));
  };
  const first = toRows(bert.encode(texts, { pooling: 'cls' }));
  const expected = toRows(bert.encode(texts)).map((mean, row) =>
    normal(mean.map((value, i) => (first[row]?.[i] as number) + 8 * value)),
  );
  const found = classifier.bert.encode(texts, { pooling: 'cls' });
  close(found.data, expected.flat(), { atol: 1e-4 });
  const rows = Float32Array.from(expected.flat(), Math.tanh);
  const x = { data: rows, rows: texts.length, cols: width };
  const fitted = fitClassifier(x, [1, 1, 0, 0, 1]).predictProba(x);
  close(classifier.predictProba(texts).data, fitted.data, { atol: 1e-3 });
  randomNormal([7]).dispose();
  const again = await bert.finetune(texts, labels, { ...start, learningRate: 1e-3 });
  const third = await bert.finetune(texts, labels, { ...start, learningRate: 1e-3 });
  sameBits(weights(again.bert), weights(third.bert)); // whatever was drawn before
  for (const made of [bert, classifier, again, third]) made.dispose();
});

test('files that are not sound are refused, by name', () => {
  const bert = small();
  const changed = (file: string, change: (text: string) => string): Map<string, Uint8Array> => {
    const files = saveBert(bert);
    const text = change(new TextDecoder().decode(files.get(file)));
    return files.set(file, new TextEncoder().encode(text));
  };
  const config = (key: string, value: unknown) =>
    changed('config.json', (text) => JSON.stringify({ ...JSON.parse(text), [key]: value }));
  const truncated = saveBert(bert);
  const cut = truncated.get('model.safetensors')?.slice(0, 99) as Uint8Array;
  const cases: [Map<string, Uint8Array>, RegExp][] = [
    [config('hidden_size', -16), /config.json's hidden_size/],
    [config('num_hidden_layers', 99), /layer.98/],
    [config('num_hidden_layers', 1e6), /num_hidden_layers must be at most 4096, got 1000000/],
    [config('vocab_size', 1e7), /of shape \[10000000,16\]/],
    [config('hidden_act', 'swish'), /'gelu' or 'gelu_new'/],
    [truncated.set('model.safetensors', cut), /model.safetensors/],
    [
      changed('tokenizer.json', (text) => text.replace('"[MASK]": 4', '"[MASK]": 4e9')),
      /4000000000/,
    ],
    [changed('config.json', () => '[]'), /JSON object/],
  ];
  for (const [files, pattern] of cases) {
    throws(() => loadBert(files), RangeError, pattern);
  }
  bert.dispose();
});
