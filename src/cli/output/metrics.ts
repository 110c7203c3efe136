/** Metrics as tables and lines print them; `--json` keeps the library's names. */

/** Words that are not written in lower case, or not in full. */
const WORDS: Readonly<Record<string, string>> = {
  ...{ val: 'validation', mrr: 'MRR', map: 'MAP', ndcg: 'nDCG', bm25: 'BM25', knn: 'kNN' },
};

/**
 * Returns the name of a metric in words.
 *
 * @example metricTitle('bm25MrrAt10'); // 'BM25 MRR@10'
 */
export function metricTitle(name: string): string {
  return name
    .replace(/At(\d+)$/, '@$1')
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, ' ')
    .split(' ')
    .map((word) => word.toLowerCase())
    .map((word) => word.replace(/^[a-z0-9]+/, (letters) => WORDS[letters] ?? letters))
    .join(' ');
}

/** Formats the value of a metric: counts whole, others with four digits. */
export function formatMetric(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}
