/** BM25 (Robertson and Zaragoza, 2009): what an encoder has to beat. */

/** Words in lower case. */
function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

export class Bm25 {
  readonly #postings = new Map<string, { document: number; count: number }[]>();
  readonly #lengths: number[];
  readonly #mean: number;

  constructor(documents: readonly string[]) {
    this.#lengths = documents.map((text, document) => {
      const words = wordsOf(text);
      const counts = new Map<string, number>();
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
      for (const [word, count] of counts) {
        const list = this.#postings.get(word) ?? [];
        list.push({ document, count });
        this.#postings.set(word, list);
      }
      return words.length;
    });
    this.#mean = this.#lengths.reduce((sum, n) => sum + n, 0) / documents.length;
  }

  /** The best documents, best first, ties to the lower number. */
  search(query: string, k: number): number[] {
    const n = this.#lengths.length;
    const scores = new Map<number, number>();
    for (const word of new Set(wordsOf(query))) {
      const list = this.#postings.get(word) ?? [];
      const idf = Math.log(1 + (n - list.length + 0.5) / (list.length + 0.5));
      for (const { document, count } of list) {
        const length = 0.25 + (0.75 * (this.#lengths[document] as number)) / this.#mean;
        const score = (idf * count * 2.2) / (count + 1.2 * length);
        scores.set(document, (scores.get(document) ?? 0) + score);
      }
    }
    return [...scores]
      .sort(([a, x], [b, y]) => y - x || a - b)
      .slice(0, k)
      .map(([document]) => document);
  }
}
