/**
 * CLIP's retrieval with ensembles (Radford et al., 2021, section 3.1.4): a class is the mean of
 * several prompts' unit vectors, and an image, if wanted, that of itself and of random views. The
 * prompts are the two kinds of caption that training has: a name alone, and with its keywords.
 */

import type * as nearfar from '../../../src/index.js';
import type { CLIP, ImageDataset } from '../../../src/models/index.js';

/** Public functions, imported from wherever they are. */
export interface EnsembleApi extends Pick<typeof nearfar, 'normalize' | 'topK'> {
  captionLabel(caption: string): string;
}

/** Fraction whose own counterpart is the nearest. */
export interface EnsembleRecall {
  imageToText: number;
  textToImage: number;
}

/** Averages the unit vectors of several encodings of the same rows. */
function meanOf({ normalize }: EnsembleApi, encodings: readonly nearfar.Matrix[]): nearfar.Matrix {
  const unit = encodings.map((rows) => normalize(rows));
  const { rows, cols } = unit[0] as nearfar.Matrix;
  const data = new Float32Array(rows * cols);
  for (const one of unit) {
    for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) + (one.data[i] as number);
  }
  return { data, rows, cols };
}

/**
 * Encodes captions `name; keyword; keyword; …` by both prompts.
 * @returns (captions, d), not normalized
 */
export function encodePrompts(
  api: EnsembleApi,
  clip: CLIP,
  captions: readonly string[],
): nearfar.Matrix {
  return meanOf(api, [
    clip.encodeTexts(captions.map((caption) => api.captionLabel(caption))),
    clip.encodeTexts(captions.map((caption) => caption.replaceAll(';', ' '))),
  ]);
}

/**
 * Encodes images by themselves and random views, as training makes them.
 *
 * @param sizes numbers of views
 * @param seed seed of the views: a larger ensemble has the views of a smaller one, too
 * @returns (images, d) for each number of views, not normalized
 */
export function encodeViews(
  api: EnsembleApi,
  clip: CLIP,
  images: ImageDataset,
  { sizes, seed }: { sizes: readonly number[]; seed: number },
): nearfar.Matrix[] {
  const { pixels } = images.read(Array.from({ length: images.count }, (_, row) => row));
  const encodings = [clip.encode(images)];
  for (let view = 0; view < Math.max(...sizes); view++) {
    const tensor = clip.augmentation.views(pixels, { seed, step: 0, view });
    encodings.push(clip.encode(tensor));
    tensor.dispose();
  }
  return sizes.map((size) => meanOf(api, encodings.slice(0, 1 + size)));
}

/**
 * Measures recall@1 both ways, among all rows.
 *
 * @param images (rows, d)
 * @param texts (rows, d), row i being the counterpart of image i
 * @param queries rows that are searched for
 */
export function ensembleRecall(
  { topK }: EnsembleApi,
  images: nearfar.Matrix,
  texts: nearfar.Matrix,
  queries: readonly number[] = Array.from({ length: images.rows }, (_, row) => row),
): EnsembleRecall {
  const recall = (from: nearfar.Matrix, corpus: nearfar.Matrix): number => {
    const { indices } = topK(from, corpus, 1);
    return queries.filter((row) => indices[row] === row).length / queries.length;
  };
  return { imageToText: recall(images, texts), textToImage: recall(texts, images) };
}
