/** Token ids as data, as those of large texts come: the same run as on the texts; counts of bigrams. */

import {
  BERT,
  Bigrams,
  CharacterTokenizer,
  GPT,
  maskedBaselines,
  type Trainable,
  train,
} from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { Random } from '../../src/core/random.js';
import { check, same, suite, throws } from '../harness.js';

const test = suite('token ids');
const TEXTS = ['near and far. '.repeat(20), 'far! '.repeat(30), ''];
const SMALL = { layers: 1, heads: 2, width: 16, context: 8 };

async function losses<Data>(make: () => Trainable<Data, unknown>, data: Data): Promise<number[]> {
  manualSeed(1);
  const found: number[] = [];
  const options = { steps: 4, batchSize: 3, seed: 2 };
  for await (const { loss } of train(make(), data, options)) found.push(loss);
  return found;
}

test('GPT: typed arrays of any width are the text', async () => {
  const text = TEXTS.join('\n');
  const tokenizer = CharacterTokenizer.fromText(text);
  const ids = tokenizer.encode(text);
  const expected = await losses(() => new GPT(tokenizer, SMALL), text);
  for (const type of [Uint8Array, Uint16Array, Int32Array]) {
    const data = type.from(ids);
    same(await losses<string | ArrayLike<number>>(() => new GPT(tokenizer, SMALL), data), expected);
    const gpt = new GPT(tokenizer, SMALL);
    same(gpt.evaluate(data), gpt.evaluate(text));
  }
});

test('BERT: ids of documents are the documents', async () => {
  const make = (): BERT => new BERT(TEXTS, { ...SMALL, tokenizer: 'char' });
  const bert = make();
  const documents = TEXTS.map((text) => Uint16Array.from(bert.tokenizer.encode(text)));
  const expected = await losses<Parameters<BERT['batches']>[0]>(make, TEXTS);
  same(await losses<Parameters<BERT['batches']>[0]>(make, documents), expected);
  same(bert.evaluate(documents), bert.evaluate(TEXTS));
  same(bert.samples(documents), bert.samples(TEXTS));
  const bigrams = Bigrams.of(documents);
  same(maskedBaselines(bert, documents, bigrams), maskedBaselines(bert, TEXTS, bigrams));
  const unknown = [Uint16Array.of(bert.tokenizer.size)];
  throws(() => bert.evaluate(unknown), RangeError, /^evaluate: data\[0\]\[0\] must be a token id/);
});

/** The token between two others by counts in plain Maps; ties to the lower id. */
function between(documents: readonly number[][], previous: number, next: number): number {
  const counts = (
    at: (document: number[], i: number) => number | undefined,
  ): Map<number, number> => {
    const found = new Map<number, number>();
    for (const document of documents) {
      for (let i = 0; i < document.length; i++) {
        const id = at(document, i);
        if (id !== undefined) found.set(id, (found.get(id) ?? 0) + 1);
      }
    }
    return found;
  };
  const single = counts((document, i) => (i > 0 ? document[i] : undefined));
  const after = counts((document, i) => (document[i - 1] === previous ? document[i] : undefined));
  const before = counts((document, i) => (document[i + 1] === next ? document[i] : undefined));
  const best = (score: (id: number) => number): number | undefined => {
    const ids = [...new Set([...after.keys(), ...before.keys(), ...single.keys()])];
    const [first] = ids.sort((a, b) => score(b) - score(a) || a - b);
    return first !== undefined && score(first) > 0 ? first : undefined;
  };
  const at = (map: Map<number, number>, id: number): number => map.get(id) ?? 0;
  return (
    best((id) => (at(after, id) * at(before, id)) / (at(single, id) || 1)) ??
    best((id) => at(after, id) + at(before, id)) ??
    best((id) => at(single, id)) ??
    0
  );
}

test('bigrams give the token that counting gives', () => {
  const random = new Random(4);
  for (const vocabulary of [1, 2, 5, 30]) {
    const documents = [90, 1, 0, 300].map((length) =>
      Array.from({ length }, () => random.integer(vocabulary)),
    );
    const bigrams = Bigrams.of(documents);
    for (let i = 0; i <= vocabulary; i++) {
      for (let j = 0; j <= vocabulary; j++) {
        const [got, want] = [bigrams.between(i, j), between(documents, i, j)];
        check(got === want, `${i} ? ${j} of ${vocabulary}: ${got}, not ${want}`);
      }
    }
    same([...new Bigrams(bigrams.pairs).pairs], [...bigrams.pairs]);
  }
  throws(
    () => new Bigrams(Float32Array.of(1, 2 ** 24, 1)),
    RangeError,
    /pairs\[1\] must be a whole/,
  );
});
