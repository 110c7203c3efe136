/** nearfar/models: self-supervised systems, built on nearfar/nn. */

export {
  Augmentation,
  type AugmentOptions,
  defaultAugmentation,
  PICTURE_KINDS,
  type PictureKind,
  type PictureShape,
  picturesToTensor,
  type ViewPosition,
} from '../data/augment.js';
export { nameOf, numberNames } from '../data/captions.js';
export { CharacterTokenizer, type Tokenizer } from '../data/characters.js';
export { JsonTokenizer, type TokenizerJson } from '../data/json-tokenizer.js';
export { augmentationFor, pictureKind } from '../data/picture-kind.js';
export { type Pictures, pictureSubset, picturesOf } from '../data/pictures.js';
export {
  characterJson,
  trainWordPiece,
  type WordPieceOptions,
  wordPieceJson,
} from '../data/wordpiece.js';
export { WordTokenizer } from '../data/words.js';
export {
  BERT,
  type BertBatch,
  type BertConfig,
} from './bert.js';
export {
  BertClassifier,
  type ClassifierBatch,
  type FinetuneOptions,
  finetune,
  type LabelledTexts,
} from './bert-classifier.js';
export {
  isBertClassifier,
  loadBert,
  loadBertClassifier,
  saveBert,
  saveBertClassifier,
} from './bert-files.js';
export type { FilledToken } from './bert-head.js';
export { type Baselines, Bigrams, maskedBaselines } from './bigrams.js';
export { CLIP, type ClipBatch, type ClipConfig } from './clip.js';
export { CLIP_TYPE, loadClip, saveClip } from './clip-files.js';
export { type ClipRecall, clipRetrieval, zeroShotAccuracy } from './clip-retrieval.js';
export { drawLabelled, type FewLabels, fewLabels, type Labelled, rowsOf } from './few-labels.js';
export type { Files } from './files.js';
export { type GenerateOptions, GPT, type GptBatch, type GptConfig } from './gpt.js';
export { gptWeights, loadGpt, saveGpt } from './gpt-files.js';
export { cachedLoss } from './grad-cache.js';
export { contrastiveHealth, type Health, showHealth } from './health.js';
export type { Images } from './images.js';
export { MAE, type MaeBatch, type MaeConfig } from './mae.js';
export {
  interpolate,
  meanFill,
  type ReconstructionErrors,
  reconstructionErrors,
} from './mae-baselines.js';
export { loadMae, saveMae } from './mae-files.js';
export { type MaskedScore, type MaskOptions, maskTokens } from './masking.js';
export { type Mask, randomMask } from './patch-mask.js';
export { PatchMean } from './patch-mean.js';
export { PictureClassifier, type PictureEncoder } from './picture-classifier.js';
export type { SegmentBatch, Texts } from './segments.js';
export {
  SIMCLR_LOSSES,
  SimCLR,
  type SimClrBatch,
  type SimClrConfig,
  type SimClrLoss,
} from './simclr.js';
export { loadSimClr, SIMCLR_TYPE, saveSimClr } from './simclr-files.js';
export { readTokenizer } from './tokenizer-files.js';
export {
  DivergedError,
  type Trainable,
  type TrainDefaults,
  type TrainOptions,
  type TrainState,
  type TrainStep,
  train,
} from './train.js';
