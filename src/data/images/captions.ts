/**
 * Captions of images. Of one with several parts, divided by semicolons, the first is what the
 * image is called; the others say more of it.
 */

import type { Random } from '../../core/random.js';

/** Share of captions that are cut to their name, and of parts that are kept in the others. */
const NAME_ALONE = 0.5;
const KEPT = 0.6;

/** What a image is called: its caption's first part. */
export function captionLabel(caption: string): string {
  return (caption.split(';')[0] as string).trim();
}

/** A caption as training sees it: its name, with some of its other parts or with none. */
export function sampleCaption(caption: string, random: Random): string {
  const [name, ...parts] = caption.split(';');
  if (random.uniform() < NAME_ALONE) return name as string;
  return [name, ...parts.filter(() => random.uniform() < KEPT)].join(' ');
}

/** Names of captions, each once, and the number of each caption's. */
export function indexLabels(captions: readonly string[]): { ids: number[]; names: string[] } {
  const numbers = new Map<string, number>();
  const ids = captions.map((caption) => {
    const name = captionLabel(caption);
    const id = numbers.get(name) ?? numbers.size;
    numbers.set(name, id);
    return id;
  });
  return { ids, names: [...numbers.keys()] };
}
