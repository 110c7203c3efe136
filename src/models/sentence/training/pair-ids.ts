/** Pairs that must not be each other's negatives. */

import type { TextPair } from './data.js';

/** The pairs of a text: those that it stands in, and the texts on the other side of them. */
export class Neighbors {
  readonly #of = new Map<string, Set<string>>();

  constructor(pairs: readonly TextPair[]) {
    for (const [anchor, positive] of pairs) {
      this.#add(anchor, positive);
      this.#add(positive, anchor);
    }
  }

  #add(text: string, other: string): void {
    const found = this.#of.get(text);
    if (found === undefined) this.#of.set(text, new Set([other]));
    else found.add(other);
  }

  of(text: string): Iterable<string> {
    return this.#of.get(text) ?? [];
  }
}

/** Disjoint sets: union by the lower index, so that the order of unions changes nothing. */
class Groups {
  readonly #parent: Int32Array;

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, i) => i);
  }

  find(i: number): number {
    let root = i;
    while (this.#parent[root] !== root) root = this.#parent[root] as number;
    for (let at = i; at !== root; ) {
      const next = this.#parent[at] as number;
      this.#parent[at] = root;
      at = next;
    }
    return root;
  }

  join(i: number, j: number): void {
    const [a, b] = [this.find(i), this.find(j)];
    this.#parent[Math.max(a, b)] = Math.min(a, b);
  }
}

/**
 * Numbers the pairs of a batch so that two have the same number if they must not be each other's
 * negatives: they share a text, the positives share an anchor or the anchors a positive somewhere in
 * the data, or they have equal ids.
 */
export function batchIds(
  batch: readonly TextPair[],
  neighbors: { of(text: string): Iterable<string> },
  ids: readonly number[] | undefined,
): Int32Array {
  const groups = new Groups(batch.length);
  const first = new Map<string | number, number>();
  const join = (key: string | number, pair: number): void => {
    const other = first.get(key);
    if (other === undefined) first.set(key, pair);
    else groups.join(other, pair);
  };
  batch.forEach(([anchor, positive], i) => {
    join(anchor, i);
    join(positive, i);
    // What a text is paired with stands for all that it is paired with, whatever its side.
    for (const other of neighbors.of(anchor)) join(other, i);
    for (const other of neighbors.of(positive)) join(other, i);
    if (ids !== undefined) join(ids[i] as number, i);
  });
  return Int32Array.from({ length: batch.length }, (_, i) => groups.find(i));
}
