/**
 * CLIP's retrieval with ensembles (Radford et al., 2021, section 3.1.4): a class is the mean of
 * several prompts' unit vectors, here of its name and of its name with its keywords; and an image,
 * if wanted, the mean of itself and of random views.
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

const SEED = 1;

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
 * Measures recall@1 both ways.
 *
 * @param images images, each with a caption `name; keyword; keyword; …` of its own
 * @param views random views of each image that are averaged with it
 */
export function ensembleRecall(
  api: EnsembleApi,
  clip: CLIP,
  images: ImageDataset,
  views = 0,
): EnsembleRecall {
  const captions = images.captions as readonly string[];
  const texts = meanOf(api, [
    clip.encodeTexts(captions.map((caption) => api.captionLabel(caption))),
    clip.encodeTexts(captions.map((caption) => caption.replaceAll(';', ' '))),
  ]);
  const { pixels } = images.read(captions.map((_, row) => row));
  const seen = Array.from({ length: views }, (_, view) => {
    const tensor = clip.augmentation.views(pixels, { seed: SEED, step: 0, view });
    const encoded = clip.encode(tensor);
    tensor.dispose();
    return encoded;
  });
  const own = clip.encode(images);
  // The image as it is has the weight of two views.
  const rows = meanOf(api, [own, own, ...seen]);
  const recall = (queries: nearfar.Matrix, corpus: nearfar.Matrix): number => {
    const { indices } = api.topK(queries, corpus, 1);
    return indices.filter((found, row) => found === row).length / indices.length;
  };
  return { imageToText: recall(rows, texts), textToImage: recall(texts, rows) };
}
