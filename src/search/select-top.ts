/** The best of a list of scored documents. */

/**
 * Writes the best of some documents, best first, ties to the lower index; -1 and 0 where there are
 * no more.
 *
 * @param found documents, each once; their order changes
 * @param scoreOf score of a document
 * @param indices receives the documents; its length says how many
 * @param best receives their scores
 */
export function selectTop(
  found: number[],
  scoreOf: (document: number) => number,
  indices: Int32Array,
  best: Float32Array,
): void {
  const compare = (i: number, j: number): number => scoreOf(j) - scoreOf(i) || i - j;
  const k = indices.length;
  let kept = found;
  if (found.length > 8 * k) {
    // Only those are sorted that may be among the best: at least k of them reach the limit.
    const sample = found.slice(0, 4 * k).sort(compare);
    const limit = scoreOf(sample[k - 1] as number);
    kept = found.filter((document) => scoreOf(document) >= limit);
  }
  kept.sort(compare);
  indices.fill(-1);
  best.fill(0);
  for (let i = 0; i < Math.min(k, kept.length); i++) {
    indices[i] = kept[i] as number;
    best[i] = scoreOf(kept[i] as number);
  }
}
