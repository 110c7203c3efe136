/**
 * Programs that readers of the report can copy: for each of its figures the lines that make its
 * numbers, with the package alone. A test runs all of them.
 */

import type { Block } from '../../report/types.js';

/** Gives a program that opens a pre-trained model of the package. */
const open = (kind: string, name: string): string => `\
const folder = 'node_modules/nearfar/dist/weights/${name}/';
const files = readdirSync(folder).map((file) => [file, readFileSync(folder + file)]);
const ${name} = load${kind}(new Map(files));`;

const DIGITS = `\
const packed = readFileSync('node_modules/nearfar/dist/samples/digits/digits-images-idx3-ubyte.gz');
const images = imagesFrom(gunzipSync(packed).subarray(16), { height: 28, width: 28, channels: 1 });`;

const EMOJI = `\
const samples = 'node_modules/nearfar/dist/samples/emoji/';
const { captions } = JSON.parse(readFileSync(samples + 'emoji.json', 'utf8'));
const pixels = new Uint8Array(brotliDecompressSync(readFileSync(samples + 'pixels.br')));
pixels.forEach((value, i) => { pixels[i] = value + (i % 96 < 3 ? 0 : pixels[i - 3]); });`;

/** Programs by name. */
export const PROGRAMS = {
  triplets: `\
import { pca, tripletUpdate } from 'nearfar';

let seed = 1;
const random = () => (seed = (seed * 48271) % 2147483647) / 1073741823.5 - 1;
const embeddings = { data: Float32Array.from({ length: 24 * 32 }, random), rows: 24, cols: 32 };
const rowOf = (label) => 8 * label + Math.floor(4 + 4 * random());
const triplets = Array.from({ length: 200 }, (_, i) => [rowOf(i % 3), rowOf(i % 3), rowOf((i + 1) % 3)]);
const losses = tripletUpdate(embeddings, triplets.flat(), { rule: 'anchor', learningRate: 0.05 });
console.log(losses, pca(embeddings, { components: 2 }).projected);`,

  contrast: `\
import { ntXent } from 'nearfar/nn';
import { Adam, manualSeed, parameter, randomNormal } from 'nearfar/nn';

manualSeed(1);
const z = parameter(randomNormal([24, 32]).toArray(), [24, 32]); // row i + 12 is the positive of row i
const optimizer = new Adam(new Map([['z', z]]), { learningRate: 0.03 });
for (let step = 0; step < 200; step++) {
  optimizer.zeroGrad();
  const loss = ntXent(z, { temperature: 0.5 });
  loss.backward();
  optimizer.step();
  console.log(step, loss.item());
}`,

  bert: `\
import { readFileSync } from 'node:fs';
import { BERT, train } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';

const lines = readFileSync('node_modules/nearfar/dist/samples/mails/mails.jsonl', 'utf8').trim().split('\\n');
const texts = lines.map((line) => JSON.parse(line).text); // the labels are not used
manualSeed(1);
const bert = new BERT(texts, { layers: 2, width: 128, dropout: 0, maskProbability: 0.3 });
for await (const { step, loss } of train(bert, texts, { steps: 10000, batchSize: 16 })) console.log(step, loss);`,

  fill: `\
import { readdirSync, readFileSync } from 'node:fs';
import { loadBert } from 'nearfar/models';

${open('Bert', 'bert')}
const [tokens] = bert.fillMask('click here to be removed from our mailing [MASK].', { topK: 4 });
for (const { token, probability } of tokens) console.log(token, probability.toFixed(2));`,

  fewLabels: `\
import { readdirSync, readFileSync } from 'node:fs';
import { loadBert } from 'nearfar/models';

${open('Bert', 'bert')}
const lines = readFileSync('node_modules/nearfar/dist/samples/mails/mails.jsonl', 'utf8').trim().split('\\n');
const mails = lines.map((line) => JSON.parse(line)); // ham and spam by turns
const [few, others] = [mails.slice(0, 16), mails.slice(-440)];
const classifier = await bert.finetune(few.map(({ text }) => text), few.map(({ label }) => label), { steps: 60 });
const found = classifier.predict(others.map(({ text }) => text));
console.log(found.filter((label, i) => label === others[i].label).length / others.length);`,

  gpt: `\
import { readFileSync } from 'node:fs';
import { GPT, train } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';

const text = readFileSync('node_modules/nearfar/dist/samples/moby-dick/moby-dick.txt', 'utf8');
const cut = Math.floor(0.9 * text.length);
manualSeed(1);
const gpt = new GPT(text, { layers: 4, heads: 4, width: 128, context: 64 });
const options = { steps: 2000, batchSize: 12, learningRate: 2e-3, seed: 1 };
for await (const { step, loss } of train(gpt, text.slice(0, cut), options)) console.log(step, loss);
console.log(gpt.evaluate(text.slice(cut, cut + 8192)));`,

  write: `\
import { readdirSync, readFileSync } from 'node:fs';
import { loadGpt } from 'nearfar/models';

${open('Gpt', 'gpt')}
for (const text of gpt.generateStream('The whale ', { maxNewTokens: 400, temperature: 0.6, seed: 1 })) {
  process.stdout.write(text);
}`,

  views: `\
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { imagesFrom, SimCLR } from 'nearfar/models';

${DIGITS}
const { first, second } = new SimCLR().views(images);
console.log(first.rows, second.cols);`,

  simclr: `\
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fewShotAccuracy, imagesFrom, SimCLR, subset, train } from 'nearfar/models';

${DIGITS}
const labels = gunzipSync(readFileSync('node_modules/nearfar/dist/samples/digits/digits-labels-idx1-ubyte.gz')).subarray(8);
const part = (from, to) => subset(images, Array.from({ length: to - from }, (_, i) => from + i));
const model = new SimCLR();
for await (const { step, loss } of train(model, part(0, 2000), { steps: 200, batchSize: 128, seed: 1 })) console.log(step, loss);
const rows = { train: model.encode(part(0, 2000)), test: model.encode(part(2000, 3000)) };
console.log(fewShotAccuracy({ ...rows, trainLabels: labels.subarray(0, 2000), testLabels: labels.subarray(2000) }, [10]));`,

  neighbors: `\
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { topK } from 'nearfar';
import { imagesFrom, SimCLR, subset, train } from 'nearfar/models';

${DIGITS}
const part = (from, to) => subset(images, Array.from({ length: to - from }, (_, i) => from + i));
const model = new SimCLR();
for await (const { step, loss } of train(model, part(0, 2000), { steps: 200, batchSize: 128, seed: 1 })) console.log(step, loss);
const { indices } = topK(model.encode(part(2000, 2001)), model.encode(part(0, 2000)), 6);
console.log(Array.from(indices, (index) => index % 10)); // digits come by turns: 0, 1, … 9, 0, 1, …`,

  clip: `\
import { readdirSync, readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { topK } from 'nearfar';
import { loadClip } from 'nearfar/models';

${open('Clip', 'clip')}
${EMOJI}
const { indices } = topK(clip.encodeTexts(['fruit', 'music']), clip.encode(pixels), 6);
console.log(Array.from(indices, (index) => captions[index].split(';')[0]));`,

  clipTraining: `\
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { CLIP, clipRetrieval, imagesFrom, train } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';

${EMOJI}
const data = { ...imagesFrom(pixels, { height: 32, width: 32, channels: 3 }), captions };
manualSeed(1);
const clip = new CLIP(captions);
const options = { steps: 2000, batchSize: 256, learningRate: 2e-3, seed: 1 };
for await (const { step, loss } of train(clip, data, options)) console.log(step, loss);
console.log(clipRetrieval(clip, data).imageToText[1]);`,

  clipTuning: `\
import { readdirSync, readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { topK } from 'nearfar';
import { captionLabel, imagesFrom, loadClip, subset, train } from 'nearfar/models';

${open('Clip', 'clip')}
${EMOJI}
const all = { ...imagesFrom(pixels, { height: 32, width: 32, channels: 3 }), captions };
const some = subset(all, captions.flatMap((_, i) => (i % 4 === 0 ? [i] : [])));
for await (const { step, loss } of train(clip, some, { steps: 20, batchSize: 128, learningRate: 3e-4, seed: 1 })) console.log(step, loss);
const { indices } = topK(clip.encode(pixels), clip.encodeTexts(captions.map(captionLabel)), 1);
console.log(indices.filter((name, i) => i % 4 > 0 && name === i).length / (all.count - some.count));`,

  mae: `\
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { imagesFrom, MAE, reconstructionErrors, subset, train } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';

${DIGITS}
const part = (from, to) => subset(images, Array.from({ length: to - from }, (_, i) => from + i));
manualSeed(1);
const mae = new MAE({ height: 28, width: 28, channels: 1, hidden: 64, heads: 4 });
for await (const { step, loss } of train(mae, part(0, 2000), { steps: 2000, seed: 1 })) console.log(step, loss);
console.log(reconstructionErrors(mae, part(2000, 3000)));`,

  reconstruct: `\
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { imagesFrom, loadMae } from 'nearfar/models';

${open('Mae', 'mae')}
${DIGITS}
const { reconstructed } = mae.reconstruct(images.read([2000]).pixels, { maskRatio: 0.75 });
const pixels = Array.from(reconstructed.data, (value) => (value > 0 ? '#' : '.'));
for (let row = 0; row < 28; row++) console.log(pixels.slice(28 * row, 28 * row + 28).join(''));`,
} as const;

/** A block with a program, folded. */
export function program(name: keyof typeof PROGRAMS, caption: string): Block {
  return { kind: 'code', text: PROGRAMS[name], caption, folded: true };
}
