/** The pre-trained CLIP on emoji: evaluated on an unseen vendor's drawings, then fine-tuned on some. */

import {
  type EnsembleRecall,
  encodePrompts,
  ensembleRecall,
} from '../../../bench/studies/emoji/ensemble.js';
import { normalize } from '../../index.js';
import {
  type CLIP,
  type ClipRecall,
  captionLabel,
  clipRetrieval,
  type ImageDataset,
  imagesFrom,
  imagesToTensor,
  subset,
  train,
} from '../../models/index.js';
import type { Tensor } from '../../nn/index.js';
import { topK } from '../../search/top-k.js';
import { readSample } from '../../terminal/package-files.js';
import type { SectionContext } from './section.js';

/** Fine-tuning on one drawing in so many. */
const EVERY = 4;
const QUICK = { steps: 20, batchSize: 128, learningRate: 3e-4 };
const FULL = { ...QUICK, steps: 100 };

/** Emoji of a vendor that the network was not trained on. */
export interface Emoji {
  vendor: string;
  /** One per image. */
  captions: string[];
  images: ImageDataset;
}

const CHANNELS = 3;

/** Loads the emoji that come with the package. */
export function loadEmoji(): Emoji {
  const text = new TextDecoder().decode(readSample('emoji/emoji.json'));
  const { side, vendor, captions }: { side: number; vendor: string; captions: string[] } =
    JSON.parse(text);
  const pixels = Uint8Array.from(readSample('emoji/pixels.br'));
  // Each number was stored less that of the pixel to its left.
  const row = side * CHANNELS;
  for (let i = 0; i < pixels.length; i++) {
    if (i % row >= CHANNELS) pixels[i] = (pixels[i] as number) + (pixels[i - CHANNELS] as number);
  }
  const images = imagesFrom(pixels, { height: side, width: side, channels: CHANNELS });
  return { vendor, captions, images: { ...images, captions } };
}

/** Results of fine-tuning on some drawings, on all others. */
export interface FineTuning {
  /** Number of drawings that were trained on. */
  trained: number;
  losses: number[];
  /** Fraction of the other drawings whose name is the nearest of all names. */
  before: number;
  after: number;
  seconds: number;
}

/** Fraction of some images whose own name is the nearest of all names. */
function recallAt1(clip: CLIP, { images, captions }: Emoji, rows: readonly number[]): number {
  const names = clip.encodeTexts(captions.map(captionLabel));
  const { indices } = topK(clip.encode(images.read(rows).pixels), names, 1);
  return rows.filter((row, i) => indices[i] === row).length / rows.length;
}

/** Fine-tunes on some drawings of the vendor, and evaluates on the others. */
export async function fineTuneClip(
  clip: CLIP,
  emoji: Emoji,
  { full, seed, terminal }: SectionContext,
): Promise<FineTuning> {
  const all = Array.from({ length: emoji.images.count }, (_, row) => row);
  const rows = all.filter((row) => row % EVERY === 0);
  const others = all.filter((row) => row % EVERY !== 0);
  const options = full ? FULL : QUICK;
  const before = recallAt1(clip, emoji, others);
  const losses: number[] = [];
  const progress = terminal.progress('clip', options.steps, {
    unit: { name: 'images', perStep: options.batchSize },
  });
  const started = performance.now();
  for await (const { step, loss } of train(clip, subset(emoji.images, rows), {
    ...options,
    seed,
  })) {
    losses.push(loss);
    await progress.step(step, loss);
  }
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  return { trained: rows.length, losses, before, after: recallAt1(clip, emoji, others), seconds };
}

/** Retrieval both ways among all drawings of the vendor. */
export function evaluateClip(clip: CLIP, { images }: Emoji): ClipRecall {
  return clipRetrieval(clip, images);
}

/** Recall@1 both ways, a name being the mean of two prompts: alone, and with its keywords. */
export function evaluatePrompts(clip: CLIP, { images, captions }: Emoji): EnsembleRecall {
  const api = { normalize, topK, captionLabel };
  return ensembleRecall(api, clip.encode(images), encodePrompts(api, clip, captions));
}

/** The k best images for some texts: their numbers, one row per text. */
export function findImages(clip: CLIP, texts: readonly string[], images: ImageDataset, k: number) {
  return topK(clip.encodeTexts(texts), clip.encode(images), k).indices;
}

/** The k best names for some images, one list per image. */
export function findNames(
  clip: CLIP,
  images: ImageDataset,
  rows: readonly number[],
  captions: readonly string[],
  k: number,
): string[][] {
  const names = captions.map(captionLabel);
  const { pixels } = images.read(rows);
  const { indices } = topK(clip.encode(pixels), clip.encodeTexts(names), k);
  return rows.map((_, i) =>
    Array.from(indices.subarray(i * k, (i + 1) * k), (index) => names[index] as string),
  );
}

/** Images as columns of a sheet: column c has the c-th of each row's. */
export function columns(images: ImageDataset, rows: ArrayLike<number>, across: number): Tensor[] {
  return Array.from({ length: across }, (_, column) => {
    const chosen = Array.from(rows).filter((_, i) => i % across === column);
    return imagesToTensor(images.read(chosen).pixels, images.shape);
  });
}
