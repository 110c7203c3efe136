/** BERT-like sentence encoders through `train`: pairs, texts alone, large batches, LoRA, resuming. */

import { readFileSync } from 'node:fs';
import type { Files, SentenceTrainOptions, TrainState } from 'nearfar/models';
import { loadSentenceEncoder, SentenceEncoder, saveSentenceEncoder, train } from 'nearfar/models';
import { tensor } from 'nearfar/nn';
import { encoderFolder, randomPairs, randomWeights } from '../../bench/encoder-workload.js';
import { freshPackage } from '../fresh.js';
import { check, close, same, sameBits, suite, throws } from '../harness.js';
import { fixtureFolder, json, readFolder } from './sentence-folders.js';
import { TRAINING_NAMES, TRAINING_PAIRS } from './sentence-training-pairs.js';

const test = suite('fine-tuning of BERT');

const TEXTS = TRAINING_PAIRS.flat();
const FIXTURES = 'test/golden/fixtures/sentence-training';

type Data = Parameters<typeof train>[1];

/** Losses of a training. */
async function losses(
  encoder: SentenceEncoder,
  data: Data,
  options: SentenceTrainOptions,
): Promise<number[]> {
  const found: number[] = [];
  for await (const { loss } of train(encoder, data as never, options)) found.push(loss);
  return found;
}

/** Mean reciprocal rank of the positives among all of them. */
function mrr(encoder: SentenceEncoder, pairs: readonly (readonly [string, string])[]): number {
  const anchors = encoder.encode(pairs.map(([anchor]) => anchor));
  const positives = encoder.encode(pairs.map(([, positive]) => positive));
  const { data, cols } = encoder.similarity(anchors, positives);
  const ranks = pairs.map((_, i) => {
    const scores = data.subarray(i * cols, (i + 1) * cols);
    return 1 + scores.filter((score) => score > (scores[i] as number)).length;
  });
  return ranks.reduce((sum, rank) => sum + 1 / rank, 0) / pairs.length;
}

/** A folder whose network has no dropout: these are so small that it would hide what they learn. */
function withoutDropout(folder: Files): Files {
  const config = JSON.parse(new TextDecoder().decode(folder.get('config.json')));
  const none = { dropout: 0, hidden_dropout_prob: 0 };
  const attention = { attention_dropout: 0, attention_probs_dropout_prob: 0 };
  return new Map([...folder, ['config.json', json({ ...config, ...none, ...attention })]]);
}

test('raises the MRR of its pairs, for every kind of transformer', async () => {
  for (const name of TRAINING_NAMES) {
    const encoder = loadSentenceEncoder(withoutDropout(fixtureFolder(name)));
    const before = mrr(encoder, TRAINING_PAIRS);
    await losses(encoder, { pairs: TRAINING_PAIRS }, { steps: 100, learningRate: 1e-3 });
    const after = mrr(encoder, TRAINING_PAIRS);
    check(after > 0.95 && after > before, `${name}: MRR ${before} before, ${after} after`);
    encoder.dispose();
  }
});

test('a new transformer learns, and is saved and loaded with its bits', async () => {
  const options = {
    kind: 'bert',
    width: 32,
    layers: 2,
    heads: 2,
    context: 40,
    dropout: 0,
  } as const;
  const encoder = new SentenceEncoder([...TEXTS], options);
  same([encoder.kind, encoder.width, encoder.maxTokens], ['bert', 32, 40]);
  const again = new SentenceEncoder([...TEXTS], options);
  sameBits(encoder.encode(TEXTS).data, again.encode(TEXTS).data);
  const other = new SentenceEncoder([...TEXTS], { ...options, seed: 1 });
  check(
    other.encode(TEXTS).data[0] !== encoder.encode(TEXTS).data[0],
    'a seed that changes nothing',
  );
  await losses(encoder, { pairs: TRAINING_PAIRS }, { steps: 100, learningRate: 2e-3 });
  const reached = mrr(encoder, TRAINING_PAIRS);
  check(reached > 0.95, `MRR ${reached}`);
  const loaded = loadSentenceEncoder(saveSentenceEncoder(encoder));
  sameBits(loaded.encode(TEXTS).data, encoder.encode(TEXTS).data);
  same(loaded.maxTokens, 40);
  const make = (more: object) => () => new SentenceEncoder([...TEXTS], { kind: 'bert', ...more });
  throws(make({ heads: 3 }), RangeError, /heads must be a divisor of the width 128, got 3/);
  throws(make({ context: 2 }), RangeError, /context must be/);
  throws(make({ dropout: 1 }), RangeError, /dropout must be/);
  throws(make({ kind: 'static', heads: 2 }), TypeError, /heads/);
});

test('learns from texts alone, labels, scores and embeddings', async () => {
  const texts = [...TEXTS];
  const data: Record<string, Data> = {
    texts: { texts },
    labels: { texts, labels: texts.map((_, i) => i % 3) },
    scores: { pairs: TRAINING_PAIRS, scores: TRAINING_PAIRS.map((_, i) => i / 5) },
    negatives: { pairs: TRAINING_PAIRS, negatives: TRAINING_PAIRS.map((_, i) => `far ${i}`) },
  };
  for (const [kind, each] of Object.entries(data)) {
    const encoder = loadSentenceEncoder(fixtureFolder('bert-v2'));
    const found = await losses(encoder, each, { steps: 60, learningRate: 2e-3, dimensions: [] });
    const mean = (from: number): number =>
      found.slice(from, from + 10).reduce((sum, loss) => sum + loss, 0) / 10;
    check(mean(50) < 0.8 * mean(0), `${kind}: loss ${mean(0)} at first, ${mean(50)} at last`);
    encoder.dispose();
  }
});

test('a batch in chunks has the losses and the weights of the whole batch', async () => {
  const encode = async (chunkSize: number): Promise<{ found: number[]; rows: Float32Array }> => {
    const encoder = loadSentenceEncoder(fixtureFolder('mpnet-v6'));
    const options = { steps: 4, learningRate: 1e-3, batchSize: 5, seed: 3, chunkSize };
    const found = await losses(encoder, { pairs: TRAINING_PAIRS }, options);
    const rows = encoder.encode(TEXTS).data;
    encoder.dispose();
    return { found, rows };
  };
  const whole = await encode(100);
  for (const chunkSize of [1, 3, 7]) {
    const chunks = await encode(chunkSize);
    close(chunks.found, whole.found, { rtol: 1e-4, what: `losses in chunks of ${chunkSize}` });
    close(chunks.rows, whole.rows, { atol: 1e-3, what: `rows in chunks of ${chunkSize}` });
  }
});

test('1,024 pairs take the memory of 32', async () => {
  const sizes = { layers: 2, heads: 4, C: 64, hidden: 256, V: 500, T: 24, B: 1024 };
  const pairs = randomPairs(sizes);
  const bytes = async (batchSize: number): Promise<number> => {
    const { models, nn, bytes } = await freshPackage();
    const folder = encoderFolder(sizes, randomWeights({ nn: nn as never }, sizes), 0.1);
    const encoder = models.loadSentenceEncoder(folder);
    const options = { steps: 1, batchSize, chunkSize: 64, dimensions: [] };
    for await (const { loss } of models.train(encoder, { pairs }, options)) {
      check(Number.isFinite(loss), 'a loss that is not finite');
    }
    return bytes();
  };
  const [small, large] = [await bytes(32), await bytes(1024)];
  check(large <= 1.15 * small, `32 pairs take ${small} bytes, 1,024 take ${large}`);
});

test('a resumed run has the bits of one that was never stopped', async () => {
  const folder = fixtureFolder('bert-v6');
  const data = { pairs: TRAINING_PAIRS };
  for (const lora of [undefined, { rank: 2 }]) {
    const options = { steps: 6, learningRate: 1e-3, seed: 4, ...(lora && { lora }) };
    const whole = loadSentenceEncoder(folder);
    await losses(whole, data, options);
    const first = loadSentenceEncoder(folder);
    let state: TrainState | undefined;
    for await (const step of train(first, data, options)) {
      if (step.step < 3) continue;
      const { optimizer, ...others } = step.state();
      state = {
        ...others,
        // The state's tensors live until the next step.
        optimizer: new Map([...optimizer].map(([key, x]) => [key, copyOf(x)])),
      };
      break;
    }
    check(state !== undefined, 'no state');
    // Once saved and loaded, as in another process.
    const again = lora
      ? loadSentenceEncoder(folder, { adapter: saveSentenceEncoder(first, { adapter: true }) })
      : loadSentenceEncoder(saveSentenceEncoder(first));
    await losses(again, data, { ...options, state });
    sameBits(again.encode(TEXTS).data, whole.encode(TEXTS).data);
  }
});

type StateTensor = TrainState['optimizer'] extends ReadonlyMap<string, infer T> ? T : never;
const copyOf = (x: StateTensor): StateTensor => tensor(x.toArray(), x.shape);

test('encoding while it is trained changes no bit of the training', async () => {
  const run = async (looks: boolean): Promise<Float32Array> => {
    const encoder = loadSentenceEncoder(fixtureFolder('roberta-v6'));
    for await (const _ of train(encoder, { pairs: TRAINING_PAIRS }, { steps: 4, seed: 1 })) {
      if (looks) encoder.encode(TEXTS);
    }
    return encoder.encode(TEXTS).data;
  };
  sameBits(await run(true), await run(false));
});

test('LoRA: the adapter alone, and merged, give the bits of the trained encoder', async () => {
  for (const name of TRAINING_NAMES) {
    const folder = fixtureFolder(name);
    const encoder = loadSentenceEncoder(folder);
    const before = encoder.encode(TEXTS).data;
    const options = { steps: 20, learningRate: 1e-2, lora: { rank: 4, dropout: 0.1 } };
    await losses(encoder, { pairs: TRAINING_PAIRS }, options);
    const { data } = encoder.encode(TEXTS);
    check(Math.max(...data.map((x, i) => Math.abs(x - (before[i] as number)))) > 0.01, 'no change');
    const adapter = saveSentenceEncoder(encoder, { adapter: true });
    same([...adapter.keys()], ['adapter_config.json', 'adapter_model.safetensors']);
    sameBits(loadSentenceEncoder(folder, { adapter }).encode(TEXTS).data, data);
    const merged = saveSentenceEncoder(encoder);
    check(!merged.has('adapter_config.json'), 'a merged folder with an adapter');
    sameBits(loadSentenceEncoder(merged).encode(TEXTS).data, data);
    same(saveSentenceEncoder(loadSentenceEncoder(folder, { adapter }), { adapter: true }), adapter);
  }
});

test('reads adapters of PEFT', () => {
  for (const name of ['bert-v2', 'mpnet-v6']) {
    const adapter = readFolder(`${FIXTURES}/${name}-adapter`);
    const encoder = loadSentenceEncoder(fixtureFolder(name), { adapter });
    const rows = JSON.parse(readFileSync(`${FIXTURES}/${name}-adapter.json`, 'utf8')).flat();
    close(encoder.encode(TEXTS).data, rows, { atol: 1e-5, what: name });
    encoder.dispose();
  }
});

test('refuses adapters that are not for it, and says which file', () => {
  const folder = fixtureFolder('bert-v2');
  const adapter = readFolder(`${FIXTURES}/bert-v2-adapter`);
  const config = JSON.parse(new TextDecoder().decode(adapter.get('adapter_config.json')));
  const changed = (fields: object): Files =>
    new Map([...adapter, ['adapter_config.json', json({ ...config, ...fields })]]);
  const load =
    (files: Files, base = folder) =>
    () =>
      loadSentenceEncoder(base, { adapter: files });
  const name = 'loadSentenceEncoder: ';
  throws(load(new Map()), RangeError, `${name}files must hold adapter_config.json`);
  throws(
    load(new Map([...adapter].slice(0, 1))),
    RangeError,
    `${name}files must hold adapter_model.safetensors`,
  );
  throws(load(changed({ r: 3 })), RangeError, /adapter_model\.safetensors's .* of rank 3, got/);
  throws(load(changed({ r: 0 })), RangeError, /adapter_config\.json's r must be a whole number/);
  throws(load(changed({ peft_type: 'IA3' })), RangeError, /peft_type must be LORA, got "IA3"/);
  throws(load(changed({ use_dora: true })), RangeError, /use_dora must be false, got true/);
  throws(load(changed({ lora_alpha: -1 })), RangeError, /lora_alpha must be a number above 0/);
  throws(
    load(adapter, fixtureFolder('distilbert-v5')),
    RangeError,
    /adapter_model\.safetensors must be for layers that the encoder has, got/,
  );
  throws(load(adapter, fixtureFolder('static-v6')), RangeError, /left out for a static encoder/);
  throws(
    () => saveSentenceEncoder(loadSentenceEncoder(folder), { adapter: true }),
    RangeError,
    /the encoder has no adapter/,
  );
});

test('refuses what it can not train', async () => {
  const fails = async (
    encoder: SentenceEncoder,
    options: object,
    expected: RegExp,
    data: Data = { pairs: TRAINING_PAIRS },
  ): Promise<void> => {
    let message = 'nothing thrown';
    try {
      await losses(encoder, data, options as SentenceTrainOptions);
    } catch (error) {
      message = (error as Error).message;
    }
    check(expected.test(message), `${expected}: ${message}`);
  };
  const folder = fixtureFolder('bert-v2');
  const encoder = loadSentenceEncoder(folder);
  await fails(encoder, { lora: { rank: 0 } }, /rank must be/);
  await fails(encoder, { lora: { ranks: 8 } }, /ranks/);
  await fails(encoder, { lora: 8 }, /lora/);
  await fails(encoder, { lora: { dropout: 1 } }, /dropout must be/);
  await fails(encoder, { lora: { rank: 17 } }, /rank must be at most 16, the width/);
  // Data in which nothing is compared would be trained on for nothing.
  const pairs = [1, 2, 3].map((i): [string, string] => ['near', `far ${i}`]);
  await fails(encoder, {}, /pairs must have different anchors/, { pairs });
  const swapped = pairs.map(([a, b]): [string, string] => [b, a]);
  await fails(encoder, {}, /pairs must have different positives/, { pairs: swapped });
  await fails(encoder, {}, /ids must have different ones/, {
    ...{ pairs: TRAINING_PAIRS, ids: TRAINING_PAIRS.map(() => 1) },
  });
  const hard = { pairs, negatives: ['a', 'b', 'c'] };
  same((await losses(loadSentenceEncoder(folder), hard, { steps: 1 })).length, 1);
  await fails(encoder, {}, /labels must have two that are equal/, {
    ...{ texts: TEXTS, labels: TEXTS.map((_, i) => i) },
  });
  await fails(
    loadSentenceEncoder(folder, { precision: 'int8' }),
    {},
    /train: model must be loaded with precision 'float32'/,
  );
  await fails(
    loadSentenceEncoder(fixtureFolder('static-v6')),
    { lora: { rank: 8 } },
    /lora must be left out for a static encoder/,
  );
  // Nothing that was refused changed the encoder.
  sameBits(encoder.encode(TEXTS).data, loadSentenceEncoder(folder).encode(TEXTS).data);
});
