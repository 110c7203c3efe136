/**
 * Captions of images. Of a caption with several parts, divided by semicolons, the first is the
 * image's label; the others say more of it.
 */

import { checkNoOptions } from '../../core/options.js';
import type { Random } from '../../core/random.js';
import { checkString, type NoOptions } from '../../core/validation.js';
import { checkTexts } from '../text/tokenizer.js';

/** Fraction of captions that are cut to their label, and of parts that are kept in the others. */
const LABEL_ONLY = 0.5;
const KEPT = 0.6;

/**
 * Gives the label of a caption: its first part.
 *
 * @param caption parts divided by semicolons
 * @param options none
 * @returns the label, without spaces around it
 * @throws {TypeError} if it is not a string
 * @example captionLabel('red apple; on a table'); // 'red apple'
 */
export function captionLabel(caption: string, options?: NoOptions | number): string {
  checkNoOptions('captionLabel', options);
  return (checkString('captionLabel', 'caption', caption).split(';')[0] as string).trim();
}

/** Draws a caption as training sees it: its label, with some of its other parts or with none. */
export function sampleCaption(caption: string, random: Random): string {
  const [label, ...parts] = caption.split(';');
  if (random.uniform() < LABEL_ONLY) return label as string;
  return [label, ...parts.filter(() => random.uniform() < KEPT)].join(' ');
}

/**
 * Numbers the labels of captions.
 *
 * @param captions captions
 * @param options none
 * @returns names: each label once; ids: the index of each caption's label
 * @throws {TypeError} if a caption is not a string
 */
export function indexLabels(
  captions: readonly string[],
  options?: NoOptions,
): { ids: number[]; names: string[] } {
  checkNoOptions('indexLabels', options);
  checkTexts('indexLabels', 'captions', captions);
  const indices = new Map<string, number>();
  const ids = captions.map((caption) => {
    const label = captionLabel(caption);
    const id = indices.get(label) ?? indices.size;
    indices.set(label, id);
    return id;
  });
  return { ids, names: [...indices.keys()] };
}
