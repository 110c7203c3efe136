/** What a trained CLIP is judged by: zero-shot classification, and retrieval both ways. */

import type { Matrix } from '../../core/matrix.js';
import { rangeError } from '../../core/validation.js';
import { indexLabels } from '../../data/images/captions.js';
import type { ImageDataset } from '../../data/images/dataset.js';
import { topK } from '../../search/top-k.js';
import { imageBatches } from '../images/chunks.js';
import type { CLIP } from './clip.js';

/** Images that are read at once. */
const INFERENCE_BATCH = 256;

/** Shares of those that find a partner among the first 1, 5 and 10, by that number. */
export interface ClipRecall {
  imageToText: Record<number, number>;
  textToImage: Record<number, number>;
}

/** Shares of the queries that have one of theirs among the first k rows of the corpus. */
function hitRates(
  queries: Matrix,
  corpus: Matrix,
  own: readonly (readonly number[])[],
): Record<number, number> {
  const ks = [1, 5, 10].filter((k) => k <= corpus.rows);
  const most = ks.at(-1) as number;
  const { indices } = topK(queries, corpus, most);
  return Object.fromEntries(
    ks.map((k) => {
      const found = own.filter((rows, i) =>
        indices.subarray(i * most, i * most + k).some((index) => rows.includes(index)),
      );
      return [k, found.length / own.length];
    }),
  );
}

/** The numbers of the images that can be read. */
function readable(data: ImageDataset): number[] {
  return Array.from(imageBatches(data, INFERENCE_BATCH)).flatMap(({ rows }) => rows);
}

/** Each image looks for its name among all names, and each name for one of its images. */
export function clipRetrieval(model: CLIP, data: ImageDataset): ClipRecall {
  const captions = model.captionsOf('clipRetrieval', data);
  const { ids, names } = indexLabels(readable(data).map((row) => captions[row] as string));
  const images: number[][] = names.map(() => []);
  for (const [i, id] of ids.entries()) images[id]?.push(i);
  const [image, text] = [model.encode(data), model.encodeTexts(names)];
  return {
    imageToText: hitRates(
      image,
      text,
      ids.map((id) => [id]),
    ),
    textToImage: hitRates(text, image, images),
  };
}

/** Share of the images whose label's name is the likeliest of all labels' names. */
export function zeroShotAccuracy(model: CLIP, data: ImageDataset): number {
  const { labels, labelNames } = data;
  if (labels === undefined || labelNames === undefined) {
    rangeError('zeroShotAccuracy', 'data', 'with labels and their names', 'none');
  }
  const { data: shares, rows, cols } = model.zeroShot(data, labelNames);
  const read = readable(data);
  let right = 0;
  for (let i = 0; i < rows; i++) {
    const row = shares.subarray(i * cols, (i + 1) * cols);
    const best = row.indexOf(row.reduce((most, share) => Math.max(most, share), 0));
    if (best === labels[read[i] as number]) right++;
  }
  return right / rows;
}
