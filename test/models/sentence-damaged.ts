/** Folders of sentence encoders that are damaged, each with the message that must refuse it. */

import type { Files } from 'nearfar/models';
import { openSafetensors, type RawArray, writeRawSafetensors } from '../../src/core/safetensors.js';

/** Beginning of what Git leaves in place of a large file. */
const POINTER = 'version https://git-lfs.github.com/spec/v1\n';

/** A fixture's folder, what is wrong with it, the files that replace its own, the message. */
export const DAMAGED: readonly (readonly [
  folder: string,
  what: string,
  files: (files: Files) => Record<string, unknown>,
  message: RegExp,
])[] = [
  ['bert-v2', 'no config', () => ({ 'config.json': null }), /config\.json/],
  ['bert-v2', 'no weights', () => ({ 'model.safetensors': null }), /must hold model\.safetensors/],
  [
    'bert-v2',
    'a pickle',
    () => ({ 'model.safetensors': null, 'pytorch_model.bin': {} }),
    /must hold model\.safetensors, got pytorch_model\.bin/,
  ],
  [
    'bert-v2',
    "Git's pointer",
    () => ({ 'model.safetensors': new TextEncoder().encode(POINTER) }),
    /model\.safetensors is a Git LFS pointer/,
  ],
  [
    'static-v5',
    "Git's pointer in a module's folder",
    () => ({ '0_StaticEmbedding/model.safetensors': new TextEncoder().encode(POINTER) }),
    /0_StaticEmbedding\/model\.safetensors is a Git LFS pointer/,
  ],
  [
    'bert-v2',
    'shards that are not there',
    () => ({
      'model.safetensors': null,
      'model.safetensors.index.json': { weight_map: { x: 'model-00001-of-00002.safetensors' } },
    }),
    /must hold model-00001-of-00002\.safetensors/,
  ],
  [
    'bert-v2',
    'an index without shards',
    () => ({ 'model.safetensors': null, 'model.safetensors.index.json': { weight_map: [] } }),
    /index\.json must be with a weight_map/,
  ],
  [
    'bert-v2',
    'weights that are no weights',
    () => ({ 'model.safetensors': {} }),
    /model\.safetensors: bytes must be a safetensors file/,
  ],
  [
    'bert-v2',
    'weights cut off',
    (files) => ({ 'model.safetensors': files.get('model.safetensors')?.subarray(0, -40) }),
    /model\.safetensors: bytes must be a safetensors file/,
  ],
  [
    'bert-v2',
    'a weight that is infinite',
    (files) => {
      const bytes = (files.get('model.safetensors') as Uint8Array).slice();
      bytes.set([0, 0, 0x80, 0x7f], bytes.length - 4);
      return { 'model.safetensors': bytes };
    },
    /model\.safetensors's .* must be finite, got Infinity/,
  ],
  ['bert-v2', 'no tokenizer', () => ({ 'tokenizer.json': null }), /must hold tokenizer\.json/],
  [
    'bert-v2',
    'no pooling',
    () => ({ '1_Pooling/config.json': null }),
    /must hold 1_Pooling\/config/,
  ],
  [
    'bert-v2',
    'no modules although there is a pooling',
    () => ({ 'modules.json': null }),
    /must hold modules\.json, which says what 1_Pooling\/config\.json is for/,
  ],
  ['bert-v2', 'modules no list', () => ({ 'modules.json': {} }), /modules\.json must be a list/],
  [
    'bert-v2',
    'modules no JSON',
    () => ({ 'modules.json': new Uint8Array([123]) }),
    /modules\.json must be JSON/,
  ],
  [
    'bert-v2',
    'text that is not UTF-8',
    () => ({ 'config.json': new Uint8Array([255]) }),
    /config\.json/,
  ],
  ...(
    [
      ['pooling first', ['Pooling'], /with Transformer or StaticEmbedding first, got "Pooling"/],
      [
        'no pooling',
        ['Transformer', 'Normalize'],
        /with Pooling behind Transformer, got "Normalize"/,
      ],
      ['no pooling at all', ['Transformer'], /with Pooling behind Transformer, got "nothing"/],
      [
        'two networks',
        ['Transformer', 'Pooling', 'Transformer'],
        /one network .* got "Transformer"/,
      ],
      ['two poolings', ['Transformer', 'Pooling', 'Pooling'], /one network .* got "Pooling"/],
      ['an unknown module', ['Transformer', 'Pooling', 'Asym'], /Asym", which is not supported/],
      ['an unknown network', ['BoW'], /BoW", which is not supported/],
    ] as const
  ).map(
    ([what, types, message]) =>
      [
        'bert-v2',
        what,
        () => ({
          'modules.json': types.map((type, idx) => ({
            ...{ idx, name: '', path: type === 'Pooling' ? '1_Pooling' : '' },
            type: `sentence_transformers.models.${type}`,
          })),
        }),
        message,
      ] as const,
  ),
  [
    'bert-v2',
    'an unknown module',
    () => ({ 'modules.json': [{ idx: 0, path: '', type: 'custom.Transformer' }] }),
    /"custom\.Transformer", which is not supported/,
  ],
  [
    'bert-v2',
    'a path out of the folder',
    () => ({
      'modules.json': [{ idx: 0, path: '../x', type: 'sentence_transformers.models.Transformer' }],
    }),
    /modules\.json's path must be within the folder/,
  ],
  ...Object.entries({
    'another model_type': [
      { model_type: 'deberta-v2' },
      /config\.json's model_type must be one of/,
    ],
    'no model_type': [{ model_type: undefined }, /config\.json's model_type/],
    'a model_type that objects have': [{ model_type: 'toString' }, /config\.json's model_type/],
    'relative positions': [{ position_embedding_type: 'relative_key' }, /position_embedding_type/],
    'a decoder': [{ is_decoder: true }, /is_decoder must be false/],
    'another width': [{ hidden_size: 32 }, /must be of shape/],
    'more layers': [{ num_hidden_layers: 3 }, /must hold encoder\.layer\.2/],
    'layers without end': [{ num_hidden_layers: 1e9 }, /num_hidden_layers must be a whole number/],
    'a width without end': [{ hidden_size: 1e9 }, /hidden_size must be a whole number/],
    'more tokens than rows': [
      { vocab_size: 151 },
      /word_embeddings\.weight must be of shape \[151, 16\]/,
    ],
    'more positions than rows': [{ max_position_embeddings: 41 }, /must be of shape \[41, 16\]/],
    'heads that do not divide': [
      { num_attention_heads: 3 },
      /must be a divisor of the width of 16/,
    ],
    'no heads': [{ num_attention_heads: 0 }, /num_attention_heads must be a whole number/],
    'an unknown activation': [{ hidden_act: 'swiglu' }, /hidden_act must be one of gelu,/],
    'an epsilon of text': [{ layer_norm_eps: '1e-12' }, /layer_norm_eps must be between 0 and 1/],
  } as const).map(
    ([what, [change, message]]) =>
      [
        'bert-v2',
        what,
        (files: Files) => ({ 'config.json': { ...parsed(files, 'config.json'), ...change } }),
        message as RegExp,
      ] as const,
  ),
  ...Object.entries({
    'another width': [
      { word_embedding_dimension: 32 },
      /word_embedding_dimension must be 16, got 32/,
    ],
    'an unknown mode': [
      { pooling_mode: 'median' },
      /1_Pooling\/config\.json's pooling_mode must be one/,
    ],
    'an unknown flag': [
      { pooling_mode_median: true },
      /pooling_mode_median must be false, got true/,
    ],
    'a flag of text': [
      { pooling_mode_cls_token: 'yes' },
      /pooling_mode_cls_token must be true or false/,
    ],
    'no modes': [{ pooling_mode: [] }, /pooling_mode must be at least one/],
    'no width': [{ word_embedding_dimension: undefined }, /must be with an embedding_dimension/],
    'a field that is not known': [
      { poolingmode: 'cls' },
      /1_Pooling\/config\.json must be without fields that are not known, got "poolingmode"/,
    ],
  } as const).map(
    ([what, [change, message]]) =>
      [
        'bert-v2',
        `pooling: ${what}`,
        (files: Files) => {
          const path = '1_Pooling/config.json';
          return { [path]: { ...parsed(files, path), ...change } };
        },
        message as RegExp,
      ] as const,
  ),
  ...Object.entries({
    'a hole': [
      (json: Tokens) => {
        const { near: _, ...vocab } = json.model.vocab;
        return { ...json, model: { ...json.model, vocab } };
      },
      /tokenizer\.json must have a token for each number below \d+, got none for \d+/,
    ],
    'two tokens of one number': [
      (json: Tokens) => ({
        ...json,
        model: { ...json.model, vocab: { ...json.model.vocab, zebra: 7 } },
      }),
      /tokenizer\.json must give each token a number of its own, got 7/,
    ],
    'a token past the table': [
      (json: Tokens) => ({
        ...json,
        model: { ...json.model, vocab: { ...json.model.vocab, zebra: 9999 } },
      }),
      /tokenizer\.json must have at most the 150 tokens of config\.json, got 10000/,
    ],
    'an added token of another number': [
      (json: Tokens) => ({
        ...json,
        added_tokens: [{ id: json.model.vocab.far, content: 'near', special: false }],
      }),
      /tokenizer\.json's added_tokens must be with the number \d+ of "near" in the vocabulary/,
    ],
    'no unknown token': [
      (json: Tokens) => ({ ...json, model: { ...json.model, unk_token: '[NONE]' } }),
      /tokenizer\.json's model's vocab must be with the unk_token "\[NONE\]", got "none"/,
    ],
    'no vocabulary': [
      (json: Tokens) => ({ ...json, model: { ...json.model, vocab: {} } }),
      /tokenizer\.json's model's vocab must be with the unk_token/,
    ],
    'an expression of exponential time': [
      (json: Tokens) => ({
        ...json,
        pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' }, behavior: 'Isolated' },
      }),
      /pre_tokenizer's pattern must be a regular expression that repeats nothing/,
    ],
    'a number that would take memory': [
      (json: Tokens) => ({ ...json, model: { ...json.model, vocab: { a: 2 ** 40 } } }),
      /tokenizer\.json's model's numbers must be from 0 to/,
    ],
    'a fraction': [
      (json: Tokens) => ({ ...json, model: { ...json.model, vocab: { a: 0.5 } } }),
      /tokenizer\.json's model's numbers/,
    ],
    'an unknown normalizer': [
      (json: Tokens) => ({ ...json, normalizer: { type: 'Rot13' } }),
      /tokenizer\.json's normalizer is of type "Rot13", which is not supported/,
    ],
    'an unknown model': [
      (json: Tokens) => ({ ...json, model: { type: 'Markov' } }),
      /tokenizer\.json's model is of type "Markov"/,
    ],
    'no model': [(json: Tokens) => ({ ...json, model: null }), /tokenizer\.json's model must be/],
  } as const).map(
    ([what, [change, message]]) =>
      [
        'bert-v2',
        `tokenizer: ${what}`,
        (files: Files) => ({
          'tokenizer.json': change(parsed(files, 'tokenizer.json') as unknown as Tokens),
        }),
        message as RegExp,
      ] as const,
  ),
  [
    'bert-v2',
    'weights of whole numbers',
    (files) => {
      const bytes = files.get('model.safetensors') as Uint8Array;
      const { arrays, metadata } = openSafetensors('test', bytes);
      const [key, array] = [...arrays].find(([name]) => name.endsWith('key.bias')) as [
        string,
        RawArray,
      ];
      arrays.set(key, { ...array, dtype: 'I32' });
      return { 'model.safetensors': writeRawSafetensors(arrays, metadata) };
    },
    /model\.safetensors's .*key\.bias must be of type F32, F16, BF16 or F64, got "I32"/,
  ],
  [
    'bert-v2',
    'no room for special tokens',
    () => ({ 'sentence_bert_config.json': { max_seq_length: 1 } }),
    /max_seq_length must be at least 2, got 1/,
  ],
  [
    'bert-v6',
    'an unknown activation',
    (files) => ({
      '2_Dense/config.json': {
        ...parsed(files, '2_Dense/config.json'),
        activation_function: 'my.Activation',
      },
    }),
    /2_Dense\/config\.json's activation_function must be one of torch\.nn's/,
  ],
  [
    'bert-v6',
    'a Dense on tokens',
    (files) => ({
      '2_Dense/config.json': {
        ...parsed(files, '2_Dense/config.json'),
        module_input_name: 'token_embeddings',
      },
    }),
    /module_input_name must be sentence_embedding, got "token_embeddings"/,
  ],
  [
    'bert-v6',
    'a Dense of another width',
    (files) => ({
      '2_Dense/config.json': { ...parsed(files, '2_Dense/config.json'), in_features: 17 },
    }),
    /in_features must be 16, got 17/,
  ],
  [
    'bert-v6',
    'a Dense that would take memory',
    (files) => ({
      '2_Dense/config.json': { ...parsed(files, '2_Dense/config.json'), out_features: 2 ** 20 },
    }),
    /2_Dense\/model\.safetensors's linear\.weight must be of shape \[1048576, 16\]/,
  ],
  [
    'bert-v6',
    'no weights of a Dense',
    () => ({ '4_Dense/model.safetensors': null }),
    /4_Dense\/model/,
  ],
  [
    'bert-v6',
    'a default prompt that is not there',
    () => ({ 'config_sentence_transformers.json': { default_prompt_name: 'query' } }),
    /default_prompt_name must be one of its prompts, got "query"/,
  ],
  [
    'bert-v6',
    'an unknown similarity',
    () => ({ 'config_sentence_transformers.json': { similarity_fn_name: 'jaccard' } }),
    /similarity_fn_name must be 'cosine' or/,
  ],
  [
    'bert-v6',
    'a cross-encoder',
    () => ({ 'config_sentence_transformers.json': { model_type: 'CrossEncoder' } }),
    /model_type must be SentenceTransformer, got "CrossEncoder"/,
  ],
  [
    'model2vec-f32',
    'a table with more rows',
    (files) => {
      const json = parsed(files, 'tokenizer.json') as unknown as Tokens;
      const vocab = Object.fromEntries(
        Object.entries(json.model.vocab).filter(([, id]) => id < 90),
      );
      return { 'tokenizer.json': { ...json, model: { ...json.model, vocab } } };
    },
    /tokenizer\.json must have the 100 tokens of model\.safetensors, got 90/,
  ],
  [
    'model2vec-f32',
    'a table of another size',
    (files) => {
      const json = parsed(files, 'tokenizer.json') as unknown as Tokens;
      const vocab = { ...json.model.vocab, zebra: Object.keys(json.model.vocab).length };
      return { 'tokenizer.json': { ...json, model: { ...json.model, vocab } } };
    },
    /tokenizer\.json must have at most the 100 tokens of model\.safetensors, got 101/,
  ],
  [
    'model2vec-f32',
    'a limit of text',
    () => ({ 'config.json': { max_length: 'long' } }),
    /config\.json's max_length must be a whole number/,
  ],
];

interface Tokens {
  model: { vocab: Record<string, number> };
}

function parsed(files: Files, path: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files.get(path)));
}
