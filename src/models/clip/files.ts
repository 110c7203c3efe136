/**
 * A CLIP as files: `config.json`, `model.safetensors` and the words in `vocab.json`. Where both
 * towers are the paper's transformers, names and layouts are those of Hugging Face's `CLIPModel`;
 * the small towers are stored under names of our own.
 */

import { rangeError } from '../../core/validation.js';
import type { Tokenizer } from '../../data/text/characters.js';
import { WordTokenizer } from '../../data/text/words.js';
import {
  loadSafetensors,
  type Module,
  saveSafetensors,
  type Tensor,
  type TransformerBlock,
  tidy,
} from '../../nn/index.js';
import { type Files, readEnum, readInt, readJson, readWeights, writeJson } from '../files/files.js';
import {
  type Entry,
  linearEntries,
  normEntries,
  readEntries,
  writeEntries,
} from '../files/weights.js';
import { CLIP, type ClipConfig } from './clip.js';
import { ClipText, ClipVision } from './towers.js';

/** `model_type`, Hugging Face's. */
export const CLIP_TYPE = 'clip';

/** Their names of activations; `quick_gelu` is OpenAI's. */
const ACTIVATIONS = ['gelu', 'gelu_new', 'quick_gelu', 'relu'] as const;

function blockEntries(at: string, { norm1, attention, norm2, mlp }: TransformerBlock): Entry[] {
  const width = norm1.weight.size;
  return [
    ...normEntries(`${at}.layer_norm1`, norm1),
    ...['q_proj', 'k_proj', 'v_proj'].flatMap((part, p) => {
      const rows = [p * width, (p + 1) * width] as const;
      return linearEntries(`${at}.self_attn.${part}`, attention.qkv, { rows });
    }),
    ...linearEntries(`${at}.self_attn.out_proj`, attention.output),
    ...normEntries(`${at}.layer_norm2`, norm2),
    ...linearEntries(`${at}.mlp.fc1`, mlp.up),
    ...linearEntries(`${at}.mlp.fc2`, mlp.down),
  ];
}

function visionEntries(tower: ClipVision, channels: number): Entry[] {
  const { patch, patches, classToken, positions, preNorm, blocks, postNorm, projection } = tower;
  const width = classToken.size;
  const at = 'vision_model';
  return [
    { name: `${at}.embeddings.class_embedding`, own: classToken },
    // A patch is a row of pixels after the other, a pixel its channels; theirs is a filter's.
    {
      name: `${at}.embeddings.patch_embedding.weight`,
      own: patches.weight,
      layout: { shape: [width, patch, patch, channels], axes: [0, 3, 1, 2] },
    },
    { name: `${at}.embeddings.position_embedding.weight`, own: positions },
    // Their spelling.
    ...normEntries(`${at}.pre_layrnorm`, preNorm),
    ...blocks.flatMap((block, i) => blockEntries(`${at}.encoder.layers.${i}`, block)),
    ...normEntries(`${at}.post_layernorm`, postNorm),
    { name: 'visual_projection.weight', own: projection.weight },
  ];
}

function textEntries({ tokens, positions, blocks, norm, projection }: ClipText): Entry[] {
  const at = 'text_model';
  return [
    { name: `${at}.embeddings.token_embedding.weight`, own: tokens },
    { name: `${at}.embeddings.position_embedding.weight`, own: positions },
    ...blocks.flatMap((block, i) => blockEntries(`${at}.encoder.layers.${i}`, block)),
    ...normEntries(`${at}.final_layer_norm`, norm),
    { name: 'text_projection.weight', own: projection.weight },
  ];
}

/** A part whose names in the file are those of its fields. */
function ownEntries(name: string, part: Module): Entry[] {
  return Array.from(part.stateDict(), ([path, own]) => ({ name: `${name}.${path}`, own }));
}

function entriesOf({ image, text, logitScale, logitBias, config }: CLIP): Entry[] {
  return [
    ...(image instanceof ClipVision
      ? visionEntries(image, config.channels)
      : ownEntries('image', image)),
    ...(text instanceof ClipText ? textEntries(text) : ownEntries('text', text)),
    { name: 'logit_scale', own: logitScale },
    ...(logitBias === undefined ? [] : [{ name: 'logit_bias', own: logitBias }]),
  ];
}

/** What Hugging Face calls our sizes, where both towers are theirs. */
function theirConfig({ config, tokenizer }: CLIP): object {
  const { activation, eps, projection, imageSize, patch, channels, context } = config;
  const shared = { hidden_act: activation, layer_norm_eps: eps, projection_dim: projection };
  return {
    architectures: ['CLIPModel'],
    projection_dim: projection,
    text_config: {
      ...shared,
      vocab_size: tokenizer.size,
      hidden_size: config.textWidth,
      intermediate_size: 4 * config.textWidth,
      num_hidden_layers: config.textLayers,
      num_attention_heads: config.textHeads,
      max_position_embeddings: context,
      bos_token_id: config.startToken,
      eos_token_id: config.endToken,
      pad_token_id: config.endToken,
    },
    vision_config: {
      ...shared,
      image_size: imageSize,
      patch_size: patch,
      num_channels: channels,
      hidden_size: config.imageWidth,
      intermediate_size: 4 * config.imageWidth,
      num_hidden_layers: config.imageLayers,
      num_attention_heads: config.imageHeads,
    },
  };
}

/** Everything that a folder of a trained CLIP holds. */
export function saveClip(clip: CLIP): Files {
  const { config, tokenizer } = clip;
  const theirs = config.image === 'vit' && config.text === 'transformer';
  const files: Files = new Map([
    [
      'config.json',
      writeJson({
        model_type: CLIP_TYPE,
        ...(theirs ? theirConfig(clip) : {}),
        nearfar: config,
      }),
    ],
    ['model.safetensors', tidy(() => saveSafetensors(writeEntries(entriesOf(clip))))],
  ]);
  if (tokenizer instanceof WordTokenizer) {
    const vocabulary = Object.fromEntries(tokenizer.tokens.map((token, id) => [token, id]));
    files.set('vocab.json', writeJson(vocabulary));
  }
  return files;
}

/** The words of a `vocab.json` that `saveClip` wrote. */
function readWords(files: Files): WordTokenizer {
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(readJson('loadClip', files, 'vocab.json'))) {
    if (typeof id === 'number') tokens[id] = token;
  }
  const words = new WordTokenizer(tokens.slice(2));
  if (words.tokens.some((token, id) => token !== tokens[id])) {
    rangeError('loadClip', 'vocab.json', 'words by number, <start> and <end> first', tokens[0]);
  }
  return words;
}

/** Our sizes from Hugging Face's `config.json`. */
function readTheirs(config: Record<string, unknown>): ClipConfig {
  const [text, vision] = ['text_config', 'vision_config'].map((key) => {
    const part = config[key];
    if (typeof part === 'object' && part !== null) return part as Record<string, unknown>;
    return rangeError('loadClip', `config.json's ${key}`, 'an object', part);
  }) as [Record<string, unknown>, Record<string, unknown>];
  const whole = (part: Record<string, unknown>, key: string): number =>
    readInt('loadClip', part, key);
  for (const part of [text, vision]) {
    const hidden = 4 * whole(part, 'hidden_size');
    if (whole(part, 'intermediate_size') === hidden) continue;
    rangeError('loadClip', "config.json's intermediate_size", `${hidden}`, part.intermediate_size);
  }
  const size = whole(text, 'vocab_size');
  const { bos_token_id: start, eos_token_id: end, layer_norm_eps: eps } = text;
  // Early files have a wrong end, 2: the end is the last token then, the start the one before.
  const early = end === undefined || end === 2;
  return {
    image: 'vit',
    text: 'transformer',
    imageSize: whole(vision, 'image_size'),
    channels: whole({ num_channels: 3, ...vision }, 'num_channels'),
    patch: whole(vision, 'patch_size'),
    imageWidth: whole(vision, 'hidden_size'),
    imageLayers: whole(vision, 'num_hidden_layers'),
    imageHeads: whole(vision, 'num_attention_heads'),
    textWidth: whole(text, 'hidden_size'),
    textLayers: whole(text, 'num_hidden_layers'),
    textHeads: whole(text, 'num_attention_heads'),
    context: whole(text, 'max_position_embeddings'),
    projection: whole(config, 'projection_dim'),
    activation: readEnum('loadClip', text, 'hidden_act', ACTIVATIONS, 'quick_gelu'),
    ...(typeof eps === 'number' ? { eps } : {}),
    startToken: early ? size - 2 : (start as number),
    endToken: early ? size - 1 : (end as number),
  };
}

/**
 * A CLIP from its files, ours or Hugging Face's.
 * @param tokenizer for texts of a model whose words are not in `vocab.json`; it adds no start and end
 * @throws RangeError if a file is missing or not sound; nothing stays behind
 */
export function loadClip(files: Files, tokenizer?: Tokenizer): CLIP {
  const config = readJson('loadClip', files, 'config.json');
  readEnum('loadClip', config, 'model_type', [CLIP_TYPE], CLIP_TYPE);
  const { nearfar: own } = config;
  const sizes = typeof own === 'object' && own !== null ? (own as ClipConfig) : readTheirs(config);
  const clip = new CLIP(tokenizer ?? readWords(files), sizes);
  try {
    tidy(() => {
      const weights: Map<string, Tensor> = loadSafetensors(readWeights('loadClip', files));
      readEntries('loadClip', entriesOf(clip), weights, () => []);
    });
  } catch (error) {
    clip.dispose();
    throw error;
  }
  return clip.eval();
}
