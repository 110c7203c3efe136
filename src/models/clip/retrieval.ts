/** Metrics of a trained CLIP: zero-shot accuracy, and recall of retrieval both ways. */

import type { Matrix } from '../../core/matrix.js';
import { checkNoOptions } from '../../core/options.js';
import { instanceOf, type NoOptions, rangeError, typeError } from '../../core/validation.js';
import { indexLabels } from '../../data/images/captions.js';
import type { ImageDataset } from '../../data/images/dataset.js';
import { topK } from '../../search/top-k.js';
import { imageBatches } from '../images/batches.js';
import { CLIP } from './clip.js';

/** Images that are read at once. */
const INFERENCE_BATCH = 256;

/** Recall among the first k results, by k: 1, 5 and 10, as far as there are so many. */
export interface ClipRecall {
  /** Fraction of images that find their label. */
  imageToText: Record<number, number>;
  /** Fraction of labels that find one of their images. */
  textToImage: Record<number, number>;
}

function checkClip(name: string, model: unknown): void {
  instanceOf(CLIP, 'a CLIP')(name, 'model', model);
}

/** Computes the fraction of queries that have a relevant row among the first k of the corpus. */
function recallAt(
  queries: Matrix,
  corpus: Matrix,
  relevant: readonly (readonly number[])[],
): Record<number, number> {
  const ks = [1, 5, 10].filter((k) => k <= corpus.rows);
  const max = ks.at(-1) as number;
  const { indices } = topK(queries, corpus, max);
  return Object.fromEntries(
    ks.map((k) => {
      const hits = relevant.filter((rows, i) =>
        indices.subarray(i * max, i * max + k).some((index) => rows.includes(index)),
      );
      return [k, hits.length / relevant.length];
    }),
  );
}

/** Finds the indices of the images that can be read. */
function readableRows(data: ImageDataset): number[] {
  return Array.from(imageBatches(data, INFERENCE_BATCH)).flatMap(({ rows }) => rows);
}

/**
 * Evaluates retrieval both ways: each image looks for its label among all labels, and each label for
 * one of its images.
 *
 * @param model trained CLIP
 * @param data images with captions
 * @param options none
 * @returns recall at 1, 5 and 10
 * @throws {TypeError | RangeError} if they are not images of the network's shape with captions
 */
export function clipRetrieval(model: CLIP, data: ImageDataset, options?: NoOptions): ClipRecall {
  checkNoOptions('clipRetrieval', options);
  checkClip('clipRetrieval', model);
  const captions = model.captionsOf('clipRetrieval', data);
  const { ids, names } = indexLabels(readableRows(data).map((row) => captions[row] as string));
  const imagesOf: number[][] = names.map(() => []);
  for (const [i, id] of ids.entries()) imagesOf[id]?.push(i);
  const [image, text] = [model.encode(data), model.encodeTexts(names)];
  return {
    imageToText: recallAt(
      image,
      text,
      ids.map((id) => [id]),
    ),
    textToImage: recallAt(text, image, imagesOf),
  };
}

/**
 * Computes the zero-shot accuracy: the fraction of images whose label's name is the most probable of
 * all names.
 *
 * @param model trained CLIP
 * @param data images with labels and their names
 * @param options none
 * @returns accuracy, from 0 to 1
 * @throws {TypeError | RangeError} if they are not images of the network's shape with labels
 */
export function zeroShotAccuracy(model: CLIP, data: ImageDataset, options?: NoOptions): number {
  checkNoOptions('zeroShotAccuracy', options);
  checkClip('zeroShotAccuracy', model);
  if (typeof data !== 'object' || data === null) {
    typeError('zeroShotAccuracy', 'data', 'images with labels and their names', data);
  }
  const { labels, labelNames } = data;
  if (labels === undefined || labelNames === undefined) {
    rangeError('zeroShotAccuracy', 'data', 'with labels and their names', 'none');
  }
  const { data: probabilities, rows, cols } = model.zeroShot(data, labelNames);
  const read = readableRows(data);
  let hits = 0;
  for (let i = 0; i < rows; i++) {
    const row = probabilities.subarray(i * cols, (i + 1) * cols);
    const best = row.indexOf(row.reduce((max, value) => Math.max(max, value), 0));
    if (best === labels[read[i] as number]) hits++;
  }
  return hits / rows;
}
