/** GPT-2's and BERT's files between PyTorch and this package, both ways: hub.py has the other side. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { finetune, type GPT, loadBert, loadBertClassifier, loadGpt, train } from 'nearfar/models';
import { bytesInUse, noGrad, tidy } from 'nearfar/nn';
import { collectGarbage } from '../garbage.js';
import { checkpoints } from '../golden/checkpoints.js';
import { check, close, same, suite, throws } from '../harness.js';

const test = suite('hub');

interface Packed {
  shape: number[];
  f32: string;
}

interface Theirs {
  name: string;
  config: Record<string, unknown>;
  weights: string;
  files: Record<string, string>;
  ids: number[];
}

interface GptCase extends Theirs {
  text: string;
  logits: Packed;
  prompt: string;
  continued: string;
}

interface BertCase extends Theirs {
  texts: string[];
  lengths: number[];
  cls: Packed;
  mean: Packed;
  logits?: Packed;
  filled?: { token: string; probability: number }[];
}

interface Ours {
  name: string;
  sha256: Record<string, string>;
  ids: number[];
  lengths: number[];
  logits: Packed;
}

function fixture<T>(name: string): { theirs: T[]; ours: Ours[] } {
  const file = new URL(`../golden/fixtures/models/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8'));
}

const gpt = fixture<GptCase>('hub-gpt');
const bert = fixture<BertCase>('hub-bert');

const unpacked = ({ f32 }: Packed): Float32Array =>
  new Float32Array(new Uint8Array(Buffer.from(f32, 'base64')).buffer);

/** Frees what other tests left to the collector, which would be freed in the midst of one here. */
async function settledBytes(): Promise<number> {
  await collectGarbage();
  return bytesInUse();
}

/** A checkpoint's files, with another config if there are changes. */
function filesOf(golden: Theirs, changes: Record<string, unknown> = {}): Map<string, Uint8Array> {
  const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);
  return new Map([
    ['config.json', encoded(JSON.stringify({ ...golden.config, ...changes }))],
    ['model.safetensors', new Uint8Array(Buffer.from(golden.weights, 'base64'))],
    ...Object.entries(golden.files).map(([name, text]) => [name, encoded(text)] as const),
  ]);
}

function named<T extends Theirs>(cases: readonly T[], name: string): T {
  const found = cases.find((golden) => golden.name === name);
  check(found !== undefined, `no checkpoint ${name}`);
  return found;
}

/** Losses of a few steps of training. */
async function losses(model: GPT, text: string): Promise<number[]> {
  const found: number[] = [];
  const options = { steps: 15, batchSize: 4, learningRate: 0.01, warmup: 0 };
  for await (const { loss } of train(model, text, options)) found.push(loss);
  return found;
}

for (const golden of gpt.theirs) {
  test(`GPT-2, ${golden.name}: tokens, logits and text are PyTorch's, and it learns on`, async () => {
    const before = await settledBytes();
    const model = loadGpt(filesOf(golden));
    const ids = model.tokenizer.encode(golden.text);
    same(ids, golden.ids, 'tokens');
    same(model.tokenizer.decode(ids), golden.text, 'text');
    tidy(() =>
      noGrad(() => {
        const logits = model.forward(ids);
        close(logits.toArray(), unpacked(golden.logits), { atol: 1e-4, what: 'logits' });
      }),
    );
    const continued = model.generate(golden.prompt, { maxNewTokens: 8, topK: 1 });
    same(continued, golden.continued, 'continued');
    const [first = 0, ...others] = await losses(model, golden.text.repeat(20));
    check((others.at(-1) as number) < 0.8 * first, `losses: ${[first, ...others]}`);
    model.dispose();
    same(bytesInUse(), before, 'bytes in use');
  });
}

for (const golden of bert.theirs.filter(({ name }) => name !== 'classifier')) {
  test(`BERT, ${golden.name}: tokens, vectors and tokens for masks are PyTorch's, and it learns on`, async () => {
    const before = await settledBytes();
    const model = loadBert(filesOf(golden));
    const { texts, filled } = golden;
    const batch = model.textBatch(texts);
    same([...batch.ids], golden.ids, 'tokens');
    same([...batch.lengths], golden.lengths, 'lengths');
    for (const pooling of ['cls', 'mean'] as const) {
      const { data } = model.encode(texts, { pooling });
      close(data, unpacked(golden[pooling]), { atol: 1e-4, what: pooling });
    }
    if (golden.logits !== undefined && filled !== undefined) {
      const wanted = unpacked(golden.logits);
      const logits = tidy(() =>
        noGrad(() => model.head.forward(model.forward(batch), model.wordEmbeddings).toArray()),
      );
      // The logits of padding do not matter.
      const row = wanted.length / batch.ids.length;
      const steps = batch.ids.length / batch.batch;
      for (const [b, length] of batch.lengths.entries()) {
        const [from, end] = [b * steps * row, (b * steps + length) * row];
        close(logits.subarray(from, end), wanted.subarray(from, end), {
          atol: 1e-4,
          what: 'logits',
        });
      }
      const [best = []] = model.fillMask(texts[1] as string, { topK: filled.length });
      same(
        best.map(({ token }) => token),
        filled.map(({ token }) => token),
        'filled',
      );
      for (const [i, { probability }] of filled.entries()) {
        close(best[i]?.probability ?? 0, probability, { atol: 1e-5, what: 'probability' });
      }
    }
    const learned = ['near', 'far', 'near and', 'and far'];
    const labels = [0, 1, 0, 1];
    const classifier = await finetune(
      model,
      { texts: learned, labels },
      { learningRate: 0.01, steps: 100 },
    );
    same(classifier.predict(learned), labels.map(String), 'labels');
    classifier.dispose();
    same(bytesInUse(), before, 'bytes in use');
  });
}

test("a classifier without names has the hub's, and PyTorch's probabilities", () => {
  const golden = named(bert.theirs, 'classifier');
  const model = loadBertClassifier(filesOf(golden));
  same(model.labelNames, ['LABEL_0', 'LABEL_1']);
  const logits = tidy(() =>
    noGrad(() => model.forward(model.bert.textBatch(golden.texts)).toArray()),
  );
  close(logits, unpacked(golden.logits as Packed), { atol: 1e-4, what: 'logits' });
  model.dispose();
});

for (const golden of [...gpt.ours, ...bert.ours]) {
  test(`${golden.name}: PyTorch reads these bytes, and gives our logits`, () => {
    const checkpoint = checkpoints.find(({ name }) => name === golden.name);
    check(checkpoint !== undefined, `no checkpoint ${golden.name}`);
    const files = checkpoint.files();
    for (const [name, wanted] of Object.entries(golden.sha256)) {
      const bytes = files.get(name) as Uint8Array;
      same(createHash('sha256').update(bytes).digest('hex'), wanted, `SHA-256 of ${name}`);
    }
    const { model, logits } = checkpoint.load(files);
    const wanted = unpacked(golden.logits);
    const [lengths, ids] = [Int32Array.from(golden.lengths), Int32Array.from(golden.ids)];
    const found = tidy(() =>
      noGrad(() => logits({ ids, lengths, batch: lengths.length }).toArray()),
    );
    close(found, wanted, { atol: 1e-4, what: 'logits' });
    model.dispose();
  });
}

test('a config of what the networks do not have is refused by its key', async () => {
  const before = await settledBytes();
  const [anyGpt, anyBert] = [named(gpt.theirs, 'characters'), named(bert.theirs, 'encoder')];
  const asGpt: [Record<string, unknown>, string][] = [
    [{ tie_word_embeddings: false }, 'tie_word_embeddings must be true, got false'],
    [{ scale_attn_by_inverse_layer_idx: true }, 'scale_attn_by_inverse_layer_idx must be false…'],
    [{ activation_function: 'relu' }, 'activation_function must be…'],
    [{ layer_norm_epsilon: 0 }, 'layer_norm_epsilon must be above 0, got 0'],
    [{ n_inner: -1 }, 'n_inner must be a whole number of at least 1, got -1'],
  ];
  for (const [changes, message] of asGpt) {
    throws(
      () => loadGpt(filesOf(anyGpt, changes)),
      RangeError,
      `loadGpt: config.json's ${message}`,
    );
  }
  throws(
    () => loadGpt(filesOf(anyGpt, { n_inner: 20 })),
    RangeError,
    "loadGpt: model.safetensors's transformer.h.1.mlp.c_fc.weight must be of shape [8,20]…",
  );
  const asBert: [Record<string, unknown>, string][] = [
    [{ hidden_act: 'relu' }, 'hidden_act must be…'],
    [{ layer_norm_eps: -1 }, 'layer_norm_eps must be above 0, got -1'],
    [{ tie_word_embeddings: false }, 'tie_word_embeddings must be true, got false'],
    [{ is_decoder: true }, 'is_decoder must be false, got true'],
    [{ type_vocab_size: 0 }, 'type_vocab_size must be a whole number of at least 1, got 0'],
  ];
  for (const [changes, message] of asBert) {
    throws(
      () => loadBert(filesOf(anyBert, changes)),
      RangeError,
      `loadBert: config.json's ${message}`,
    );
  }
  throws(
    () => loadBert(filesOf(anyBert, { type_vocab_size: 2 })),
    RangeError,
    "loadBert: model.safetensors's bert.embeddings.token_type_embeddings.weight must be of shape [2,8]…",
  );
  same(bytesInUse(), before, 'bytes in use');
});
