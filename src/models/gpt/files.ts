/**
 * A GPT as files that Python reads: `config.json`, `model.safetensors` with the names and layouts
 * of Hugging Face's GPT-2, and `vocab.json`. Its linear layers are stored as (in, out), the
 * transpose of ours, and biases that we do not have are stored as zeros.
 */

import type { Tokenizer } from '../../data/text/characters.js';
import { loadSafetensors, saveSafetensors, tidy } from '../../nn/index.js';
import {
  type Files,
  readActivation,
  readEps,
  readInt,
  readJson,
  readRate,
  readWeights,
  requireFlag,
  writeJson,
} from '../files/files.js';
import { readTokenizer, tokenizerFiles } from '../files/tokenizer.js';
import {
  checkShape,
  type Entry,
  findWeight,
  linearEntries,
  normEntries,
  readEntries,
  writeEntries,
} from '../files/weights.js';
import { GPT } from './gpt.js';

function entriesOf(gpt: GPT): Entry[] {
  const transposed = { transposed: true };
  return [
    { name: 'transformer.wte.weight', own: gpt.tokenEmbeddings },
    { name: 'transformer.wpe.weight', own: gpt.positionEmbeddings },
    ...gpt.blocks.flatMap(({ norm1, attention, norm2, mlp }, i) => [
      ...normEntries(`transformer.h.${i}.ln_1`, norm1),
      ...linearEntries(`transformer.h.${i}.attn.c_attn`, attention.qkv, transposed),
      ...linearEntries(`transformer.h.${i}.attn.c_proj`, attention.output, transposed),
      ...normEntries(`transformer.h.${i}.ln_2`, norm2),
      ...linearEntries(`transformer.h.${i}.mlp.c_fc`, mlp.up, transposed),
      ...linearEntries(`transformer.h.${i}.mlp.c_proj`, mlp.down, transposed),
    ]),
    ...normEntries('transformer.ln_f', gpt.norm),
  ];
}

/** The weights under Hugging Face's names, in its layouts. */
export function gptWeights(gpt: GPT): Uint8Array {
  return tidy(() => saveSafetensors(writeEntries(entriesOf(gpt))));
}

/** Everything that a folder of a trained GPT holds. */
export function saveGpt(gpt: GPT): Files {
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
    use_bias: bias,
  };
  const files: Files = new Map();
  files.set('config.json', writeJson(config));
  files.set('model.safetensors', gptWeights(gpt));
  for (const [name, bytes] of tokenizerFiles(gpt.tokenizer, context)) files.set(name, bytes);
  return files;
}

/** The hub's base files leave the first part of the name out. */
function otherNames(name: string): string[] {
  return [name.replace('transformer.', '')];
}

/**
 * A GPT from its files, ours or a GPT-2 of Hugging Face's.
 * @param tokenizer for a vocabulary that is not of characters
 * @throws RangeError if a file is missing or not sound; nothing stays behind
 */
export function loadGpt(files: Files, tokenizer?: Tokenizer): GPT {
  const config = readJson('loadGpt', files, 'config.json');
  const whole = (key: string): number => readInt('loadGpt', config, key);
  const size = whole('vocab_size');
  const [layers, width, context] = [whole('n_layer'), whole('n_embd'), whole('n_positions')];
  const hidden = (config.n_inner ?? null) === null ? 4 * width : whole('n_inner');
  requireFlag('loadGpt', config, 'tie_word_embeddings', true);
  requireFlag('loadGpt', config, 'scale_attn_weights', true);
  requireFlag('loadGpt', config, 'scale_attn_by_inverse_layer_idx', false);
  return tidy(() => {
    const weights = loadSafetensors(readWeights('loadGpt', files));
    // Before anything of that size is made.
    const check = (name: string, shape: number[]): void =>
      checkShape('loadGpt', name, findWeight(weights, name, otherNames), shape);
    check('transformer.wte.weight', [size, width]);
    check('transformer.wpe.weight', [context, width]);
    check(`transformer.h.${layers - 1}.mlp.c_fc.weight`, [width, hidden]);
    const gpt = new GPT(tokenizer ?? readTokenizer('loadGpt', files, size), {
      layers,
      heads: whole('n_head'),
      width,
      context,
      dropout: readRate('loadGpt', config, 'resid_pdrop'),
      hidden,
      bias: config.use_bias !== false,
      activation: readActivation('loadGpt', config, 'activation_function', 'gelu_new'),
      eps: readEps('loadGpt', config, 'layer_norm_epsilon', 1e-5),
    });
    try {
      readEntries('loadGpt', entriesOf(gpt), weights, otherNames);
    } catch (error) {
      gpt.dispose();
      throw error;
    }
    return gpt.eval();
  });
}
