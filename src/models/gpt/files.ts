/**
 * A GPT as files that Python reads: `config.json`, `model.safetensors` with the names and layouts
 * of Hugging Face's GPT-2, and its tokenizer. GPT-2 stores linear layers as (in, out), the transpose
 * of ours; biases that our model lacks are written as zeros.
 */

import { checkNoOptions } from '../../core/options.js';
import { instanceOf, type NoOptions } from '../../core/validation.js';
import { checkTokenizer, type Tokenizer } from '../../data/text/tokenizer.js';
import { ConfigReader, MAX_LAYERS } from '../files/config.js';
import { type Files, writeJson } from '../files/files.js';
import { loadModel } from '../files/load.js';
import {
  type BlockNames,
  blockTensors,
  type FileTensor,
  normTensors,
  writeTensors,
} from '../files/tensors.js';
import { readTokenizer, specialIds, tokenizerFiles } from '../files/tokenizer.js';
import { GPT } from './gpt.js';

/** Hugging Face's names. */
const BLOCK: BlockNames = {
  norm1: 'ln_1',
  qkv: 'attn.c_attn',
  output: 'attn.c_proj',
  norm2: 'ln_2',
  up: 'mlp.c_fc',
  down: 'mlp.c_proj',
  transposed: true,
};

/** The hub's base files leave the first part of a name out. */
const aliases = (name: string): string[] => [name.replace('transformer.', '')];

function tensorsOf(gpt: GPT): FileTensor[] {
  return [
    { name: 'transformer.wte.weight', parameter: gpt.tokenEmbeddings },
    { name: 'transformer.wpe.weight', parameter: gpt.positionEmbeddings },
    ...blockTensors('transformer.h', gpt.blocks, BLOCK),
    ...normTensors('transformer.ln_f', gpt.norm),
  ];
}

/**
 * Encodes a GPT's weights as `model.safetensors`, under Hugging Face's names.
 * @param gpt model to save
 * @param options none
 * @returns bytes of the file
 * @throws {TypeError} if it is not a GPT
 */
export function gptWeights(gpt: GPT, options?: NoOptions): Uint8Array {
  checkNoOptions('gptWeights', options);
  instanceOf(GPT, 'a GPT')('gptWeights', 'gpt', gpt);
  return writeTensors(tensorsOf(gpt));
}

/**
 * Makes the files of a GPT: what `loadGpt` and transformers' `GPT2LMHeadModel` read.
 * @param gpt model to save
 * @param options none
 * @returns paths to bytes: config.json, model.safetensors, the tokenizer's files
 * @throws {TypeError} if it is not a GPT
 */
export function saveGpt(gpt: GPT, options?: NoOptions): Files {
  checkNoOptions('saveGpt', options);
  instanceOf(GPT, 'a GPT')('saveGpt', 'gpt', gpt);
  const { layers, heads, width, context, dropout, hidden, bias, activation, eps } = gpt.config;
  const config = {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: gpt.tokenizer.size,
    n_positions: context,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    n_inner: hidden === 4 * width ? null : hidden,
    activation_function: activation,
    resid_pdrop: dropout,
    embd_pdrop: dropout,
    attn_pdrop: dropout,
    layer_norm_epsilon: eps,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    // Where a config leaves them out, Hugging Face assumes GPT-2's 50256.
    ...specialIds(gpt.tokenizer),
    use_bias: bias,
  };
  return new Map([
    ['config.json', writeJson(config)],
    ['model.safetensors', gptWeights(gpt)],
    ...tokenizerFiles(gpt.tokenizer, context),
  ]);
}

/**
 * Loads a GPT from its files, `saveGpt`'s or those of a GPT-2 of Hugging Face's.
 *
 * @param files paths to bytes
 * @param tokenizer replaces the files' own
 * @param options none
 * @returns the model, in evaluation mode
 * @throws {TypeError | RangeError} if a file is missing or not valid; nothing stays in memory
 */
export function loadGpt(files: Files, tokenizer?: Tokenizer, options?: NoOptions): GPT {
  checkNoOptions('loadGpt', options);
  const config = ConfigReader.open('loadGpt', files);
  if (tokenizer !== undefined) checkTokenizer('loadGpt', 'tokenizer', tokenizer);
  const vocabSize = config.readInt('vocab_size');
  const layers = config.readInt('n_layer', { max: MAX_LAYERS });
  const width = config.readInt('n_embd');
  const context = config.readInt('n_positions');
  const hidden = config.readInt('n_inner', { fallback: 4 * width });
  config.require('tie_word_embeddings', true);
  config.require('scale_attn_weights', true);
  config.require('scale_attn_by_inverse_layer_idx', false);
  config.require('add_cross_attention', false);
  const sizes = {
    layers,
    heads: config.readInt('n_head', { max: MAX_LAYERS }),
    width,
    context,
    dropout: config.readRate('resid_pdrop'),
    hidden,
    bias: config.readFlag('use_bias', true),
    activation: config.readGelu('activation_function', 'gelu_new'),
    eps: config.readPositive('layer_norm_epsilon', 1e-5),
  };
  return loadModel('loadGpt', files, {
    aliases,
    check(weights) {
      weights.check('transformer.wte.weight', [vocabSize, width]);
      weights.check('transformer.wpe.weight', [context, width]);
      weights.check(`transformer.h.${layers - 1}.mlp.c_fc.weight`, [width, hidden]);
    },
    make: () => new GPT(tokenizer ?? readTokenizer('loadGpt', files, vocabSize), sizes),
    tensors: tensorsOf,
  });
}
