/**
 * One rank of a small training, as a thread: posts the losses of the steps and the bits of all
 * weights at the end.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { joinRanks, trainRanks } from 'nearfar/distributed';
import { BERT, CLIP, GPT, imagesFrom, MAE, SentenceEncoder, SimCLR } from 'nearfar/models';
import { bytesInUse, manualSeed } from 'nearfar/nn';

const { share, rank, system, shards, steps, gradients } = workerData;

const WORDS = ['red', 'green', 'blue', 'cat', 'dog', 'bird', 'runs', 'sleeps', 'eats', 'small'];

/** @param {number} i */
const sentence = (i) =>
  [0, 1, 2, 3].map((k) => WORDS[(i * 7 + k * (3 + (i % 5))) % WORDS.length]).join(' ');

const COUNT = 53;
const texts = Array.from({ length: COUNT }, (_, i) => `${sentence(i)} ${i}`);
const pairs = texts.map((text, i) => [text, `${sentence(i + 3)} of ${i}`]);
const shape = { height: 16, width: 16, channels: 1 };
const pixels = Uint8Array.from({ length: COUNT * 256 }, (_, i) => (i * 7919 + (i >> 5) * 31) % 256);
const labels = Int32Array.from({ length: COUNT }, (_, i) => i % 7);

manualSeed(1);

/** @type {Record<string, () => { model: any, data: any, options?: object }>} */
const SYSTEMS = {
  simclr: () => ({
    model: new SimCLR({ ...shape, widths: [4], chunkSize: 8 }),
    data: imagesFrom(pixels, shape),
    options: { batchSize: 45 },
  }),
  'simclr, supcon': () => ({
    model: new SimCLR({ ...shape, widths: [4], loss: 'supcon', chunkSize: 8 }),
    data: { ...imagesFrom(pixels, shape), labels },
    options: { batchSize: 45 },
  }),
  clip: () => ({
    model: new CLIP(texts, { imageSize: 16, channels: 1, imageWidth: 8, projection: 8 }),
    data: { ...imagesFrom(pixels, shape), captions: texts },
    options: { batchSize: 45 },
  }),
  siglip: () => ({
    model: new CLIP(texts, { imageSize: 16, channels: 1, imageWidth: 8, loss: 'siglip' }),
    data: { ...imagesFrom(pixels, shape), captions: texts },
    options: { batchSize: 45 },
  }),
  mae: () => ({
    model: new MAE({ ...shape, patch: 4, width: 16, layers: 1, heads: 2 }),
    data: imagesFrom(pixels, shape),
    options: { batchSize: 45 },
  }),
  gpt: () => ({
    model: new GPT(texts.join(' '), { layers: 1, heads: 2, width: 16, context: 16, dropout: 0.1 }),
    data: texts.join(' '),
    options: { batchSize: 21 },
  }),
  bert: () => ({
    model: new BERT(texts.join(' '), {
      ...{ layers: 1, heads: 2, width: 16, context: 16, dropout: 0.1 },
      tokenizer: 'char',
    }),
    data: texts.join(' '),
    options: { batchSize: 21 },
  }),
  pairs: () => ({
    model: new SentenceEncoder(texts, { width: 64 }),
    data: { pairs, negatives: texts.map((_, i) => (i % 3 === 0 ? [`not ${i}`, 'never'] : [])) },
    options: { batchSize: 41 },
  }),
  parts: () => ({
    model: new SentenceEncoder(texts, { width: 64 }),
    data: { texts },
    options: { batchSize: 41 },
  }),
  labels: () => ({
    model: new SentenceEncoder(texts, { width: 32 }),
    data: { texts, labels },
    options: { batchSize: 41 },
  }),
  scores: () => ({
    model: new SentenceEncoder(texts, { width: 64 }),
    data: { pairs, scores: texts.map((_, i) => (i * 5) % 11) },
    options: { batchSize: 41 },
  }),
  embeddings: () => ({
    model: new SentenceEncoder(texts, { width: 32 }),
    data: {
      texts,
      embeddings: texts.map((_, i) => Array.from({ length: 32 }, (_, k) => ((i * k) % 9) - 4)),
    },
    options: { batchSize: 41 },
  }),
  transformer: () => ({
    model: new SentenceEncoder(texts, { kind: 'bert', width: 16, layers: 1, heads: 2 }),
    data: { pairs },
    options: { batchSize: 41, chunkSize: 20 },
  }),
};

const { model, data, options } = /** @type {() => any} */ (SYSTEMS[system])();
const communicator = joinRanks(share, rank);
/** @type {number[]} */
const losses = [];
const before = bytesInUse();
const run = trainRanks(model, data, {
  ...{ learningRate: 1e-2, warmup: 0, steps, seed: 5, communicator },
  ...options,
  ...(shards === undefined ? {} : { shards }),
  ...(gradients === undefined ? {} : { gradients }),
});
for await (const { loss } of run) losses.push(loss);
const leaked = bytesInUse() - before;
const weights =
  'encode' in model && model instanceof SentenceEncoder
    ? model.encode(texts).data
    : Float32Array.from(
        [...model.stateDict().values()].flatMap((tensor) => [.../** @type {any} */ (tensor).data]),
      );
parentPort?.postMessage({ losses, weights, leaked, traffic: communicator.traffic });
