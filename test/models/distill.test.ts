/** Distilled encoders versus model2vec 0.10, whose results test/golden/distill.py wrote. */

import { readFileSync } from 'node:fs';
import {
  distill,
  loadSentenceEncoder,
  type SentenceEncoder,
  saveSentenceEncoder,
} from 'nearfar/models';
import { bytesInUse } from 'nearfar/nn';
import { check, close, same, suite } from '../harness.js';
import { fixtureFolder } from './sentence-folders.js';

const test = suite('distill');

interface Model {
  vocab: unknown;
  unk_id?: number | null;
}

type TokenizerFile = Record<string, unknown> & { model: Model };

/** A golden, made of a folder by model2vec: test/golden/distill.py. */
interface Golden {
  width: number;
  tokenizer: TokenizerFile;
  rows: number[][];
}

const FOLDERS = ['bert-v2', 'cased-v5', 'distilbert-v5', 'mpnet-v6', 'roberta-v6', 'xlmr-v5'];

const golden = (name: string): Golden =>
  JSON.parse(
    readFileSync(new URL(`../golden/fixtures/distill/${name}.json`, import.meta.url), 'utf8'),
  );

/** The table and the tokenizer that are written of an encoder. */
function written(encoder: SentenceEncoder): { table: Float32Array; tokenizer: TokenizerFile } {
  const files = saveSentenceEncoder(encoder);
  const bytes = (files.get('model.safetensors') as Uint8Array).slice();
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(files.get('tokenizer.json'));
  return { table: new Float32Array(bytes.buffer.slice(8 + length)), tokenizer: JSON.parse(text) };
}

/** Fails unless a promise is rejected with an error of a class and a message. */
async function rejects(run: () => Promise<unknown>, kind: string, message: string): Promise<void> {
  const error = await run().then(
    () => undefined,
    (reason: Error) => reason,
  );
  same(error && [error.constructor.name, error.message], [kind, message]);
}

/** JSON with the keys of each object in one order. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, each]) => [key, sorted(each)]);
}

for (const name of FOLDERS) {
  test(`${name} gives model2vec's tokenizer and its rows but for the sign of a column`, async () => {
    const { width, tokenizer, rows } = golden(name);
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    const small = await distill(encoder, { width });
    same([small.kind, small.width], ['static', width]);
    const ours = written(small);
    const unigram = Array.isArray(tokenizer.model.vocab);
    for (const part of Object.keys(tokenizer)) {
      // Of Unigram, transformers 5 has its own normalizer, and model2vec the number of another token as unk_id.
      if (unigram && (part === 'normalizer' || part === 'model')) continue;
      same(sorted(ours.tokenizer[part]), sorted(tokenizer[part]), `tokenizer.json's ${part}`);
    }
    if (unigram) {
      const tokensOf = (model: Model): string[] =>
        (model.vocab as [string, number][]).map(([token]) => token);
      same(tokensOf(ours.tokenizer.model), tokensOf(tokenizer.model), 'tokens');
      same(tokensOf(tokenizer.model)[ours.tokenizer.model.unk_id ?? -1], '<unk>');
    }
    same(ours.table.length, rows.length * width);
    for (let c = 0; c < width; c++) {
      const expected = rows.map((row) => row[c] as number);
      const column = rows.map((_, r) => ours.table[r * width + c] as number);
      const sign =
        expected.reduce((sum, value, r) => sum + value * (column[r] as number), 0) < 0 ? -1 : 1;
      const largest = Math.max(...expected.map(Math.abs));
      close(
        column.map((value) => sign * value),
        expected,
        { atol: 1e-3 * largest, what: `column ${c}` },
      );
    }
    encoder.dispose();
    small.dispose();
  });
}

test('gives the event loop its turns, tells how far it is, and the same bits', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('roberta-v6'));
  const seen: unknown[] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const first = await distill(encoder, { seed: 1, onProgress: (progress) => seen.push(progress) });
  clearInterval(timer);
  same(seen, [
    { done: 256, total: 327 },
    { done: 327, total: 327 },
  ]);
  check(turns > 0, 'no turn of the event loop');
  same(first.width, 16, 'the width where there is less than 256');
  const second = await distill(encoder, { seed: 2, width: 16 });
  same([...written(first).table], [...written(second).table]);
});

test('ends at its signal with the reason', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('roberta-v6'));
  const before = bytesInUse();
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('enough'));
  const run = distill(encoder, { signal: controller.signal, onProgress: stop });
  await rejects(() => run, 'Error', 'enough');
  await rejects(
    () => distill(encoder, { signal: { aborted: true } }),
    'Error',
    'distill: the signal was aborted',
  );
  same(bytesInUse(), before);
});

test('refuses what is not a transformer, and widths that there are not', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('bert-v2'));
  await rejects(
    () => distill(encoder, { width: 17 }),
    'RangeError',
    'distill: width must be a whole number from 1 to 16 (the columns of hidden states), got 17',
  );
  await rejects(
    () => distill(undefined as never),
    'TypeError',
    'distill: encoder must be a SentenceEncoder, got undefined',
  );
  const small = await distill(encoder);
  await rejects(
    () => distill(small),
    'TypeError',
    'distill: encoder must be a transformer, got a static encoder',
  );
  encoder.dispose();
  await rejects(() => distill(encoder), 'Error', 'distill: the encoder was disposed of');
  small.dispose();
});

test('nothing stays in memory', async () => {
  const encoder = loadSentenceEncoder(fixtureFolder('xlmr-v5'));
  const before = bytesInUse();
  (await distill(encoder)).dispose();
  same(bytesInUse(), before);
});
