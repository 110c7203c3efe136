/** Hard negatives of a run's own queries, among the documents that it is trained on. */

import { mineHardNegatives } from '../search/hard-negatives.js';
import type { Positives } from './batches.js';
import type { Task } from './data.js';
import { selectRows } from './evaluate.js';

/** Rows of documents by row of a query. */
export type HardNegatives = ReadonlyMap<number, readonly number[]>;

/** Mines k negatives of each query of the samples. */
export function mineForSamples(
  task: Task,
  samples: Int32Array,
  k: number,
  { ofQuery }: Positives,
): HardNegatives {
  const queries = [...new Set(Array.from(samples, (sample) => task.samples[2 * sample] as number))];
  const rows = [...new Set(Array.from(samples, (s) => task.samples[2 * s + 1] as number))];
  const byNode = new Map<number, number[]>();
  rows.forEach((row, i) => {
    const node = task.nodes[task.documentStart + row] as number;
    const list = byNode.get(node);
    if (list === undefined) byNode.set(node, [i]);
    else list.push(i);
  });
  const positives = queries.map((query) =>
    [...(ofQuery.get(task.nodes[query] as number) ?? [])].flatMap((node) => byNode.get(node) ?? []),
  );
  const [left, right] = [selectRows(task.queries, queries), selectRows(task.documents, rows)];
  const found = mineHardNegatives(left, right, positives, { k });
  return new Map(
    queries.map((query, q) => {
      const list = Array.from(found.subarray(q * k, (q + 1) * k)).filter((i) => i >= 0);
      return [query, list.map((i) => rows[i] as number)];
    }),
  );
}
