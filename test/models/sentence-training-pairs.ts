/** Pairs and folders whose training test/golden/sentence_training.py compares, as it has them. */

export const TRAINING_NAMES = [
  'bert-v2',
  'bert-v6',
  'distilbert-v5',
  'mpnet-v6',
  'residual-v6',
  'roberta-v6',
  'xlmr-v5',
] as const;

export const TRAINING_PAIRS: readonly (readonly [string, string])[] = [
  ['near', 'what is near is pulled together'],
  ['far texts', 'what is far is pushed apart'],
  ['the same way in every batch', 'a small model'],
  ['naïve café, 12 (of) words', 'split'],
  ['nearest farther texts embed the same way in every batch', 'batch'],
];
