/**
 * A GPT as files that Python reads: `config.json`, `model.safetensors` with the names and layouts
 * of Hugging Face's GPT-2, and `vocab.json`. Its linear layers are stored as (in, out), the
 * transpose of ours, and biases that we do not have are stored as zeros.
 */

import { rangeError } from '../check.js';
import { CharacterTokenizer, type Tokenizer } from '../data/characters.js';
import {
  type LayerNorm,
  type Linear,
  loadSafetensors,
  saveSafetensors,
  type Tensor,
  tensor,
  tidy,
  transpose,
} from '../nn/index.js';
import { type Files, readJson, writeJson } from './files.js';
import { GPT } from './gpt.js';

/** Ours by the name in the file: `linear` is transposed. */
interface Entry {
  name: string;
  tensor: Tensor | undefined;
  linear: boolean;
  /** Shape of the zeros that stand for a bias that we do not have. */
  zeros: number[];
}

function entriesOf(gpt: GPT): Entry[] {
  const entries: Entry[] = [];
  const put = (
    name: string,
    own: Tensor | undefined,
    linear = false,
    zeros: number[] = [],
  ): void => {
    entries.push({ name: `transformer.${name}`, tensor: own, linear, zeros });
  };
  const putLinear = (name: string, { weight, bias }: Linear): void => {
    put(`${name}.weight`, weight, true);
    put(`${name}.bias`, bias, false, [weight.shape[0] as number]);
  };
  const putNorm = (name: string, { weight, bias }: LayerNorm): void => {
    put(`${name}.weight`, weight);
    put(`${name}.bias`, bias, false, [weight.size]);
  };
  put('wte.weight', gpt.tokens);
  put('wpe.weight', gpt.positions);
  for (const [i, { norm1, attention, norm2, mlp }] of gpt.blocks.entries()) {
    putNorm(`h.${i}.ln_1`, norm1);
    putLinear(`h.${i}.attn.c_attn`, attention.qkv);
    putLinear(`h.${i}.attn.c_proj`, attention.output);
    putNorm(`h.${i}.ln_2`, norm2);
    putLinear(`h.${i}.mlp.c_fc`, mlp.up);
    putLinear(`h.${i}.mlp.c_proj`, mlp.down);
  }
  putNorm('ln_f', gpt.norm);
  return entries;
}

/** The weights under Hugging Face's names, in its layouts. */
export function gptWeights(gpt: GPT): Uint8Array {
  return tidy(() => {
    const map = new Map<string, Tensor>();
    for (const { name, tensor: own, linear, zeros } of entriesOf(gpt)) {
      if (own === undefined) map.set(name, tensor(new Float32Array(zeros[0] as number), zeros));
      else map.set(name, linear ? transpose(own.detach()) : own);
    }
    return saveSafetensors(map);
  });
}

/** Everything that a folder of a trained GPT holds. */
export function saveGpt(gpt: GPT): Files {
  const { layers, heads, width, context, dropout, bias, activation } = gpt.config;
  const config = {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: gpt.tokenizer.size,
    n_positions: context,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    n_inner: null,
    activation_function: activation,
    resid_pdrop: dropout,
    embd_pdrop: dropout,
    attn_pdrop: 0,
    layer_norm_epsilon: 1e-5,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    use_bias: bias,
  };
  const files: Files = new Map();
  files.set('config.json', writeJson(config));
  files.set('model.safetensors', gptWeights(gpt));
  const { tokenizer } = gpt;
  if (tokenizer instanceof CharacterTokenizer) {
    const vocabulary = Object.fromEntries(tokenizer.characters.map((text, id) => [text, id]));
    files.set('vocab.json', writeJson(vocabulary));
  }
  return files;
}

function whole(config: Record<string, unknown>, key: string): number {
  const value = config[key];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 2 ** 24) {
    rangeError('loadGpt', `config.json's ${key}`, 'a whole number of at least 1', value);
  }
  return value;
}

/** Characters by number, from `vocab.json`. */
function readVocabulary(files: Files, size: number): CharacterTokenizer {
  const entries = Object.entries(readJson('loadGpt', files, 'vocab.json'));
  const characters = new Array<string>(size).fill('');
  for (const [text, id] of entries) {
    if (typeof id !== 'number' || characters[id] !== '' || [...text].length !== 1) {
      rangeError('loadGpt', 'vocab.json', `${size} characters, each with its number`, id);
    }
    characters[id] = text;
  }
  return new CharacterTokenizer(characters);
}

/**
 * A GPT from its files, ours or a GPT-2 of Hugging Face's.
 * @param tokenizer for a vocabulary that is not of characters
 * @throws RangeError if a file is missing or not sound; nothing stays behind
 */
export function loadGpt(files: Files, tokenizer?: Tokenizer): GPT {
  const config = readJson('loadGpt', files, 'config.json');
  const size = whole(config, 'vocab_size');
  const bytes = files.get('model.safetensors');
  if (bytes === undefined) {
    throw new RangeError('loadGpt: files must hold model.safetensors');
  }
  const activation = config.activation_function ?? 'gelu_new';
  if (activation !== 'gelu' && activation !== 'gelu_new') {
    rangeError('loadGpt', "config.json's activation_function", "'gelu' or 'gelu_new'", activation);
  }
  const dropout = config.resid_pdrop;
  const gpt = new GPT(tokenizer ?? readVocabulary(files, size), {
    layers: whole(config, 'n_layer'),
    heads: whole(config, 'n_head'),
    width: whole(config, 'n_embd'),
    context: whole(config, 'n_positions'),
    dropout: typeof dropout === 'number' && dropout >= 0 && dropout < 1 ? dropout : 0,
    bias: config.use_bias !== false,
    activation,
  });
  try {
    tidy(() => loadWeights(gpt, loadSafetensors(bytes)));
  } catch (error) {
    gpt.dispose();
    throw error;
  }
  return gpt.eval();
}

function loadWeights(gpt: GPT, weights: Map<string, Tensor>): void {
  for (const { name, tensor: own, linear } of entriesOf(gpt)) {
    // The hub's base files leave the first part of the name out.
    const found = weights.get(name) ?? weights.get(name.replace('transformer.', ''));
    if (found === undefined) rangeError('loadGpt', 'model.safetensors', `with ${name}`, 'none');
    if (own === undefined) continue;
    const turned = linear ? transpose(found) : found;
    if (String(turned.shape) !== String(own.shape)) {
      rangeError('loadGpt', name, `of shape [${own.shape}]`, `[${turned.shape}]`);
    }
    own.data.set(turned.data);
  }
}
