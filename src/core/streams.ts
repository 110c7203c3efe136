/**
 * Streams of random numbers: a number for every purpose that numbers are drawn for, so that what is
 * drawn for one never meets what is drawn for another. A draw is keyed by
 *
 *     seed, stream and site, step, sample
 *
 * which are the key and three of the four counter words of Philox (random.ts, assembly/nn/random.ts);
 * the fourth counts the blocks of four numbers within that key. In training `sample` is the index of
 * the sample in the whole batch of the step, over all parts of an accumulated batch. So neither the
 * parts nor threads nor the order of work change a number.
 *
 * Numbers are never reused or reordered: that would change the bits of every seed.
 */
export const STREAMS = {
  /** Tensors of `randomNormal` and `randomUniform`: step is the position since `manualSeed`. */
  tensor: 1,
  /** Dropout outside a training loop: step is the position since `manualSeed`. */
  dropout: 2,
  /** Dropout in a training loop: site is the call within the loss, and the head of attention. */
  trainingDropout: 3,
  /** Order of the samples: step is the epoch. */
  order: 4,
  /** Samples drawn with replacement. */
  sampling: 5,
  /** Where GPT cuts a text into windows: step is the epoch. */
  windowOffset: 6,
  /** Tokens that BERT hides. */
  tokenMask: 7,
  /** Patches that MAE hides. */
  patchMask: 8,
  /** Parts of CLIP's captions. */
  caption: 9,
  /** Augmented views: site is the number of the view. */
  view: 10,
  /** Tokens that GPT generates: step is the number of the token. */
  generation: 11,
  /** Rows that carry a label in a low-label evaluation: step is the repetition. */
  labeled: 12,
  /** Rows held out for validation. */
  validation: 13,
  /** Triplets of the demo's experiment. */
  experimentTriplets: 14,
  /** Pairs of the demo's experiment. */
  experimentPairs: 15,
  /** Where a text is cut in two parts that a sentence encoder matches. */
  textParts: 16,
  /** Initial rows of a static sentence encoder. */
  tableRows: 17,
  /** Queries drawn with replacement by the bootstrap: step is the sample. */
  bootstrap: 18,
  /** Rows of tokens that sketches of texts are the means of. */
  sketch: 19,
  /** Initial weights of an adapter. */
  adapter: 24,
  /** Hard negatives that are drawn at random: step is the query. */
  hardNegatives: 25,
  /** Documents that an adapter is evaluated on. */
  adapterCorpus: 26,
  /** Documents that are negatives of a batch of an adapter: step is the step. */
  randomNegatives: 27,
} as const;

export type Stream = (typeof STREAMS)[keyof typeof STREAMS];

/** Sites are numbered above the streams, in the same word. */
const SITE = 2 ** 8;

/** Number of the word that holds a stream and a site within it. */
export function streamAt(stream: Stream, site: number): number {
  return (stream + SITE * site) | 0;
}

/** Evaluation draws at steps from here on, which no training reaches. */
export const EVALUATION_STEP = 2 ** 31;
