/**
 * Measures ensembles of views by their number, and an ensemble whose number is chosen on other names
 * than those that it is evaluated on: each half of the names has the number that is best on the other
 * half.
 */

import { Random } from '../../../src/core/random.js';
import type { CLIP, ImageDataset } from '../../../src/models/index.js';
import { type MeanStd, meanStd } from '../mean-std.js';
import {
  type EnsembleApi,
  type EnsembleRecall,
  encodePrompts,
  encodeViews,
  ensembleRecall,
} from './ensemble.js';

/** Numbers of views that are compared; with 0 the image is taken as it is. */
export const VIEW_COUNTS = [0, 1, 2, 4, 8, 16] as const;

/** Recall@1 over the seeds. */
type RecallOverSeeds = Record<keyof EnsembleRecall, MeanStd>;

export interface ViewEnsembles {
  seeds: number;
  /** By the number of views. */
  views: Record<number, RecallOverSeeds>;
  /** With the number that the other half of the names chose. */
  chosen: RecallOverSeeds;
  /** Standard error of the chosen recall from image to text: other names would give others. */
  standardError: number;
  /** Counts of each number as the choice of a half, two per seed. */
  choices: Record<number, number>;
}

const HALVES = 1;

function overSeeds(all: readonly EnsembleRecall[]): RecallOverSeeds {
  return {
    imageToText: meanStd(all.map(({ imageToText }) => imageToText)),
    textToImage: meanStd(all.map(({ textToImage }) => textToImage)),
  };
}

/**
 * Runs the study; each seed has views and halves of its own.
 *
 * @param images images, each with a caption of its own
 */
export function measureViews(
  api: EnsembleApi,
  clip: CLIP,
  images: ImageDataset,
  seeds: number,
): ViewEnsembles {
  const texts = encodePrompts(api, clip, images.captions as readonly string[]);
  const byCount = VIEW_COUNTS.map((): EnsembleRecall[] => []);
  const chosen: EnsembleRecall[] = [];
  const choices = new Map<number, number>();
  for (let seed = 1; seed <= seeds; seed++) {
    const encoded = encodeViews(api, clip, images, { sizes: VIEW_COUNTS, seed });
    for (const [i, rows] of encoded.entries()) byCount[i]?.push(ensembleRecall(api, rows, texts));
    const order = new Random(seed, HALVES).shuffle(Array.from(images.captions ?? [], (_, i) => i));
    const middle = Math.floor(order.length / 2);
    const halves = [order.slice(0, middle), order.slice(middle)];
    const ofHalves = halves.map((half) =>
      encoded.map((rows) => ensembleRecall(api, rows, texts, half)),
    );
    // The fewest views, where several numbers are equally good.
    const best = ofHalves.map((half) => {
      const values = half.map(({ imageToText }) => imageToText);
      return values.indexOf(Math.max(...values));
    });
    for (const i of best) {
      const count = VIEW_COUNTS[i] as number;
      choices.set(count, (choices.get(count) ?? 0) + 1);
    }
    const other = halves.map((half, i) => ({
      weight: half.length / order.length,
      recall: ofHalves[i]?.[best[1 - i] as number] as EnsembleRecall,
    }));
    const total = (key: keyof EnsembleRecall): number =>
      other.reduce((sum, { weight, recall }) => sum + weight * recall[key], 0);
    chosen.push({ imageToText: total('imageToText'), textToImage: total('textToImage') });
  }
  const recalls = overSeeds(chosen);
  const p = recalls.imageToText.mean;
  return {
    seeds,
    views: Object.fromEntries(
      VIEW_COUNTS.map((count, i) => [count, overSeeds(byCount[i] as EnsembleRecall[])]),
    ),
    chosen: recalls,
    standardError: Math.sqrt((p * (1 - p)) / images.count),
    choices: Object.fromEntries(choices),
  };
}
