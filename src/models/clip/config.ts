/** The config of a CLIP: its options, their defaults and how they are read. */

import type { OptionReader } from '../../core/options.js';
import {
  checkPositive,
  checkTemperature,
  integerIn,
  oneOf,
  rangeError,
} from '../../core/validation.js';
import type { AugmentOptions } from '../../data/images/augment.js';
import { checkImageShape } from '../../data/images/shape.js';
import type { Activation } from '../../nn/index.js';
import { halves, perChannel } from '../images/normalization.js';
import { checkHeads, checkSize } from '../sizes.js';

/** Sizes, towers and loss of a CLIP. */
export interface ClipConfig {
  /** Rows and columns of pixels. @default 32 */
  imageSize?: number | undefined;
  /** Channels of the images: 1 grayscale, 3 colors. @default 3 */
  channels?: number | undefined;
  /** Tower of images: convolutions, or the paper's vision transformer. @default 'conv' */
  image?: 'conv' | 'vit' | undefined;
  /** Tower of texts: the mean of a text's words, or the paper's transformer. @default 'words' */
  text?: 'words' | 'transformer' | undefined;
  /** Loss: CLIP's over all pairs, or SigLIP's of each pair. @default 'clip' */
  loss?: 'clip' | 'siglip' | undefined;
  /** Temperature at the start, above 0; it is learned. @default 0.07, with SigLIP 0.1 */
  temperature?: number | undefined;
  /** d, the length of both towers' vectors. @default 128 */
  projection?: number | undefined;
  /** Channels of the first convolution, or length of a patch's vector. @default 16, or 128 */
  imageWidth?: number | undefined;
  /** Blocks of the vision transformer. @default 4 */
  imageLayers?: number | undefined;
  /** Attention heads of the vision transformer. @default 4 */
  imageHeads?: number | undefined;
  /** Pixels along the side of a patch; divides `imageSize`. @default 4 */
  patch?: number | undefined;
  /** Length of a token's vector. @default 128 */
  textWidth?: number | undefined;
  /** Blocks of the text transformer. @default 2 */
  textLayers?: number | undefined;
  /** Attention heads of the text transformer. @default 4 */
  textHeads?: number | undefined;
  /** Tokens that a transformer reads of a text, its start and end among them. @default 32 */
  context?: number | undefined;
  /** Activation of the transformers' MLPs. @default 'gelu' */
  activation?: Activation | undefined;
  /** Number above 0 that every normalization adds to the variance. @default 1e-5 */
  eps?: number | undefined;
  /** Id of the token that starts a text. @default 0, `WordTokenizer`'s */
  startToken?: number | undefined;
  /** Id of the token that ends a text. @default 1, `WordTokenizer`'s */
  endToken?: number | undefined;
  /** Mean of each channel, of values from 0 to 1, that pixels are normalized by. @default 0.5 */
  imageMean?: readonly number[] | undefined;
  /** Standard deviation of each channel that pixels are normalized by. @default 0.5 */
  imageStd?: readonly number[] | undefined;
  /** Random views in training, instead of mild ones. */
  augmentation?: AugmentOptions | undefined;
}

/** Config of a CLIP with all options. */
export type ClipSizes = Readonly<{ [Key in keyof ClipConfig]-?: NonNullable<ClipConfig[Key]> }>;

/** Sizes of a CLIP unless told otherwise. */
export const CLIP_DEFAULTS = {
  imageSize: 32,
  channels: 3,
  image: 'conv',
  text: 'words',
  loss: 'clip',
  projection: 128,
  imageLayers: 4,
  imageHeads: 4,
  patch: 4,
  textWidth: 128,
  textLayers: 2,
  textHeads: 4,
  context: 32,
} as const;

/** Width of each kind of image tower unless told otherwise. */
export const CLIP_IMAGE_WIDTHS = { conv: 16, vit: 128 } as const;

/** Temperature of each loss at the start unless told otherwise. */
export const CLIP_TEMPERATURES = { clip: 0.07, siglip: 0.1 } as const;

const checkToken = integerIn(0, 2 ** 31 - 1);
const ACTIVATIONS = ['gelu', 'gelu_new', 'quick_gelu', 'relu', 'tanh'] as const;

/** Reads the options of a CLIP, but for its augmentation. */
export function readSizes(reader: OptionReader): Omit<ClipSizes, 'augmentation'> {
  const size = (key: keyof ClipConfig & keyof typeof CLIP_DEFAULTS): number =>
    reader.read(key, checkSize, CLIP_DEFAULTS[key] as number);
  const image = reader.read('image', oneOf(['conv', 'vit'] as const), CLIP_DEFAULTS.image);
  const text = reader.read('text', oneOf(['words', 'transformer'] as const), CLIP_DEFAULTS.text);
  const loss = reader.read('loss', oneOf(['clip', 'siglip'] as const), CLIP_DEFAULTS.loss);
  const [imageSize, channels] = [size('imageSize'), size('channels')];
  checkImageShape('CLIP', { height: imageSize, width: imageSize, channels });
  const imageWidth = reader.read('imageWidth', checkSize, CLIP_IMAGE_WIDTHS[image]);
  const sizes = {
    ...{ imageWidth, imageLayers: size('imageLayers'), imageHeads: size('imageHeads') },
    ...{ patch: size('patch'), projection: size('projection') },
    ...{ textWidth: size('textWidth'), textLayers: size('textLayers') },
    ...{ textHeads: size('textHeads'), context: size('context') },
  };
  if (image === 'vit') {
    checkHeads('CLIP', imageWidth, sizes.imageHeads, 'imageWidth');
    if (imageSize % sizes.patch !== 0) {
      rangeError('CLIP', 'patch', `a divisor of ${imageSize} pixels`, sizes.patch);
    }
  }
  if (text === 'transformer') {
    checkHeads('CLIP', sizes.textWidth, sizes.textHeads, 'textWidth');
    if (sizes.context < 3) rangeError('CLIP', 'context', 'at least 3', sizes.context);
  }
  return {
    ...{ image, text, loss, imageSize, channels },
    ...sizes,
    temperature: reader.read('temperature', checkTemperature, CLIP_TEMPERATURES[loss]),
    activation: reader.read('activation', oneOf<Activation>(ACTIVATIONS), 'gelu'),
    eps: reader.read('eps', checkPositive, 1e-5),
    startToken: reader.read('startToken', checkToken, 0),
    endToken: reader.read('endToken', checkToken, 1),
    imageMean: reader.read(
      'imageMean',
      perChannel(channels, Number.NEGATIVE_INFINITY),
      halves(channels),
    ),
    imageStd: reader.read('imageStd', perChannel(channels, 0), halves(channels)),
  };
}
