/** nearfar/models: self-supervised systems, built on nearfar/nn. */

export {
  Augmentation,
  type AugmentOptions,
  defaultAugmentation,
  IMAGE_KINDS,
  type ImageKind,
  type ImageShape,
  imagesToTensor,
  type ViewPosition,
} from '../data/images/augment.js';
export { captionLabel, indexLabels } from '../data/images/captions.js';
export { type ImageDataset, imagesFrom, subset } from '../data/images/dataset.js';
export { augmentationFor, imageKind } from '../data/images/image-kind.js';
export { CharacterTokenizer, type Tokenizer } from '../data/text/characters.js';
export { JsonTokenizer, type TokenizerJson } from '../data/text/json-tokenizer.js';
export {
  characterJson,
  trainWordPiece,
  type WordPieceOptions,
  wordPieceJson,
} from '../data/text/wordpiece.js';
export { WordTokenizer } from '../data/text/words.js';
export { cachedLoss } from '../train/gradient-cache.js';
export {
  DivergedError,
  type Trainable,
  type TrainDefaults,
  type TrainOptions,
  type TrainState,
  type TrainStep,
  train,
} from '../train/train.js';
export {
  BERT,
  type BertBatch,
  type BertConfig,
} from './bert/bert.js';
export { type Baselines, Bigrams, maskedBaselines } from './bert/bigrams.js';
export {
  BertClassifier,
  type ClassifierBatch,
  type FinetuneOptions,
  finetune,
  type LabeledTexts,
} from './bert/classifier.js';
export {
  isBertClassifier,
  loadBert,
  loadBertClassifier,
  saveBert,
  saveBertClassifier,
} from './bert/files.js';
export type { TokenPrediction } from './bert/head.js';
export { type MaskedLmMetrics, type MaskOptions, maskTokens } from './bert/masking.js';
export type { Texts, TokenBatch } from './bert/segments.js';
export { CLIP, type ClipBatch, type ClipConfig } from './clip/clip.js';
export { CLIP_TYPE, loadClip, saveClip } from './clip/files.js';
export { type ClipRecall, clipRetrieval, zeroShotAccuracy } from './clip/retrieval.js';
export type { Files } from './files/files.js';
export { readTokenizer } from './files/tokenizer.js';
export { gptWeights, loadGpt, saveGpt } from './gpt/files.js';
export { type GenerateOptions, GPT, type GptBatch, type GptConfig } from './gpt/gpt.js';
export { ImageClassifier, type ImageEncoder } from './images/classifier.js';
export {
  type EmbeddingDiagnostics,
  embeddingDiagnostics,
  formatEmbeddingDiagnostics,
} from './images/embedding-diagnostics.js';
export {
  type FewShotAccuracy,
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
export { loadMae, saveMae } from './mae/files.js';
export { MAE, type MaeBatch, type MaeConfig } from './mae/mae.js';
export { type Mask, randomMask } from './mae/patch-mask.js';
export { type LoadSentenceOptions, loadSentenceEncoder } from './sentence/load.js';
export { type SaveSentenceOptions, saveSentenceEncoder } from './sentence/save.js';
export {
  type EncodedBatch,
  type EncodeOptions,
  type EncodeStreamOptions,
  SentenceEncoder,
  type SimilarityName,
} from './sentence/sentence-encoder.js';
export { loadSimClr, SIMCLR_TYPE, saveSimClr } from './simclr/files.js';
export {
  SIMCLR_LOSSES,
  SimCLR,
  type SimClrBatch,
  type SimClrConfig,
  type SimClrLoss,
} from './simclr/simclr.js';
