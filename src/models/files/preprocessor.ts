/**
 * `preprocessor_config.json`: how pixels become what a network of images sees,
 * (value / 255 − mean) / std for each channel.
 */

import type { ImageNormalization } from '../images/normalization.js';
import { ConfigReader } from './config.js';
import { type Files, writeJson } from './files.js';

const FILE = 'preprocessor_config.json';
const RESCALE = 1 / 255;

/** A value for each channel: the file may have one for all. */
function readChannels(config: ConfigReader, key: string, channels: number, min: number): number[] {
  const max = 1e6;
  const value = config.values[key];
  const list = Array.isArray(value) ? value : new Array<unknown>(channels).fill(value);
  const valid = list.every((each) => typeof each === 'number' && each >= min && each <= max);
  const own = list.length === channels || (channels === 1 && new Set(list).size === 1);
  if (valid && own) return (list as number[]).slice(0, channels);
  return config.refuse(key, `${channels} numbers, one per channel, from ${min} to ${max}`);
}

/**
 * Reads the normalization of a folder; undefined where the folder says nothing of it.
 * @throws {RangeError} if the file asks for something else than rescaling and normalizing
 */
export function readPreprocessor(
  loader: string,
  files: Files,
  channels: number,
): ImageNormalization | undefined {
  if (!files.has(FILE)) return undefined;
  const config = ConfigReader.open(loader, files, FILE);
  config.require('do_rescale', true);
  const factor = config.readPositive('rescale_factor', RESCALE);
  if (Math.abs(factor - RESCALE) > 1e-6) config.refuse('rescale_factor', String(RESCALE));
  if (!config.readFlag('do_normalize', true)) {
    return {
      imageMean: new Array(channels).fill(0),
      imageStd: new Array(channels).fill(1),
    };
  }
  if (config.values.image_mean === undefined && config.values.image_std === undefined) {
    return undefined;
  }
  return {
    imageMean: readChannels(config, 'image_mean', channels, -1e6),
    imageStd: readChannels(config, 'image_std', channels, 1e-6),
  };
}

/** Makes the file that transformers' `AutoImageProcessor` opens. */
export function preprocessorFile(
  type: 'CLIPImageProcessor' | 'ViTImageProcessor',
  config: ImageNormalization & { height: number; width: number },
): [path: string, bytes: Uint8Array] {
  const { height, width, imageMean, imageStd } = config;
  const clip = type === 'CLIPImageProcessor';
  const crop = { do_center_crop: true, crop_size: { height, width } };
  const value = {
    image_processor_type: type,
    do_convert_rgb: imageMean.length === 3,
    do_resize: true,
    size: clip ? { shortest_edge: Math.min(height, width) } : { height, width },
    ...(clip ? crop : {}),
    resample: clip ? 3 : 2,
    do_rescale: true,
    rescale_factor: RESCALE,
    do_normalize: true,
    image_mean: imageMean,
    image_std: imageStd,
  };
  return [FILE, writeJson(value)];
}
