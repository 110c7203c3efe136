/**
 * The network that trains BERT-like sentence encoders, below `train`: its rows are those of
 * inference, its gradients those of sentence-transformers, its dropout is keyed by the text.
 */

import { readFileSync } from 'node:fs';
import type { Tensor } from '../../src/nn/index.js';
import { load } from '../cli/load.js';
import { check, close, same, suite } from '../harness.js';
import { fixtureCases, fixtureFolder, fixtureNames, withFiles } from './sentence-folders.js';
import { TRAINING_NAMES, TRAINING_PAIRS } from './sentence-training-pairs.js';
import type * as Parts from './transformer-training-parts.js';

const test = suite('training of transformers');

let loaded: Promise<typeof Parts> | undefined;
function parts(): Promise<typeof Parts> {
  loaded ??= load<typeof Parts>('test/models/transformer-training-parts.ts');
  return loaded;
}

const TEXTS = [0, 1].flatMap((side) => TRAINING_PAIRS.map((pair) => pair[side] as string));

type Encoder = ReturnType<typeof Parts.loadSentenceEncoder>;

function promptOf({ prompts, defaultPromptName: name }: Encoder): string {
  return name === undefined ? '' : (prompts[name] ?? '');
}

/** Gradients of the loss of the pairs by the names that Python has for the weights. */
function namedGrads(
  encoder: Encoder,
  { transformer, behind }: InstanceType<typeof Parts.BertNetwork>,
): Map<string, Float32Array> {
  const grads = new Map<string, Float32Array>();
  const put = (name: string, tensor: Tensor | undefined): void => {
    if (tensor?.grad) grads.set(name, tensor.grad.toArray());
  };
  const affine = (name: string, layer: { weight: Tensor; bias: Tensor | undefined }): void => {
    put(`${name}.weight`, layer.weight);
    put(`${name}.bias`, layer.bias);
  };
  const { network } = encoder.parts;
  check(network.kind === 'bert', 'a static encoder');
  const { architecture } = network.encoder;
  put('0/embeddings.word_embeddings.weight', transformer.words);
  put('0/embeddings.position_embeddings.weight', transformer.positions);
  put('0/embeddings.token_type_embeddings.weight', transformer.types);
  put('0/encoder.relative_attention_bias.weight', transformer.relative);
  affine('0/embeddings.LayerNorm', transformer.norm);
  transformer.layers.forEach((layer, i) => {
    const name = (part: keyof typeof architecture.names): string =>
      `0/${architecture.layer(i)}${architecture.names[part]}`;
    for (const part of ['output', 'norm1', 'up', 'down', 'norm2'] as const) {
      affine(name(part), layer[part]);
    }
    (['query', 'key', 'value'] as const).forEach((part, third) => {
      for (const kind of ['weight', 'bias'] as const) {
        const grad = layer.qkv[kind]?.grad?.toArray() ?? new Float32Array();
        const size = grad.length / 3;
        grads.set(`${name(part)}.${kind}`, grad.slice(third * size, (third + 1) * size));
      }
    });
  });
  behind.forEach(({ linear, residual, norm }, i) => {
    if (linear) affine(`${i + 2}/linear`, linear);
    if (residual) affine(`${i + 2}/residual`, residual);
    if (norm) affine(`${i + 2}/norm`, norm);
  });
  return grads;
}

test('gives the rows of inference, for every folder, pooling and module', async () => {
  const { loadSentenceEncoder, BertNetwork, nn } = await parts();
  let compared = 0;
  for (const name of fixtureNames) {
    for (const { files, texts, options = {}, name: title } of fixtureCases(name)) {
      const encoder = loadSentenceEncoder(withFiles(fixtureFolder(name), files));
      if (encoder.kind === 'bert') {
        const { prompt = options.promptName && encoder.prompts[options.promptName] } = options;
        const network = new BertNetwork(encoder.parts, prompt ?? promptOf(encoder)).eval();
        const { tokens } = encoder.parts;
        const ids = texts.map((text) => tokens.ids((prompt ?? promptOf(encoder)) + text));
        const rows = nn.tidy(() => nn.noGrad(() => network.embed(ids).toArray()));
        const what = `${name}, ${title}`;
        close(rows, encoder.encode(texts, options).data, { rtol: 1e-6, atol: 1e-6, what });
        network.dispose();
        compared++;
      }
      encoder.dispose();
    }
  }
  check(compared > 80, `only ${compared} cases`);
});

for (const name of TRAINING_NAMES) {
  test(`gradients of all weights of ${name} are those of sentence-transformers`, async () => {
    const { loadSentenceEncoder, BertNetwork, nn } = await parts();
    const golden = nn.loadSafetensors(
      readFileSync(`test/golden/fixtures/sentence-training/${name}.safetensors`),
    );
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    const network = new BertNetwork(encoder.parts, promptOf(encoder)).eval();
    const { tokens } = encoder.parts;
    const ids = TEXTS.map((text) => tokens.ids(promptOf(encoder) + text));
    const n = TRAINING_PAIRS.length;
    nn.tidy(() => {
      const rows = network.embed(ids);
      close(rows.toArray(), golden.get('rows')?.toArray() ?? [], { atol: 1e-5, what: 'rows' });
      const [anchors, positives] = [nn.slice(rows, 0, 0, n), nn.slice(rows, 0, n)];
      const loss = nn.infoNce(anchors, positives, { temperature: 0.05, symmetric: true });
      close(loss.item(), golden.get('loss')?.item() ?? 0, { atol: 1e-5, what: 'loss' });
      loss.backward();
    });
    const grads = namedGrads(encoder, network);
    for (const [key, expected] of golden) {
      if (key === 'rows' || key === 'loss') continue;
      const want = expected.toArray();
      const largest = want.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
      // A key's bias changes no softmax: its gradient is 0, and ours what rounding leaves of it.
      const atol = 1e-4 * largest + 1e-6;
      close(grads.get(key) ?? [], want, { atol, what: key });
      grads.delete(key);
    }
    same([...grads.keys()], [], 'weights without a golden');
    network.dispose();
    encoder.dispose();
  });
}

/** Compares gradients with central differences. */
function checkGrads(
  nn: typeof Parts.nn,
  inputs: Record<string, Tensor>,
  scalar: () => Tensor,
  step = 1e-2,
): void {
  nn.tidy(() => scalar().backward());
  const value = (): number => nn.tidy(() => nn.noGrad(scalar).item());
  for (const [name, input] of Object.entries(inputs)) {
    const differences = Array.from({ length: input.size }, (_, i) => {
      const before = input.data[i] as number;
      const at = (x: number): number => {
        input.data[i] = x;
        return value();
      };
      const difference = (at(before + step) - at(before - step)) / (2 * step);
      input.data[i] = before;
      return difference;
    });
    close(input.grad?.toArray() ?? [], differences, { rtol: 5e-3, atol: 5e-3, what: name });
  }
}

/** A scalar that no number of a tensor can hide in. */
function weighted(nn: typeof Parts.nn, x: Tensor): Tensor {
  const weights = Float32Array.from({ length: x.size }, (_, i) => (((i * 7) % 11) - 4) / 8);
  return nn.sum(nn.mul(x, nn.tensor(weights, x.shape)));
}

/** Numbers of a parameter, the same for a seed. */
function drawn(nn: typeof Parts.nn, shape: number[]): Tensor {
  return nn.asParameter(nn.randomNormal(shape));
}

test('attention within sequences: its gradients, with biases of distances and dropout', async () => {
  const { nn, sequenceAttention, withSampleKeys } = await parts();
  nn.manualSeed(3);
  // The longest sequence first: what comes behind a shorter one belongs to the next.
  for (const offsets of [
    [0, 1],
    [0, 9, 10, 13, 18],
    [0, 3, 4, 9],
  ]) {
    const [heads, width] = [2, 5];
    const rows = offsets.at(-1) as number;
    const longest = Math.max(...offsets.slice(1).map((end, i) => end - (offsets[i] as number)));
    const qkv = drawn(nn, [rows, 3 * heads * width]);
    const bias = drawn(nn, [heads, 2 * longest + 1]);
    for (const dropout of [0, 0.3]) {
      const keys = { seed: 1, step: 0, samples: offsets.slice(1) };
      const scalar = (): Tensor =>
        withSampleKeys(keys, () =>
          weighted(nn, sequenceAttention(qkv, Int32Array.from(offsets), { heads, dropout, bias })),
        );
      [qkv.grad, bias.grad] = [undefined, undefined];
      checkGrads(nn, { qkv, bias }, scalar);
    }
  }
});

test('attention within a sequence has the bits of attention of it alone', async () => {
  const { nn, sequenceAttention } = await parts();
  nn.manualSeed(4);
  const offsets = Int32Array.of(0, 7, 8, 20);
  const heads = 3;
  const qkv = nn.randomNormal([20, 3 * heads * 4]);
  const all = sequenceAttention(qkv, offsets, { heads, dropout: 0 }).toArray();
  const alone = [0, 1, 2].flatMap((s) => {
    const x = nn.slice(qkv, 0, offsets[s] as number, offsets[s + 1]);
    return [...nn.attention(nn.reshape(x, [1, ...x.shape]), { heads }).toArray()];
  });
  same([...all], alone);
});

test('residual, dropout and normalization in one: gradients by central differences', async () => {
  const { nn, residualNorm, withSampleKeys } = await parts();
  nn.manualSeed(5);
  const offsets = Int32Array.of(0, 3, 4);
  const [x, branch] = [drawn(nn, [4, 6]), drawn(nn, [4, 6])];
  const [weight, bias] = [drawn(nn, [6]), drawn(nn, [6])];
  for (const rate of [0, 0.4]) {
    const scalar = (): Tensor =>
      withSampleKeys({ seed: 2, step: 1, samples: [0, 1] }, () =>
        weighted(nn, residualNorm(x, branch, weight, bias, offsets, { eps: 1e-5, rate })),
      );
    for (const each of [x, branch, weight, bias]) each.grad = undefined;
    checkGrads(nn, { x, branch, weight, bias }, scalar, 3e-3);
  }
});

test('gradients of every activation are central differences of it', async () => {
  const { nn, activate, ACTIVATIONS } = await parts();
  for (const kind of [...ACTIVATIONS, 'GELU', 'GELUTanh', 'Identity'] as const) {
    // Away from corners, which lie at 0, ±0.5, ±1, ±3, 6 and 20.
    const x = nn.parameter([-21.3, -7, -3.2, -1.7, -0.8, -0.3, 0.2, 0.7, 1.4, 3.3, 6.6, 21.7]);
    checkGrads(nn, { [kind]: x }, () => weighted(nn, activate(x, kind)));
    x.dispose();
  }
});

test('GELU overwrites neither a leaf nor memory that a view shares', async () => {
  const { nn, activate } = await parts();
  const x = nn.parameter([-2, -0.5, 0.5, 2]);
  const scaled = nn.mul(x, 2);
  activate(x, 'GELU');
  activate(nn.reshape(scaled, [2, 2]), 'GELU');
  same([...x.data], [-2, -0.5, 0.5, 2]);
  same([...scaled.data], [-4, -1, 1, 4]);
});

test('gradients of every pooling are central differences of it', async () => {
  const { nn, loadSentenceEncoder, BertNetwork } = await parts();
  const folder = fixtureFolder('bert-v2');
  const found = fixtureCases('bert-v2').find(({ name }) => name === 'all modes');
  const encoder = loadSentenceEncoder(withFiles(folder, found?.files));
  const network = new BertNetwork(encoder.parts, '').eval();
  const ids = ['near', 'what is far', ''].map((text) => encoder.parts.tokens.ids(text));
  const { bias } = network.transformer.norm;
  checkGrads(nn, { bias: bias as Tensor }, () => weighted(nn, network.embed(ids)), 1e-3);
  encoder.dispose();
});

test("dropout is keyed by a text's sample alone, and another step draws another", async () => {
  const { nn, loadSentenceEncoder, BertNetwork, withSampleKeys } = await parts();
  const encoder = loadSentenceEncoder(fixtureFolder('mpnet-v6'));
  const network = new BertNetwork(encoder.parts, '').train();
  const ids = TEXTS.map((text) => encoder.parts.tokens.ids(text));
  const rows = (samples: number[], step = 0): number[][] =>
    withSampleKeys({ seed: 7, step, samples }, () =>
      nn.tidy(() => {
        const x = network.embed(samples.map((sample) => ids[sample] as number[])).toArray();
        return samples.map((_, i) => [...x.slice(i * network.width, (i + 1) * network.width)]);
      }),
    );
  const all = rows(ids.map((_, i) => i));
  same(rows([4, 2]), [all[4], all[2]], 'rows of two texts alone');
  check(JSON.stringify(rows([4], 1)) !== JSON.stringify([all[4]]), 'a step draws the same');
  network.eval();
  check(JSON.stringify(rows([4])) !== JSON.stringify([all[4]]), 'dropout in evaluation');
  encoder.dispose();
});

test('texts are cut into chunks by their number and by their tokens', async () => {
  const { cutIntoChunks } = await parts();
  const limits = { texts: 3, tokens: 10 };
  same(cutIntoChunks([1, 1, 1, 1, 1], limits), [3, 2]);
  same(cutIntoChunks([5, 5, 1, 9, 0, 2], limits), [2, 3, 1]);
  same(cutIntoChunks([4, 40, 4, 4], limits), [1, 1, 2], 'a text that is too long is one alone');
  same(cutIntoChunks([], limits), []);
});

test('a chunk of an encoder leaves room for its weights in 4 GB', async () => {
  const { tokensAtOnce, loadSentenceEncoder } = await parts();
  const { network } = loadSentenceEncoder(fixtureFolder('bert-v6')).parts;
  check(network.kind === 'bert', 'a static encoder');
  const { config } = network.encoder;
  const sizes = (layers: number, width: number, vocabularySize = 30522) => ({
    ...{ ...config, layers, width, vocabularySize, hidden: 4 * width, positions: 512 },
  });
  const mini = tokensAtOnce(sizes(6, 384), false);
  // 32 pairs of 128 tokens at once, but not 32 with a hard negative each of 256.
  check(mini > 64 * 128 && mini < 96 * 256, `${mini} tokens of MiniLM`);
  const base = tokensAtOnce(sizes(12, 768), false);
  check(base > 1000 && base < 2000, `${base} tokens of a base model`);
  check(tokensAtOnce(sizes(12, 768), true) > base, 'an adapter leaves no more room');
  same(tokensAtOnce(sizes(24, 1024, 250_000), false), 1, 'a model that does not fit');
});

test('what an optimizer changed is what the encoder encodes and saves', async () => {
  const { nn, loadSentenceEncoder, BertNetwork } = await parts();
  for (const name of ['bert-v6', 'residual-v6', 'mpnet-v6']) {
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    const prompt = promptOf(encoder);
    const network = new BertNetwork(encoder.parts, prompt).eval();
    const before = encoder.encode(TEXTS).data;
    const optimizer = new nn.AdamW(network.parameters(), { learningRate: 0.01 });
    const ids = TEXTS.map((text) => encoder.parts.tokens.ids(prompt + text));
    const rows = nn.tidy(() => {
      weighted(nn, network.embed(ids)).backward();
      optimizer.step();
      return nn.noGrad(() => network.embed(ids).toArray());
    });
    network.refresh();
    const { data } = encoder.encode(TEXTS);
    close(data, rows, { atol: 2e-6, what: name });
    check(Math.max(...data.map((x, i) => Math.abs(x - (before[i] as number)))) > 0.01, 'no change');
    network.release();
    encoder.dispose();
  }
});
