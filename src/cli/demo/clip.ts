/** A small CLIP on emoji: trained on three vendors' drawings, evaluated on those of a fourth. */

import {
  CLIP,
  type ClipRecall,
  captionLabel,
  clipRetrieval,
  type ImageDataset,
  imagesFrom,
  imagesToTensor,
  train,
} from '../../models/index.js';
import { manualSeed, type Tensor } from '../../nn/index.js';
import { topK } from '../../search/top-k.js';
import { readSample } from '../../terminal/package-files.js';
import type { SectionContext } from './section.js';

const QUICK = { steps: 160, batch: 128 };
const FULL = { steps: 1000, batch: 256 };
/** The vendor whose drawings are never trained on. */
export const HELD_OUT = 'fluent-emoji-flat';

/** Emoji of several vendors, with their captions. */
export interface Emoji {
  vendors: string[];
  /** One per name. */
  captions: string[];
  training: ImageDataset;
  /** The held-out vendor: caption i belongs to image i. */
  heldOut: ImageDataset;
  /** Drawings of each other vendor, in the same order. */
  others: Readonly<Record<string, ImageDataset>>;
}

const CHANNELS = 3;

/** Loads the emoji that come with the package. */
export function loadEmoji(): Emoji {
  const text = new TextDecoder().decode(readSample('emoji/emoji.json'));
  const { side, vendors, captions }: { side: number; vendors: string[]; captions: string[] } =
    JSON.parse(text);
  const pixels = Uint8Array.from(readSample('emoji/pixels.gz'));
  // Each number was stored less that of the pixel to its left.
  const row = side * CHANNELS;
  for (let i = 0; i < pixels.length; i++) {
    if (i % row >= CHANNELS) pixels[i] = (pixels[i] as number) + (pixels[i - CHANNELS] as number);
  }
  const size = side * row;
  const by = (chosen: readonly number[]): ImageDataset => {
    const rows = captions.flatMap((_, name) => chosen.map((v) => name * vendors.length + v));
    const data = new Uint8Array(rows.length * size);
    for (const [i, from] of rows.entries()) {
      data.set(pixels.subarray(from * size, (from + 1) * size), i * size);
    }
    return {
      ...imagesFrom(data, { height: side, width: side, channels: CHANNELS }),
      captions: rows.map((from) => captions[Math.floor(from / vendors.length)] as string),
    };
  };
  const held = vendors.indexOf(HELD_OUT);
  const others = vendors.map((_, vendor) => vendor).filter((vendor) => vendor !== held);
  return {
    vendors,
    captions,
    training: by(others),
    heldOut: by([held]),
    others: Object.fromEntries(others.map((vendor) => [vendors[vendor] as string, by([vendor])])),
  };
}

/** Results of a run. */
export interface Run {
  clip: CLIP;
  losses: number[];
  /** Recall@1 of the held-out images by step. */
  validation: [step: number, recall: number][];
  before: ClipRecall;
  after: ClipRecall;
  seconds: number;
}

/** Points of the curve. */
const VALIDATIONS = 8;

/** Trains on all vendors but one, and evaluates on that one. */
export async function trainClip(emoji: Emoji, context: SectionContext): Promise<Run> {
  const { full, seed, terminal } = context;
  manualSeed(seed);
  const { steps, batch } = full ? FULL : QUICK;
  const clip = new CLIP(emoji.captions);
  const retrieve = (): ClipRecall => {
    clip.eval();
    const found = clipRetrieval(clip, emoji.heldOut);
    clip.train();
    return found;
  };
  const before = retrieve();
  const validation: Run['validation'] = [[0, before.imageToText[1] as number]];
  const losses: number[] = [];
  const progress = terminal.progress('clip', steps, {
    unit: { name: 'images', perStep: batch },
  });
  const started = performance.now();
  let after = before;
  for await (const { step, loss } of train(clip, emoji.training, {
    steps,
    batchSize: batch,
    seed,
  })) {
    losses.push(loss);
    await progress.step(step, loss);
    if (step % Math.floor(steps / VALIDATIONS) !== 0 && step !== steps) continue;
    after = retrieve();
    validation.push([step, after.imageToText[1] as number]);
  }
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  return { clip, losses, validation, before, after, seconds };
}

/** Fractions of drawings whose namesake by another vendor is among the nearest k by raw pixels. */
export function pixelRecall(queries: ImageDataset, corpus: ImageDataset): Record<number, number> {
  const rows = ({
    count,
    read,
  }: ImageDataset): { data: Uint8Array; rows: number; cols: number } => {
    const { pixels } = read(Array.from({ length: count }, (_, row) => row));
    return { data: pixels, rows: count, cols: pixels.length / count };
  };
  const deepest = 10;
  const { indices } = topK(rows(queries), rows(corpus), deepest, { metric: 'euclidean' });
  const recall = (k: number): number => {
    const all = Array.from({ length: queries.count }, (_, row) => row);
    const hits = all.filter((row) =>
      indices.subarray(row * deepest, row * deepest + k).includes(row),
    );
    return hits.length / all.length;
  };
  return { 1: recall(1), 5: recall(5), 10: recall(10) };
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
