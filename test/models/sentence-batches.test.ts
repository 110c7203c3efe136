/** Batches of a training of sentence encoders: which examples share one, and which are no negatives. */

import fc from 'fast-check';
import {
  neighborEpochs,
  orderBatches,
  shuffledEpochs,
} from '../../src/models/sentence/training/batches.js';
import { batchIds, Neighbors } from '../../src/models/sentence/training/pair-ids.js';
import { check, same, suite } from '../harness.js';

const test = suite('sentence batches');

const texts = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const pairs = fc.array(fc.tuple(texts, texts), { minLength: 2, maxLength: 12 });

test('pairs that share a text, or whose texts share a partner, have equal ids', () => {
  fc.assert(
    fc.property(pairs, fc.nat(11), (all, size) => {
      const batch = all.slice(0, 2 + size);
      const ids = batchIds(batch, new Neighbors(all), undefined);
      const partners = (text: string): Set<string> =>
        new Set([text, ...all.flatMap(([a, b]) => (a === text ? [b] : b === text ? [a] : []))]);
      for (const [i, first] of batch.entries()) {
        for (const [j, second] of batch.entries()) {
          const shared = first.some((x) =>
            second.some((y) => [...partners(x)].some((text) => partners(y).has(text))),
          );
          if (shared) same(ids[j], ids[i], `ids of ${first} and ${second}`);
        }
      }
    }),
  );
});

test('pairs without anything in common have different ids', () => {
  const batch = Array.from({ length: 60 }, (_, i) => [`a${i}`, `b${i}`] as const);
  same(new Set(batchIds(batch, new Neighbors(batch), undefined)).size, batch.length);
  const own = batch.map((_, i) => i % 7);
  same(new Set(batchIds(batch, new Neighbors(batch), own)).size, 7, 'with ids of their own');
});

test('an epoch has every example once, in batches of two or more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 2, max: 20 }), (count, size) => {
      const order = orderBatches(shuffledEpochs(count, 1), count, size);
      const seen = new Set<number>();
      for (let step = 0; seen.size < count - 1; step++) {
        const batch = order(step, 0, size);
        check(batch.length >= 2 && batch.length <= size, `a batch of ${batch.length}`);
        for (const example of batch) check(!seen.has(example), 'an example comes twice');
        for (const example of batch) seen.add(example);
      }
    }),
  );
});

test('an epoch of neighbors has every example once, and neighbors next to each other', () => {
  // Examples of eight subjects: the nearest is the first of the same one.
  const nearest = (centers: readonly number[], examples: readonly number[]) =>
    examples.map((i) => {
      return Math.max(
        centers.findIndex((center) => center % 8 === i % 8),
        0,
      );
    });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(9), (count, seed) => {
      const epochs = neighborEpochs(count, nearest, seed);
      const orders = [epochs(0), epochs(1)];
      const all = Array.from({ length: count }, (_, i) => i);
      for (const order of orders)
        same(
          [...order].sort((a, b) => a - b),
          all,
        );
      // A run that begins with the second epoch has the same order in it.
      same(neighborEpochs(count, nearest, seed)(1), orders[1]);
    }),
  );
  const order = neighborEpochs(512, nearest, 1)(0);
  const alike = order.filter((i, at) => at > 0 && i % 8 === (order[at - 1] as number) % 8).length;
  check(alike > 300, `${alike} of 512 follow one of their subject; an eighth would by chance`);
});

test('neighbors of many examples are looked for among a part of them', () => {
  const count = 40_000;
  const sizes: number[] = [];
  const nearest = (centers: readonly number[], examples: readonly number[]) => {
    sizes.push(examples.length);
    check(
      centers.every((center, i) => center === examples[i]),
      'centers are the first examples',
    );
    return examples.map((example) => example % centers.length);
  };
  const order = neighborEpochs(count, nearest, 1)(0);
  same(sizes, [13_333, 13_333, 13_334]);
  same(
    [...order].sort((a, b) => a - b),
    Array.from({ length: count }, (_, i) => i),
  );
});
