/**
 * Loading sentence encoders: the folders that are given, and tokenizers of the sizes that people
 * have, put together here: WordPiece as BERT's, Unigram as that of XLM-RoBERTa.
 */

import { Random } from '../src/core/random.js';
import { writeRawSafetensors } from '../src/core/safetensors.js';
import type { Files } from '../src/models/index.js';
import type { EncoderFolder } from './encoding.js';
import { candidate } from './interleave.js';
import type { Api } from './operations/operation.js';
import type { Workload } from './workload.js';

const write = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const LETTERS = [...'etaoinshrdlucmfwypvbgkjqxzабвгдежзиклмнопрстуфхцчшыьэюя'];

/** Pieces of words, each once: the number of each in letters, the frequent letters more often. */
function pieces(count: number, first: string, inner: string): string[] {
  const random = new Random(1);
  return Array.from({ length: count }, (_, i) => {
    let piece = '';
    for (let n = i + LETTERS.length; n > 0; n = Math.floor(n / LETTERS.length)) {
      piece += LETTERS[n % LETTERS.length];
    }
    return (random.uniform() < 0.5 ? first : inner) + piece;
  });
}

const SPECIAL = ['<s>', '<pad>', '</s>', '<unk>'];
const added = SPECIAL.map((content, id) => ({ id, content, special: true, normalized: false }));

/** The tokenizer.json of a kind with so many tokens. */
function tokenizerOf(kind: 'WordPiece' | 'Unigram', count: number): Uint8Array {
  const random = new Random(2);
  if (kind === 'Unigram') {
    const tokens = [...SPECIAL, ...pieces(count - SPECIAL.length, '▁', '')];
    return write({
      added_tokens: added,
      normalizer: { type: 'NFKC' },
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
      post_processor: { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0] },
      model: { type: 'Unigram', unk_id: 3, vocab: tokens.map((t) => [t, -20 * random.uniform()]) },
    });
  }
  const tokens = [...SPECIAL, ...pieces(count - SPECIAL.length, '', '##')];
  return write({
    added_tokens: added,
    normalizer: { type: 'BertNormalizer', lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: ['</s>', 2], cls: ['<s>', 0] },
    model: {
      type: 'WordPiece',
      unk_token: '<unk>',
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    },
  });
}

/** A static encoder of four columns: what remains to load is its tokenizer. */
function narrowFolder(kind: 'WordPiece' | 'Unigram', count: number): Files {
  const bytes = new Uint8Array(4 * count);
  const table = { dtype: 'I8', shape: [count, 4], bytes };
  return new Map([
    ['config.json', write({ model_type: 'model2vec' })],
    ['tokenizer.json', tokenizerOf(kind, count)],
    ['model.safetensors', writeRawSafetensors(new Map([['embeddings', table]]), {})],
  ]);
}

const TOKENIZERS = [
  ['WordPiece', 30_522],
  ['Unigram', 250_002],
] as const;

/** Lists the workloads: tokenizers, then the folders that are given. */
export function loadingWorkloads({ models }: Api, encoders: readonly EncoderFolder[]): Workload[] {
  const row = (name: string, sizes: Workload['sizes'], make: () => Files): Workload => ({
    name: `load ${name}`,
    sizes,
    flops: undefined,
    inputs: () => ({ files: make() }),
    ours({ files }) {
      return candidate('nearfar', () => {
        models.loadSentenceEncoder(files as Files).dispose();
        return {};
      });
    },
  });
  const bytesOf = (files: Files): number =>
    [...files.values()].reduce((sum, { length }) => sum + length, 0);
  return [
    ...TOKENIZERS.map(([kind, tokens]) =>
      row(`a ${kind} tokenizer`, { tokens }, () => narrowFolder(kind, tokens)),
    ),
    ...encoders.map(({ name, files }) =>
      row(name, { MB: Math.round(bytesOf(files) / 1e6) }, () => files),
    ),
  ];
}
