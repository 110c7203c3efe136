/**
 * A CLIP as files: `config.json`, `model.safetensors`, its tokenizer and `preprocessor_config.json`.
 * Where both towers are the paper's transformers, names and layouts are those of Hugging Face's
 * `CLIPModel`; a CLIP with a small tower is stored under names, and a model type, of our own.
 */

import { checkNoOptions } from '../../core/options.js';
import { instanceOf, type NoOptions } from '../../core/validation.js';
import { checkTokenizer, type Tokenizer } from '../../data/text/tokenizer.js';
import { ConfigReader, MAX_LAYERS, MAX_SIDE } from '../files/config.js';
import { type Files, writeJson } from '../files/files.js';
import { loadModel } from '../files/load.js';
import { preprocessorFile, readPreprocessor } from '../files/preprocessor.js';
import {
  type BlockNames,
  blockTensors,
  type FileTensor,
  moduleTensors,
  normTensors,
  writeTensors,
} from '../files/tensors.js';
import { readTokenizer, tokenizerFiles } from '../files/tokenizer.js';
import type { Weights } from '../files/weights.js';
import { CLIP } from './clip.js';
import { CLIP_DEFAULTS, CLIP_IMAGE_WIDTHS, type ClipConfig, type ClipSizes } from './config.js';
import { ClipText, ClipVision } from './towers.js';

/** `model_type` of a CLIP of transformers: Hugging Face's. */
export const CLIP_TYPE = 'clip';
/** `model_type` of a CLIP with a small tower, which is ours alone. */
export const SMALL_CLIP_TYPE = 'nearfar-clip';

/** Hugging Face's names of activations; `quick_gelu` is OpenAI's. */
const ACTIVATIONS = ['gelu', 'gelu_new', 'quick_gelu', 'relu'] as const;

/** Hugging Face's names. */
const BLOCK: BlockNames = {
  norm1: 'layer_norm1',
  qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  output: 'self_attn.out_proj',
  norm2: 'layer_norm2',
  up: 'mlp.fc1',
  down: 'mlp.fc2',
};

function visionTensors(tower: ClipVision, channels: number): FileTensor[] {
  const { patch, patches, classToken, positions, preNorm, blocks, postNorm, projection } = tower;
  const width = classToken.size;
  const at = 'vision_model';
  return [
    { name: `${at}.embeddings.class_embedding`, parameter: classToken },
    // Our patches are rows of pixels, each pixel its channels; theirs are a filter's (C, p, p).
    {
      name: `${at}.embeddings.patch_embedding.weight`,
      parameter: patches.weight,
      layout: { shape: [width, patch, patch, channels], axes: [0, 3, 1, 2] },
    },
    { name: `${at}.embeddings.position_embedding.weight`, parameter: positions },
    // Hugging Face's spelling.
    ...normTensors(`${at}.pre_layrnorm`, preNorm),
    ...blockTensors(`${at}.encoder.layers`, blocks, BLOCK),
    ...normTensors(`${at}.post_layernorm`, postNorm),
    { name: 'visual_projection.weight', parameter: projection.weight },
  ];
}

function textTensors({ tokens, positions, blocks, norm, projection }: ClipText): FileTensor[] {
  const at = 'text_model';
  return [
    { name: `${at}.embeddings.token_embedding.weight`, parameter: tokens },
    { name: `${at}.embeddings.position_embedding.weight`, parameter: positions },
    ...blockTensors(`${at}.encoder.layers`, blocks, BLOCK),
    ...normTensors(`${at}.final_layer_norm`, norm),
    { name: 'text_projection.weight', parameter: projection.weight },
  ];
}

function tensorsOf({ image, text, logitScale, logitBias, config }: CLIP): FileTensor[] {
  const bias = logitBias === undefined ? [] : [{ name: 'logit_bias', parameter: logitBias }];
  return [
    ...(image instanceof ClipVision
      ? visionTensors(image, config.channels)
      : moduleTensors('image.', image)),
    ...(text instanceof ClipText ? textTensors(text) : moduleTensors('text.', text)),
    { name: 'logit_scale', parameter: logitScale },
    ...bias,
  ];
}

/** Makes Hugging Face's config of a CLIP of transformers. */
function hubConfig({ config, tokenizer }: CLIP): object {
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

/**
 * Makes the files of a CLIP: what `loadClip` reads, and transformers' `CLIPModel` if both towers are
 * transformers.
 *
 * @param clip model to save
 * @param options none
 * @returns paths to bytes
 * @throws {TypeError} if it is not a CLIP
 */
export function saveClip(clip: CLIP, options?: NoOptions): Files {
  checkNoOptions('saveClip', options);
  instanceOf(CLIP, 'a CLIP')('saveClip', 'clip', clip);
  const { config, tokenizer } = clip;
  const isHub = config.image === 'vit' && config.text === 'transformer';
  const { imageSize: height, imageMean, imageStd } = config;
  return new Map([
    [
      'config.json',
      writeJson({
        model_type: isHub ? CLIP_TYPE : SMALL_CLIP_TYPE,
        ...(isHub ? hubConfig(clip) : {}),
        nearfar: config,
      }),
    ],
    ['model.safetensors', writeTensors(tensorsOf(clip))],
    preprocessorFile('CLIPImageProcessor', { height, width: height, imageMean, imageStd }),
    ...tokenizerFiles(tokenizer, config.context),
  ]);
}

/** Sizes that memory depends on. */
type SizeKey =
  | ('imageSize' | 'channels' | 'patch' | 'projection' | 'imageLayers')
  | ('textWidth' | 'textLayers' | 'context');
type FileSizes = Pick<ClipSizes, SizeKey | 'image' | 'text' | 'imageWidth'>;

const readVocabSize = (text: ConfigReader): number =>
  text.readInt('vocab_size', { fallback: 49408 });

/** Reads Hugging Face's config; what it leaves out is OpenAI's first CLIP's. */
function readHubConfig(config: ConfigReader): ClipConfig & FileSizes {
  const [text, vision] = [config.section('text_config'), config.section('vision_config')];
  const layers = { max: MAX_LAYERS, fallback: 12 };
  const textWidth = text.readInt('hidden_size', { fallback: 512 });
  const imageWidth = vision.readInt('hidden_size', { fallback: 768 });
  text.require('intermediate_size', 4 * textWidth);
  vision.require('intermediate_size', 4 * imageWidth);
  const activation = text.readEnum('hidden_act', ACTIVATIONS, 'quick_gelu');
  const eps = text.readPositive('layer_norm_eps', 1e-5);
  vision.require('hidden_act', activation);
  vision.require('layer_norm_eps', eps);
  const size = readVocabSize(text);
  const { bos_token_id: start, eos_token_id: end } = text.values;
  // Early files have a wrong end, 2: the end is the last token then, the start the one before.
  const early = typeof end !== 'number' || end === 2;
  return {
    image: 'vit',
    text: 'transformer',
    imageSize: vision.readInt('image_size', { max: MAX_SIDE, fallback: 224 }),
    channels: vision.readInt('num_channels', { fallback: 3 }),
    patch: vision.readInt('patch_size', { max: MAX_SIDE, fallback: 32 }),
    imageWidth,
    imageLayers: vision.readInt('num_hidden_layers', layers),
    imageHeads: vision.readInt('num_attention_heads', layers),
    textWidth,
    textLayers: text.readInt('num_hidden_layers', layers),
    textHeads: text.readInt('num_attention_heads', { max: MAX_LAYERS, fallback: 8 }),
    context: text.readInt('max_position_embeddings', { fallback: 77 }),
    projection: config.readInt('projection_dim', { fallback: 512 }),
    activation,
    eps,
    startToken: early ? size - 2 : (start as number),
    endToken: early ? size - 1 : end,
  };
}

/** Reads our own config; its sizes are bounded here, the others by `CLIP` itself. */
function readOwnConfig(values: Record<string, unknown>): ClipConfig & FileSizes {
  const own = new ConfigReader('loadClip', values);
  const size = (key: SizeKey, max?: number): number =>
    own.readInt(key, { ...(max === undefined ? {} : { max }), fallback: CLIP_DEFAULTS[key] });
  const image = own.readEnum('image', ['conv', 'vit'], CLIP_DEFAULTS.image);
  return {
    ...(values as ClipConfig),
    image,
    text: own.readEnum('text', ['words', 'transformer'], CLIP_DEFAULTS.text),
    imageSize: size('imageSize', MAX_SIDE),
    channels: size('channels'),
    patch: size('patch', MAX_SIDE),
    projection: size('projection'),
    imageWidth: own.readInt('imageWidth', { fallback: CLIP_IMAGE_WIDTHS[image] }),
    imageLayers: size('imageLayers', MAX_LAYERS),
    textWidth: size('textWidth'),
    textLayers: size('textLayers', MAX_LAYERS),
    context: size('context'),
  };
}

/** Refuses sizes that the weights do not have. */
function checkWeights(weights: Weights, sizes: FileSizes, vocabSize: number): void {
  const { imageSize, channels, patch, projection, textWidth, context } = sizes;
  const { imageWidth, imageLayers, textLayers } = sizes;
  if (sizes.image === 'vit') {
    const at = 'vision_model';
    const steps = 1 + Math.floor(imageSize / patch) ** 2;
    const filter = [imageWidth, channels, patch, patch];
    weights.check(`${at}.embeddings.patch_embedding.weight`, filter);
    weights.check(`${at}.embeddings.position_embedding.weight`, [steps, imageWidth]);
    weights.check(`${at}.encoder.layers.${imageLayers - 1}.layer_norm2.bias`, [imageWidth]);
    weights.check('visual_projection.weight', [projection, imageWidth]);
  } else {
    // Three of the four convolutions halve the image.
    const side = [2, 4, 8].reduce((length) => Math.ceil(length / 2), imageSize);
    weights.check('image.convolutions.0.weight', [imageWidth, channels, 3, 3]);
    weights.check('image.projection.weight', [projection, 8 * imageWidth * side * side]);
  }
  if (sizes.text === 'transformer') {
    const at = 'text_model';
    weights.check(`${at}.embeddings.token_embedding.weight`, [vocabSize, textWidth]);
    weights.check(`${at}.embeddings.position_embedding.weight`, [context, textWidth]);
    weights.check(`${at}.encoder.layers.${textLayers - 1}.layer_norm2.bias`, [textWidth]);
    weights.check('text_projection.weight', [projection, textWidth]);
  } else {
    weights.check('text.words', [vocabSize, textWidth]);
    weights.check('text.projection.weight', [projection, textWidth]);
  }
}

/**
 * Loads a CLIP from its files, `saveClip`'s or Hugging Face's.
 *
 * @param files paths to bytes
 * @param tokenizer replaces the files' own; it adds no start and end
 * @param options none
 * @returns the model, in evaluation mode
 * @throws {TypeError | RangeError} if a file is missing or not valid; nothing stays in memory
 */
export function loadClip(files: Files, tokenizer?: Tokenizer, options?: NoOptions): CLIP {
  checkNoOptions('loadClip', options);
  const config = ConfigReader.open('loadClip', files);
  if (tokenizer !== undefined) checkTokenizer('loadClip', 'tokenizer', tokenizer);
  config.readEnum('model_type', [CLIP_TYPE, SMALL_CLIP_TYPE], CLIP_TYPE);
  const { nearfar } = config.values;
  const isOwn = typeof nearfar === 'object' && nearfar !== null;
  const sizes = isOwn ? readOwnConfig(nearfar as Record<string, unknown>) : readHubConfig(config);
  // Our own config leaves the number of tokens to the vocabulary.
  const size = isOwn ? undefined : readVocabSize(config.section('text_config'));
  const words = tokenizer ?? readTokenizer('loadClip', files, size);
  const normalization = isOwn ? {} : readPreprocessor('loadClip', files, sizes.channels);
  return loadModel('loadClip', files, {
    check: (weights) => checkWeights(weights, sizes, size ?? words.size),
    make: () => new CLIP(words, { ...sizes, ...normalization }),
    tensors: tensorsOf,
  });
}
