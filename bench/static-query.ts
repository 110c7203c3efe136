/**
 * One query as a search in an edge worker answers it: a static encoder of model2vec's layout with
 * integers of 8 bits encodes a text, and the nearest of ready rows are found.
 */

import { Random } from '../src/core/random.js';
import { writeRawSafetensors } from '../src/core/safetensors.js';
import type { Files, SentenceEncoder } from '../src/models/index.js';
import { candidate } from './interleave.js';
import type { Api, Numbers } from './operations/operation.js';
import type { Workload } from './workload.js';

/** Streams of random numbers: words, table, texts. */
const [WORDS, TABLE, TEXTS] = [1, 2, 3];
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz';

/** Words of an alphabet, each once, shorter ones first, as in a vocabulary. */
function words(count: number): string[] {
  const random = new Random(1, WORDS);
  const found = new Set(LETTERS);
  while (found.size < count) {
    const length = 2 + Math.floor((8 * found.size) / count) + random.integer(3);
    const letters = Array.from(
      { length },
      () => LETTERS[Math.min(random.integer(26), random.integer(26))],
    );
    found.add(letters.join(''));
  }
  return [...found];
}

const write = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A folder of a static encoder with so many tokens, whole words and parts of words. */
export function staticFolder(tokens: number, width: number): Files {
  const whole = words(Math.floor(0.8 * tokens));
  const parts = whole.slice(0, tokens - whole.length - 2).map((word) => `##${word}`);
  const vocabulary = ['[PAD]', '[UNK]', ...whole, ...parts];
  const random = new Random(1, TABLE);
  const table = Uint8Array.from({ length: tokens * width }, () => random.integer(256));
  return new Map([
    ['config.json', write({ model_type: 'model2vec', normalize: true })],
    [
      'model.safetensors',
      writeRawSafetensors(
        new Map([['embeddings', { dtype: 'I8', shape: [tokens, width], bytes: table }]]),
        {},
      ),
    ],
    [
      'tokenizer.json',
      write({
        added_tokens: [],
        normalizer: { type: 'BertNormalizer', lowercase: true },
        pre_tokenizer: { type: 'BertPreTokenizer' },
        model: {
          type: 'WordPiece',
          unk_token: '[UNK]',
          vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
        },
      }),
    ],
  ]);
}

/** Texts of five to twelve words of that vocabulary. */
export function staticTexts(count: number, tokens: number): string[] {
  const known = words(Math.floor(0.8 * tokens));
  const random = new Random(1, TEXTS);
  return Array.from({ length: count }, () =>
    Array.from({ length: 5 + random.integer(8) }, () => known[random.integer(known.length)]).join(
      ' ',
    ),
  );
}

/** Encoding of one text and search over ready rows. */
export const staticQuery = (api: Api): Workload => {
  const sizes = { V: 30_000, C: 256, N: 1000 };
  return {
    name: 'static encoder query',
    sizes,
    flops: undefined,
    inputs() {
      const encoder = api.models.loadSentenceEncoder(staticFolder(sizes.V, sizes.C));
      const texts = staticTexts(sizes.N, sizes.V);
      return { encoder, texts, rows: encoder.encode(texts) };
    },
    ours(inputs) {
      const encoder = inputs.encoder as SentenceEncoder;
      const texts = inputs.texts as string[];
      let next = 0;
      return candidate('nearfar', () => {
        const text = texts[next++ % texts.length] as string;
        const { scores } = api.topK(encoder.encode(text), inputs.rows as Numbers, 10);
        return { scores };
      });
    },
  };
};
