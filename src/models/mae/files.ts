/**
 * A masked autoencoder as files that Python reads: `config.json`, `model.safetensors` with the
 * names and layouts of Hugging Face's `ViTMAEForPreTraining`, and `preprocessor_config.json`.
 */

import { checkNoOptions } from '../../core/options.js';
import { instanceOf, type NoOptions } from '../../core/validation.js';
import { ConfigReader, MAX_LAYERS, MAX_SIDE } from '../files/config.js';
import { type Files, writeJson } from '../files/files.js';
import { loadModel } from '../files/load.js';
import { preprocessorFile, readPreprocessor } from '../files/preprocessor.js';
import {
  type BlockNames,
  blockTensors,
  type FileTensor,
  linearTensors,
  normTensors,
  writeTensors,
} from '../files/tensors.js';
import { MAE } from './mae.js';

/** Hugging Face's names. */
const BLOCK: BlockNames = {
  norm1: 'layernorm_before',
  qkv: ['attention.attention.query', 'attention.attention.key', 'attention.attention.value'],
  output: 'attention.output.dense',
  norm2: 'layernorm_after',
  up: 'intermediate.dense',
  down: 'output.dense',
};

/** Type of a folder that transformers' `ViTMAEForPreTraining` reads too. */
export const MAE_TYPE = 'vit_mae';
/** Type of a folder for this package alone: images of different height and width. */
export const RECTANGULAR_MAE_TYPE = 'nearfar-mae';

/** Parameters that a decoder may have that the file itself lacks: a bound on what a config asks for. */
const MAX_NEW_PARAMETERS = 2 ** 27;

/** Files of the encoder alone leave the first part of a name out. */
const aliases = (name: string): string[] => [name.replace(/^vit\./, '')];

function encoderTensors({ encoder, config }: MAE): FileTensor[] {
  const { patch, channels, hidden } = config;
  const { classToken, positions, projection, blocks, norm, patches } = encoder;
  const at = 'vit.embeddings';
  const [weight, bias] = linearTensors(`${at}.patch_embeddings.projection`, projection);
  return [
    { name: `${at}.cls_token`, parameter: classToken, layout: { shape: [1, 1, hidden] } },
    {
      name: `${at}.position_embeddings`,
      parameter: positions,
      layout: { shape: [1, 1 + patches, hidden] },
    },
    // Our patches are rows of pixels, each pixel its channels; theirs are a filter's (C, p, p).
    {
      ...(weight as FileTensor),
      layout: { shape: [hidden, patch, patch, channels], axes: [0, 3, 1, 2] },
    },
    bias as FileTensor,
    ...blockTensors('vit.encoder.layer', blocks, BLOCK),
    ...normTensors('vit.layernorm', norm),
  ];
}

/** Lists the decoder's tensors; files of the encoder alone lack them. */
function decoderTensors(mae: MAE): FileTensor[] {
  const { decoderHidden } = mae.config;
  const steps = 1 + mae.encoder.patches;
  const tensors: FileTensor[] = [
    ...linearTensors('decoder.decoder_embed', mae.decoderEmbed),
    {
      name: 'decoder.mask_token',
      parameter: mae.maskToken,
      layout: { shape: [1, 1, decoderHidden] },
    },
    {
      name: 'decoder.decoder_pos_embed',
      parameter: mae.decoderPositions,
      layout: { shape: [1, steps, decoderHidden] },
    },
    ...blockTensors('decoder.decoder_layers', mae.decoderBlocks, BLOCK),
    ...normTensors('decoder.decoder_norm', mae.decoderNorm),
    ...linearTensors('decoder.decoder_pred', mae.head),
  ];
  return tensors.map((each) => ({ ...each, optional: true }));
}

const tensorsOf = (mae: MAE): FileTensor[] => [...encoderTensors(mae), ...decoderTensors(mae)];

/**
 * Makes the files of a masked autoencoder: what `loadMae` and transformers' `ViTMAEForPreTraining`
 * read.
 * @param mae model to save
 * @param options none
 * @returns paths to bytes: config.json, model.safetensors, preprocessor_config.json
 * @throws {TypeError} if it is not an MAE
 */
export function saveMae(mae: MAE, options?: NoOptions): Files {
  checkNoOptions('saveMae', options);
  instanceOf(MAE, 'an MAE')('saveMae', 'mae', mae);
  const { height, width, channels, patch, hidden, layers, heads, maskRatio } = mae.config;
  const { decoderHidden, decoderLayers, decoderHeads, normalizePixels } = mae.config;
  const config = {
    architectures: ['ViTMAEForPreTraining'],
    // transformers makes its positions from one side: it would read other sizes wrongly.
    model_type: height === width ? MAE_TYPE : RECTANGULAR_MAE_TYPE,
    image_size: height === width ? height : [height, width],
    patch_size: patch,
    num_channels: channels,
    hidden_size: hidden,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * hidden,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    layer_norm_eps: mae.encoder.norm.eps,
    initializer_range: 0.02,
    qkv_bias: true,
    decoder_hidden_size: decoderHidden,
    decoder_num_hidden_layers: decoderLayers,
    decoder_num_attention_heads: decoderHeads,
    decoder_intermediate_size: 4 * decoderHidden,
    mask_ratio: maskRatio,
    norm_pix_loss: normalizePixels,
  };
  return new Map([
    ['config.json', writeJson(config)],
    ['model.safetensors', writeTensors(tensorsOf(mae))],
    preprocessorFile('ViTImageProcessor', mae.config),
  ]);
}

/** Reads height and width, which are one number where they are the same. */
function readImageSize(config: ConfigReader): [height: number, width: number] {
  const { image_size: size } = config.values;
  const limits = { max: MAX_SIDE };
  if (!Array.isArray(size)) {
    const side = config.readInt('image_size', { ...limits, fallback: 224 });
    return [side, side];
  }
  const sides = new ConfigReader('loadMae', {
    'image_size[0]': size[0],
    'image_size[1]': size[1],
  });
  return [sides.readInt('image_size[0]', limits), sides.readInt('image_size[1]', limits)];
}

/**
 * Loads a masked autoencoder from its files, `saveMae`'s or Hugging Face's. Files of the encoder
 * alone will do: the decoder is then as at the start of training.
 *
 * @param files paths to bytes
 * @param options none
 * @returns the model, in evaluation mode
 * @throws {RangeError} if a file is missing or not valid; nothing stays in memory
 */
export function loadMae(files: Files, options?: NoOptions): MAE {
  checkNoOptions('loadMae', options);
  const config = ConfigReader.open('loadMae', files);
  const [height, width] = readImageSize(config);
  config.require('hidden_act', 'gelu');
  config.require('qkv_bias', true);
  const hidden = config.readInt('hidden_size');
  const layers = config.readInt('num_hidden_layers', { max: MAX_LAYERS });
  const heads = config.readInt('num_attention_heads', { max: MAX_LAYERS });
  const patch = config.readInt('patch_size', { max: MAX_SIDE });
  const channels = config.readInt('num_channels', { fallback: 3 });
  const decoderHidden = config.readInt('decoder_hidden_size', { fallback: 512 });
  const decoderLayers = config.readInt('decoder_num_hidden_layers', {
    max: MAX_LAYERS,
    fallback: 8,
  });
  config.require('intermediate_size', 4 * hidden);
  config.require('decoder_intermediate_size', 4 * decoderHidden);
  const sizes = {
    ...{ height, width, channels, patch, hidden, layers, heads },
    ...{ decoderHidden, decoderLayers },
    decoderHeads: config.readInt('decoder_num_attention_heads', { max: MAX_LAYERS, fallback: 16 }),
    maskRatio: config.readFraction('mask_ratio', 0.75),
    normalizePixels: config.readFlag('norm_pix_loss', false),
    eps: config.readPositive('layer_norm_eps', 1e-12),
    ...readPreprocessor('loadMae', files, channels),
  };
  return loadModel('loadMae', files, {
    aliases,
    check(weights) {
      const steps = 1 + Math.floor(height / patch) * Math.floor(width / patch);
      weights.check('vit.embeddings.cls_token', [1, 1, hidden]);
      weights.check('vit.embeddings.position_embeddings', [1, steps, hidden]);
      const filter = [hidden, channels, patch, patch];
      weights.check('vit.embeddings.patch_embeddings.projection.weight', filter);
      weights.check(`vit.encoder.layer.${layers - 1}.output.dense.bias`, [hidden]);
      if (weights.has('decoder.mask_token')) {
        weights.check('decoder.mask_token', [1, 1, decoderHidden]);
        weights.check('decoder.decoder_pos_embed', [1, steps, decoderHidden]);
        const last = `decoder.decoder_layers.${decoderLayers - 1}.output.dense.bias`;
        weights.check(last, [decoderHidden]);
        return;
      }
      const pixels = patch * patch * channels;
      const parameters =
        decoderHidden * (12 * decoderLayers * decoderHidden + steps + hidden + pixels);
      if (parameters > MAX_NEW_PARAMETERS) {
        config.refuse('decoder_hidden_size', `a decoder of at most ${MAX_NEW_PARAMETERS} numbers`);
      }
    },
    make: () => new MAE(sizes),
    tensors: tensorsOf,
  });
}
