/**
 * Splits the examples of a sentence encoder into those to train on, to choose the best step by, and
 * to measure with, so that no text is on two sides.
 */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import type { Examples } from '../input/examples.js';

/** Indices of examples. */
export interface Split {
  training: number[];
  validation: number[];
  test: number[];
  /** A note for the user. */
  note?: string;
}

/** Fraction of the examples that each held-out part gets; more where that would be very few. */
const HELD_OUT = 0.1;
const MAX_FRACTION = 0.2;
const FEW = 40;
/** Examples that a held-out part has at most. */
const MAX_HELD_OUT = 2000;

/** Disjoint sets of examples. */
function groupExamples(keys: readonly (readonly string[])[]): Int32Array {
  const parent = Int32Array.from(keys, (_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (parent[root] !== root) {
      parent[root] = parent[parent[root] as number] as number;
      root = parent[root] as number;
    }
    return root;
  };
  const first = new Map<string, number>();
  keys.forEach((own, i) => {
    for (const key of own) {
      const other = first.get(key);
      if (other === undefined) first.set(key, i);
      else {
        const [a, b] = [find(i), find(other)];
        parent[Math.max(a, b)] = Math.min(a, b);
      }
    }
  });
  return parent.map((_, i) => find(i));
}

/** Texts that are the same but for case and blanks count as one. */
const normal = (text: string): string =>
  text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();

/** Draws whole groups until a part is full; undefined if the groups are too large for that. */
function draw(groups: Int32Array, seed: number): Split | undefined {
  const members = new Map<number, number[]>();
  groups.forEach((group, i) => {
    const list = members.get(group);
    if (list === undefined) members.set(group, [i]);
    else list.push(i);
  });
  const count = groups.length;
  const wanted = Math.max(count * HELD_OUT, Math.min(FEW, count * MAX_FRACTION));
  const size = Math.min(MAX_HELD_OUT, Math.max(1, Math.floor(wanted)));
  const order = new Random(seed, STREAMS.validation).shuffle([...members.values()]);
  const parts: number[][] = [[], []];
  const training: number[] = [];
  for (const group of order) {
    const part = parts.find(({ length }) => length < size && length + group.length <= 1.5 * size);
    for (const i of group) (part ?? training).push(i);
  }
  const [test = [], validation = []] = parts;
  const rising = (list: number[]): number[] => list.sort((a, b) => a - b);
  if (Math.min(test.length, validation.length) < size / 2 || training.length < 2) return undefined;
  return { training: rising(training), validation: rising(validation), test: rising(test) };
}

/** Splits examples; the same for the same examples. */
export function splitExamples(examples: Examples): Split | undefined {
  if (!('pairs' in examples)) {
    const texts = examples.texts.map((text) => [normal(text)]);
    return draw(groupExamples(texts), 0);
  }
  const { pairs } = examples;
  const both = draw(groupExamples(pairs.map((pair) => pair.map(normal))), 0);
  if (both !== undefined) return both;
  const sides = [
    { side: 1, note: 'the second texts of held-out pairs are not trained on, first ones may be' },
    { side: 0, note: 'the first texts of held-out pairs are not trained on, second ones may be' },
  ] as const;
  for (const { side, note } of sides) {
    const one = draw(groupExamples(pairs.map((pair) => [normal(pair[side])])), 0);
    if (one !== undefined) return { ...one, note: `texts are shared by too many pairs: ${note}` };
  }
  return undefined;
}

/** Takes some of the examples. */
export function selectExamples<E extends Examples>(examples: E, rows: readonly number[]): E {
  const take = <T>(list: readonly T[]): T[] => rows.map((row) => list[row] as T);
  switch (examples.kind) {
    case 'pairs':
      return { ...examples, pairs: take(examples.pairs), negatives: take(examples.negatives) };
    case 'scores':
      return { ...examples, pairs: take(examples.pairs), scores: take(examples.scores) };
    case 'labels':
      return { ...examples, texts: take(examples.texts), labels: take(examples.labels) };
    default:
      return { ...examples, texts: take(examples.texts) };
  }
}
