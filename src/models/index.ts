/** nearfar/models: self-supervised systems, built on nearfar/nn. */

export {
  Augmentation,
  type AugmentOptions,
  defaultAugmentation,
  type PictureShape,
  picturesToTensor,
  type ViewPosition,
} from '../data/augment.js';
export { CharacterTokenizer, type Tokenizer } from '../data/characters.js';
export { type Pictures, pictureSubset, picturesOf } from '../data/pictures.js';
export type { Files } from './files.js';
export { type GenerateOptions, GPT, type GptBatch, type GptConfig } from './gpt.js';
export { gptWeights, loadGpt, saveGpt } from './gpt-files.js';
export type { Images } from './images.js';
export { MAE, type MaeBatch, type MaeConfig } from './mae.js';
export {
  interpolate,
  meanFill,
  type ReconstructionErrors,
  reconstructionErrors,
} from './mae-baselines.js';
export { loadMae, saveMae } from './mae-files.js';
export { type Mask, randomMask } from './patch-mask.js';
export {
  DivergedError,
  type Trainable,
  type TrainDefaults,
  type TrainOptions,
  type TrainState,
  type TrainStep,
  train,
} from './train.js';
