/** Fine-tuning of a sentence encoder of all-MiniLM-L6-v2's size: a training step and its peers' inputs. */

import { Random } from '../src/core/random.js';
import type { Files } from '../src/models/index.js';
import { candidate } from './interleave.js';
import type { Api } from './operations/operation.js';
import type { Inputs, Workload } from './workload.js';

/** Sizes of an encoder, and of a batch of its training. */
export interface EncoderSizes {
  layers: number;
  heads: number;
  C: number;
  hidden: number;
  V: number;
  /** Tokens of a text. */
  T: number;
  /** Pairs. */
  B: number;
}

const SIZES: EncoderSizes = { layers: 6, heads: 12, C: 384, hidden: 1536, V: 30522, T: 64, B: 32 };
const POSITIONS = 512;
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const [CLS, SEP] = [2, 3];
const LEARNING_RATE = 5e-5;
const STEPS = 100_000;

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const word = (id: number): string => `w${id}`;

/** Names and shapes of the weights, as Hugging Face's BERT has them. */
function shapes({ layers, C, hidden, V }: EncoderSizes): [name: string, shape: number[]][] {
  const dense = (name: string, out: number, inputs: number): [string, number[]][] => [
    [`${name}.weight`, [out, inputs]],
    [`${name}.bias`, [out]],
  ];
  const norm = (name: string): [string, number[]][] => [
    [`${name}.weight`, [C]],
    [`${name}.bias`, [C]],
  ];
  return [
    ['embeddings.word_embeddings.weight', [V, C]],
    ['embeddings.position_embeddings.weight', [POSITIONS, C]],
    ['embeddings.token_type_embeddings.weight', [2, C]],
    ...norm('embeddings.LayerNorm'),
    ...Array.from({ length: layers }, (_, i) => `encoder.layer.${i}.`).flatMap((layer) => [
      ...['query', 'key', 'value'].flatMap((part) => dense(`${layer}attention.self.${part}`, C, C)),
      ...dense(`${layer}attention.output.dense`, C, C),
      ...norm(`${layer}attention.output.LayerNorm`),
      ...dense(`${layer}intermediate.dense`, hidden, C),
      ...dense(`${layer}output.dense`, C, hidden),
      ...norm(`${layer}output.LayerNorm`),
    ]),
  ];
}

/** Random weights as a safetensors file. */
export function randomWeights({ nn }: Pick<Api, 'nn'>, sizes: EncoderSizes): Uint8Array {
  nn.manualSeed(1);
  const tensors = shapes(sizes).map(([name, shape]) => {
    if (/LayerNorm\.weight$/.test(name)) return [name, nn.ones(shape)] as const;
    if (name.endsWith('.bias')) return [name, nn.zeros(shape)] as const;
    return [name, nn.randomNormal(shape, { std: 0.05 })] as const;
  });
  const bytes = nn.saveSafetensors(new Map(tensors));
  for (const [, tensor] of tensors) tensor.dispose();
  return bytes;
}

/** A folder of sentence-transformers with these weights, whose words are the tokens w0, w1, … */
export function encoderFolder(
  { layers, heads, C, hidden, V, T }: EncoderSizes,
  bytes: Uint8Array,
  dropout: number,
): Files {
  const vocabulary = [...SPECIAL, ...Array.from({ length: V - SPECIAL.length }, (_, i) => word(i))];
  const tokenizer = {
    added_tokens: SPECIAL.map((content, id) => ({ id, content, special: true })),
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', SEP], cls: ['[CLS]', CLS] },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    },
  };
  const config = {
    model_type: 'bert',
    ...{ vocab_size: V, hidden_size: C, num_hidden_layers: layers, num_attention_heads: heads },
    ...{ intermediate_size: hidden, max_position_embeddings: POSITIONS, layer_norm_eps: 1e-12 },
    ...{ hidden_dropout_prob: dropout, attention_probs_dropout_prob: dropout },
  };
  const type = (name: string): string => `sentence_transformers.models.${name}`;
  return new Map([
    ['config.json', json(config)],
    ['model.safetensors', bytes],
    ['tokenizer.json', json(tokenizer)],
    ['sentence_bert_config.json', json({ max_seq_length: T })],
    [
      'modules.json',
      json([
        { path: '', type: type('Transformer') },
        { path: '1_Pooling', type: type('Pooling') },
        { path: '2_Normalize', type: type('Normalize') },
      ]),
    ],
    ['1_Pooling/config.json', json({ embedding_dimension: C, pooling_mode: 'mean' })],
  ]);
}

/** Numbers of the words of texts that fill all tokens. */
function randomTexts({ T, V }: EncoderSizes, count: number): number[][] {
  const random = new Random(1);
  return Array.from({ length: count }, () =>
    Array.from({ length: T - 2 }, () => random.integer(V - SPECIAL.length)),
  );
}

/** Pairs of texts of words drawn at random. */
export function randomPairs(sizes: EncoderSizes): [string, string][] {
  const texts = randomTexts(sizes, 2 * sizes.B).map((words) => words.map(word).join(' '));
  return Array.from({ length: sizes.B }, (_, i) => [
    texts[i] as string,
    texts[sizes.B + i] as string,
  ]);
}

/**
 * A full step: 32 pairs of 64 tokens, in-batch negatives in both directions, AdamW, clipping. With
 * dropout each candidate draws masks of its own, so that only the row without it compares losses.
 */
const trainingStep = (api: Api, dropout: number): Workload => ({
  name: `sentence encoder fine-tuning step, ${dropout > 0 ? '' : 'no '}dropout`,
  sizes: { ...SIZES, dropout },
  flops: undefined,
  steps: 3,
  inputs(): Inputs {
    const { B } = SIZES;
    const texts = randomTexts(SIZES, 2 * B);
    const bytes = randomWeights(api, SIZES);
    return {
      model: encoderFolder(SIZES, bytes, dropout),
      text: randomPairs(SIZES),
      weights: bytes,
      rates: [LEARNING_RATE],
      betas: [0.9, 0.999],
      weightDecay: 0.01,
      gradClip: 1,
      ids: texts.flatMap((tokens) => [CLS, ...tokens.map((id) => id + SPECIAL.length), SEP]),
    };
  },
  ours({ model, text }) {
    const encoder = api.models.loadSentenceEncoder(model as Files);
    const training = api.models.train(
      encoder,
      { pairs: text as [string, string][] },
      {
        ...{ steps: STEPS, batchSize: SIZES.B, warmup: 0, dimensions: [] },
        ...{ learningRate: LEARNING_RATE, weightDecay: 0.01, gradClip: 1 },
      },
    );
    return candidate('nearfar', async () => {
      const { value } = await training.next();
      return { loss: value?.loss ?? Number.NaN };
    });
  },
});

/** With the dropout of BERT, and without. */
export const encoderSteps = (api: Api): Workload[] => [
  trainingStep(api, 0.1),
  trainingStep(api, 0),
];
