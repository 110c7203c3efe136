/** Transformers that sentence encoders are made of: where each keeps sizes and weights. */

import type { ConfigReader } from './config.js';

/** Sizes and kinds of a network, whatever its file calls them. */
export interface NetworkConfig {
  vocabularySize: number;
  width: number;
  layers: number;
  heads: number;
  hidden: number;
  activation: string;
  eps: number;
  /** Rows of the table of positions. */
  positions: number;
  /** Rows of the table of token types; 0 without one. */
  types: number;
  /** Positions of tokens begin behind this token's number, and it has this position itself. */
  padding: number | undefined;
  /** True if scores get a bias by the distance of query and key. */
  relative: boolean;
  /** Fractions that dropout sets to 0 in training. */
  dropout: {
    /** Fraction of the embeddings and of the MLPs' outputs. */
    hidden: number;
    /** Fraction of the attention's probabilities. */
    attention: number;
    /** Fraction of the attention's outputs. */
    output: number;
  };
}

/** Names of a layer's weights, without `.weight` and `.bias`. */
export interface LayerNames {
  query: string;
  key: string;
  value: string;
  output: string;
  norm1: string;
  up: string;
  down: string;
  norm2: string;
}

export interface Architecture {
  /** Name of the class in transformers. */
  className: string;
  /** Prefix of the names where the network is part of another. */
  prefix: string;
  /** Prefix of the names of layer i. */
  layer(i: number): string;
  names: LayerNames;
  /** Fields of config.json that messages name. */
  fields: { heads: string; activation: string };
  read(config: ConfigReader): NetworkConfig;
}

/** Name of MPNet's table of biases. */
export const RELATIVE_BIAS = 'encoder.relative_attention_bias.weight';

const BERT_NAMES: LayerNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  norm1: 'attention.output.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm2: 'output.LayerNorm',
};

/** Fields that BERT, RoBERTa and MPNet share. */
function readCommon(config: ConfigReader, vocabularySize: number): NetworkConfig {
  config.only('position_embedding_type', 'absolute');
  config.only('is_decoder', false);
  config.only('add_cross_attention', false);
  const hiddenDropout = config.fraction('hidden_dropout_prob', 0.1);
  return {
    vocabularySize: config.int('vocab_size', vocabularySize, 1, 2 ** 24),
    width: config.int('hidden_size', 768),
    layers: config.int('num_hidden_layers', 12),
    heads: config.int('num_attention_heads', 12),
    hidden: config.int('intermediate_size', 3072),
    activation: config.text('hidden_act', 'gelu'),
    eps: config.positive('layer_norm_eps', 1e-12),
    positions: config.int('max_position_embeddings', 512),
    types: 0,
    padding: undefined,
    relative: false,
    dropout: {
      hidden: hiddenDropout,
      attention: config.fraction('attention_probs_dropout_prob', 0.1),
      output: hiddenDropout,
    },
  };
}

const bert: Architecture = {
  className: 'BertModel',
  prefix: 'bert.',
  layer: (i) => `encoder.layer.${i}.`,
  names: BERT_NAMES,
  fields: { heads: 'num_attention_heads', activation: 'hidden_act' },
  read: (config) => ({ ...readCommon(config, 30522), types: config.int('type_vocab_size', 2) }),
};

function roberta(className: string): Architecture {
  return {
    ...bert,
    className,
    prefix: 'roberta.',
    read: (config) => ({
      ...readCommon(config, 50265),
      types: config.int('type_vocab_size', 2),
      padding: config.int('pad_token_id', 1, 0),
    }),
  };
}

const distilBert: Architecture = {
  className: 'DistilBertModel',
  prefix: 'distilbert.',
  layer: (i) => `transformer.layer.${i}.`,
  names: {
    query: 'attention.q_lin',
    key: 'attention.k_lin',
    value: 'attention.v_lin',
    output: 'attention.out_lin',
    norm1: 'sa_layer_norm',
    up: 'ffn.lin1',
    down: 'ffn.lin2',
    norm2: 'output_layer_norm',
  },
  fields: { heads: 'n_heads', activation: 'activation' },
  read: (config) => ({
    vocabularySize: config.int('vocab_size', 30522, 1, 2 ** 24),
    width: config.int('dim', 768),
    layers: config.int('n_layers', 6),
    heads: config.int('n_heads', 12),
    hidden: config.int('hidden_dim', 3072),
    activation: config.text('activation', 'gelu'),
    eps: 1e-12,
    positions: config.int('max_position_embeddings', 512),
    types: 0,
    padding: undefined,
    relative: false,
    dropout: {
      hidden: config.fraction('dropout', 0.1),
      attention: config.fraction('attention_dropout', 0.1),
      // Its attention has none behind the output.
      output: 0,
    },
  }),
};

const mpnet: Architecture = {
  ...bert,
  className: 'MPNetModel',
  prefix: 'mpnet.',
  names: {
    ...BERT_NAMES,
    query: 'attention.attn.q',
    key: 'attention.attn.k',
    value: 'attention.attn.v',
    output: 'attention.attn.o',
    norm1: 'attention.LayerNorm',
  },
  // Its code has 1 whatever config.json says.
  read: (config) => ({ ...readCommon(config, 30527), padding: 1, relative: true }),
};

/** By `model_type` of a config.json. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  bert,
  roberta: roberta('RobertaModel'),
  'xlm-roberta': roberta('XLMRobertaModel'),
  camembert: roberta('CamembertModel'),
  distilbert: distilBert,
  mpnet,
};

/** Other names that a file may have for a weight: with the prefix, and those of old. */
export function otherNames(architecture: Architecture): (key: string) => string[] {
  return (key) => {
    const old = key
      .replace(/LayerNorm\.weight$/, 'LayerNorm.gamma')
      .replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
    const { prefix } = architecture;
    return [prefix + key, ...(old === key ? [] : [old, prefix + old])];
  };
}

/** Number of buckets of MPNet's distances. */
export const BUCKETS = 32;

/** Distances, either way, from which on the next bucket is taken: 8 · 2^(k/2), the last for all beyond. */
const BUCKET_STARTS = [8, 12, 16, 23, 32, 46, 64, 91];

/** Row of the table of biases for a key that stands `distance` behind its query. */
export function relativeBucket(distance: number): number {
  const half = BUCKETS / 2;
  const size = Math.abs(distance);
  const steps = BUCKET_STARTS.filter((start) => size >= start).length;
  const bucket = size < 8 ? size : Math.min(half - 1, 7 + steps);
  return distance > 0 ? half + bucket : bucket;
}
