/**
 * A masked autoencoder as files that Python reads: `config.json` and `model.safetensors` with the
 * names and layouts of Hugging Face's `ViTMAEForPreTraining`.
 */

import { rangeError } from '../../core/validation.js';
import { loadSafetensors, saveSafetensors, type TransformerBlock, tidy } from '../../nn/index.js';
import { type Files, readEnum, readInt, readJson, readWeights, writeJson } from '../files/files.js';
import {
  checkShape,
  type Entry,
  findWeight,
  linearEntries,
  normEntries,
  readEntries,
  writeEntries,
} from '../files/weights.js';
import { MAE } from './mae.js';

function blockEntries(at: string, { norm1, attention, norm2, mlp }: TransformerBlock): Entry[] {
  const width = norm1.weight.size;
  return [
    ...normEntries(`${at}.layernorm_before`, norm1),
    ...['query', 'key', 'value'].flatMap((part, p) => {
      const rows = [p * width, (p + 1) * width] as const;
      return linearEntries(`${at}.attention.attention.${part}`, attention.qkv, { rows });
    }),
    ...linearEntries(`${at}.attention.output.dense`, attention.output),
    ...normEntries(`${at}.layernorm_after`, norm2),
    ...linearEntries(`${at}.intermediate.dense`, mlp.up),
    ...linearEntries(`${at}.output.dense`, mlp.down),
  ];
}

/** The encoder's tensors. */
function encoderEntries({ encoder, config }: MAE): Entry[] {
  const { patch, channels, hidden } = config;
  const { classToken, positions, projection, blocks, norm, patches } = encoder;
  const at = 'vit.embeddings';
  const square = [hidden, patch, patch, channels];
  const [weight, bias] = linearEntries(`${at}.patch_embeddings.projection`, projection);
  return [
    { name: `${at}.cls_token`, own: classToken, layout: { shape: [1, 1, hidden] } },
    {
      name: `${at}.position_embeddings`,
      own: positions,
      layout: { shape: [1, 1 + patches, hidden] },
    },
    // A patch is a row of pixels after the other, a pixel its channels; theirs is a filter's.
    { ...(weight as Entry), layout: { shape: square, axes: [0, 3, 1, 2] } },
    bias as Entry,
    ...blocks.flatMap((block, i) => blockEntries(`vit.encoder.layer.${i}`, block)),
    ...normEntries('vit.layernorm', norm),
  ];
}

/** The decoder's tensors; files of the encoder alone lack them. */
function decoderEntries(mae: MAE): Entry[] {
  const { decoderHidden } = mae.config;
  const size = 1 + mae.encoder.patches;
  const entries: Entry[] = [
    ...linearEntries('decoder.decoder_embed', mae.decoderEmbed),
    {
      name: 'decoder.mask_token',
      own: mae.maskToken,
      layout: { shape: [1, 1, decoderHidden] },
    },
    {
      name: 'decoder.decoder_pos_embed',
      own: mae.decoderPositions,
      layout: { shape: [1, size, decoderHidden] },
    },
    ...mae.decoderBlocks.flatMap((block, i) => blockEntries(`decoder.decoder_layers.${i}`, block)),
    ...normEntries('decoder.decoder_norm', mae.decoderNorm),
    ...linearEntries('decoder.decoder_pred', mae.head),
  ];
  return entries.map((entry) => ({ ...entry, optional: true }));
}

/** Everything that a folder of a trained masked autoencoder holds. */
export function saveMae(mae: MAE): Files {
  const { height, width, channels, patch, hidden, layers, heads, maskRatio } = mae.config;
  const { decoderHidden, decoderLayers, decoderHeads, normalizePixels } = mae.config;
  const config = {
    architectures: ['ViTMAEForPreTraining'],
    model_type: 'vit_mae',
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
  const entries = [...encoderEntries(mae), ...decoderEntries(mae)];
  return new Map([
    ['config.json', writeJson(config)],
    ['model.safetensors', tidy(() => saveSafetensors(writeEntries(entries)))],
  ]);
}

/** Height and width, which are one number where they are the same. */
function sizeIn(config: Record<string, unknown>): [number, number] {
  const { image_size: size } = config;
  if (!Array.isArray(size)) {
    const side = readInt('loadMae', config, 'image_size');
    return [side, side];
  }
  const [height, width] = ['0', '1'].map((axis) =>
    readInt('loadMae', { [`image_size[${axis}]`]: size[Number(axis)] }, `image_size[${axis}]`),
  ) as [number, number];
  return [height, width];
}

/** Names that files have instead: those of the encoder alone lack the first part. */
function otherNames(name: string): string[] {
  return [name.replace(/^vit\./, '')];
}

/**
 * A masked autoencoder from its files, ours or Hugging Face's. Files of the encoder alone will do:
 * the decoder is then as at the start of training.
 * @throws RangeError if a file is missing or not sound; nothing stays behind
 */
export function loadMae(files: Files): MAE {
  const config = readJson('loadMae', files, 'config.json');
  const whole = (key: string): number => readInt('loadMae', config, key);
  const [height, width] = sizeIn(config);
  readEnum('loadMae', config, 'hidden_act', ['gelu'], 'gelu');
  const [hidden, layers, patch] = [
    whole('hidden_size'),
    whole('num_hidden_layers'),
    whole('patch_size'),
  ];
  for (const [key, of] of [
    ['intermediate_size', hidden],
    ['decoder_intermediate_size', whole('decoder_hidden_size')],
  ] as const) {
    if (whole(key) !== 4 * of)
      rangeError('loadMae', `config.json's ${key}`, `${4 * of}`, config[key]);
  }
  const ratio = config.mask_ratio ?? 0.75;
  if (typeof ratio !== 'number' || !(ratio > 0 && ratio < 1)) {
    rangeError('loadMae', "config.json's mask_ratio", 'above 0 and below 1', ratio);
  }
  return tidy(() => {
    const weights = loadSafetensors(readWeights('loadMae', files));
    // Before anything of that size is made.
    const token = findWeight(weights, 'vit.embeddings.cls_token', otherNames);
    checkShape('loadMae', 'vit.embeddings.cls_token', token, [1, 1, hidden]);
    const last = `vit.encoder.layer.${layers - 1}.output.dense.bias`;
    checkShape('loadMae', last, findWeight(weights, last, otherNames), [hidden]);
    const mae = new MAE({
      ...{ height, width, channels: whole('num_channels'), patch, hidden, layers },
      heads: whole('num_attention_heads'),
      decoderHidden: whole('decoder_hidden_size'),
      decoderLayers: whole('decoder_num_hidden_layers'),
      decoderHeads: whole('decoder_num_attention_heads'),
      maskRatio: ratio,
      normalizePixels: config.norm_pix_loss === true,
      eps: typeof config.layer_norm_eps === 'number' ? config.layer_norm_eps : 1e-12,
    });
    try {
      readEntries('loadMae', [...encoderEntries(mae), ...decoderEntries(mae)], weights, otherNames);
    } catch (error) {
      mae.dispose();
      throw error;
    }
    return mae.eval();
  });
}
