/**
 * Encodes texts as bags of words: counts of words, weighted by how few texts have them (tf-idf,
 * Spärck Jones 1972). A baseline for trained encoders.
 */

/** Words in fewer texts are left out. */
const MIN_TEXTS = 3;
/** The most frequent words up to this number are kept. */
const MAX_WORDS = 4096;

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+|[!?$%]/gu) ?? [];
}

/** Vectorizer of texts, like scikit-learn's TfidfVectorizer. */
export class BagOfWords {
  /** Column and weight of each word. */
  readonly #words = new Map<string, { column: number; weight: number }>();

  /** @param texts unlabeled texts that the vocabulary and its weights are counted on */
  constructor(texts: readonly string[]) {
    const counts = new Map<string, number>();
    for (const text of texts) {
      for (const word of new Set(wordsOf(text))) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    const common = [...counts].filter(([, count]) => count >= MIN_TEXTS);
    common.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    for (const [column, [word, count]] of common.slice(0, MAX_WORDS).entries()) {
      this.#words.set(word, { column, weight: Math.log2((1 + texts.length) / (1 + count)) + 1 });
    }
  }

  /** Encodes texts. @returns one row of length 1 per text */
  rows(texts: readonly string[]): Float32Array[] {
    return texts.map((text) => {
      const row = new Float32Array(this.#words.size);
      for (const word of wordsOf(text)) {
        const known = this.#words.get(word);
        if (known !== undefined) row[known.column] = (row[known.column] as number) + known.weight;
      }
      const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1;
      return row.map((value) => value / length);
    });
  }
}
