/**
 * nearfar/models: self-supervised models with their pretext tasks, built on nearfar/nn.
 *
 * @module
 */

export {
  Augmentation,
  type AugmentOptions,
  defaultAugmentation,
  IMAGE_KINDS,
  type ImageKind,
  imagesToTensor,
  type ViewPosition,
} from '../data/images/augment.js';
export { captionLabel, indexLabels } from '../data/images/captions.js';
export { type ImageDataset, imagesFrom, type Pixels, subset } from '../data/images/dataset.js';
export { augmentationFor, imageKind } from '../data/images/image-kind.js';
export type { ImageDataLike } from '../data/images/resize.js';
export type { ImageShape } from '../data/images/shape.js';
export { CharacterTokenizer } from '../data/text/characters.js';
export { JsonTokenizer } from '../data/text/json-tokenizer.js';
export type { Tokenizer } from '../data/text/tokenizer.js';
export type { TokenizerJson } from '../data/text/tokenizer-json.js';
export type { TokenizerKind } from '../data/text/train-tokenizer.js';
export {
  characterJson,
  trainWordPiece,
  type WordPieceNormalization,
  type WordPieceOptions,
  wordPieceJson,
} from '../data/text/wordpiece.js';
export { WordTokenizer } from '../data/text/words.js';
export { cachedLoss } from '../train/gradient-cache.js';
export type { TrainDefaults, TrainOptions, TrainState } from '../train/options.js';
export { DivergedError, type StepCost, type Trainable, type TrainStep } from '../train/train.js';
export { type Baselines, Bigrams, maskedBaselines } from './bert/baselines.js';
export type { Documents, Specials, Texts, TokenBatch } from './bert/batches.js';
export { BERT, BERT_TRAINING, type BertBatch, type FillMaskOptions } from './bert/bert.js';
export {
  BertClassifier,
  type ClassifierBatch,
  type FinetuneOptions,
  finetune,
  type LabeledTexts,
} from './bert/classifier.js';
export {
  BERT_DEFAULTS,
  type BertConfig,
  type BertEncodeOptions,
  BertEncoder,
  type BertSizes,
} from './bert/encoder.js';
export {
  isBertClassifier,
  loadBert,
  loadBertClassifier,
  saveBert,
  saveBertClassifier,
} from './bert/files.js';
export { type MaskedLmMetrics, type MaskOptions, maskTokens } from './bert/masking.js';
export type { MlmHead, TokenPrediction } from './bert/mlm-head.js';
export { CLIP, CLIP_TRAINING, type ClipBatch, type ZeroShotOptions } from './clip/clip.js';
export {
  CLIP_DEFAULTS,
  CLIP_IMAGE_WIDTHS,
  CLIP_TEMPERATURES,
  type ClipConfig,
  type ClipSizes,
} from './clip/config.js';
export { CLIP_TYPE, loadClip, SMALL_CLIP_TYPE, saveClip } from './clip/files.js';
export { type ClipRecall, clipRetrieval, zeroShotAccuracy } from './clip/retrieval.js';
export type { Files } from './files/files.js';
export { readTokenizer } from './files/tokenizer.js';
export { gptWeights, loadGpt, saveGpt } from './gpt/files.js';
export {
  type GenerateOptions,
  GPT,
  GPT_DEFAULTS,
  GPT_TRAINING,
  type GptBatch,
  type GptConfig,
  type GptSizes,
} from './gpt/gpt.js';
export {
  IMAGE_CLASSIFIER_TRAINING,
  ImageClassifier,
  type ImageClassifierBatch,
  type ImageEncoder,
} from './images/classifier.js';
export {
  type EmbeddingDiagnostics,
  embeddingDiagnostics,
  formatEmbeddingDiagnostics,
} from './images/embedding-diagnostics.js';
export {
  type FewShotAccuracy,
  type FewShotOptions,
  fewShotAccuracy,
  type LabeledEmbeddings,
  sampleLabeled,
  selectRows,
} from './images/few-shot.js';
export type { ImageInput } from './images/images.js';
export { PatchMean } from './images/patch-mean.js';
export {
  interpolate,
  meanFill,
  type ReconstructionErrors,
  reconstructionErrors,
} from './mae/baselines.js';
export { loadMae, MAE_TYPE, RECTANGULAR_MAE_TYPE, saveMae } from './mae/files.js';
export {
  MAE,
  MAE_DEFAULTS,
  MAE_TRAINING,
  type MaeBatch,
  type MaeConfig,
  type MaeSizes,
  type ReconstructOptions,
} from './mae/mae.js';
export { type Mask, type MaskPosition, randomMask } from './mae/patch-mask.js';
export type {
  NewSentenceOptions,
  NewSentenceSource,
  SentenceTokenizer,
} from './sentence/create.js';
export { type DistillOptions, type DistillProgress, distill } from './sentence/distill.js';
export type { EncodedBatch, EncodeOptions, EncodeStreamOptions } from './sentence/encoder.js';
export {
  type FetchProgress,
  type FetchSentenceOptions,
  type FetchSignal,
  fetchSentenceEncoder,
  type UrlObject,
} from './sentence/fetch.js';
export type { FetchCache } from './sentence/fetch-cache.js';
export { type LoadSentenceOptions, loadSentenceEncoder } from './sentence/load.js';
export type { SimilarityName } from './sentence/parts.js';
export { type SaveSentenceOptions, saveSentenceEncoder } from './sentence/save.js';
export { SentenceEncoder } from './sentence/sentence-encoder.js';
export type {
  EmbeddingData,
  LabelData,
  PairData,
  ScoreData,
  SentenceData,
  TextData,
  TextPair,
} from './sentence/training/data.js';
export type { SentenceTrainOptions } from './sentence/training/trainer.js';
export { loadSimClr, SIMCLR_TYPE, saveSimClr } from './simclr/files.js';
export {
  SIMCLR_DEFAULTS,
  SIMCLR_LOSSES,
  SIMCLR_TRAINING,
  SimCLR,
  type SimClrBatch,
  type SimClrConfig,
  type SimClrLoss,
  type SimClrSizes,
} from './simclr/simclr.js';
export { train } from './train.js';
