/** BM25 against bm25s (golden/retrieval.py), and the fusion of rankings. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Bm25, hybridSearch, reciprocalRankFusion, topK } from 'nearfar';
import { bytesInUse } from 'nearfar/nn';
import { close, same, suite, throws } from '../harness.js';
import { matrix, SEED } from '../properties/draw.js';

const test = suite('hybrid');

interface Peer {
  documents: string[];
  queries: string[];
  cases: { k1: number; b: number; scores: number[][] }[];
}

const file = new URL('../golden/fixtures/retrieval/peers.json', import.meta.url);
const { documents, queries, cases }: Peer = JSON.parse(readFileSync(file, 'utf8')).bm25;

test("scores are bm25s's", () => {
  for (const { k1, b, scores } of cases) {
    const n = documents.length;
    const found = new Bm25(documents, { k1, b }).topK(queries, n);
    const ours = queries.map((_, q) => {
      const row = new Array<number>(n).fill(0);
      for (let i = q * n; i < (q + 1) * n; i++) {
        const document = found.indices[i] as number;
        if (document >= 0) row[document] = found.scores[i] as number;
      }
      return row;
    });
    close(ours.flat(), scores.flat(), { rtol: 1e-6, atol: 1e-7, what: `k1 ${k1}, b ${b}` });
  }
});

test('the best come first, ties by the lower index, -1 where no more share a word', () => {
  const index = new Bm25(['x', 'b a', 'a', 'a', 'c']);
  const { indices, scores } = index.topK(['a', 'nothing', 'A, a.'], 4);
  same([...indices], [2, 3, 1, -1, -1, -1, -1, -1, 2, 3, 1, -1]);
  same([scores[0] === scores[1], scores[3], scores[4]], [true, 0, 0]);
  same([index.size, index.topK('c', 99).indices.length], [5, 5]);
});

test('the k best are the first of all, however many match', () => {
  fc.assert(
    fc.property(SEED, fc.integer({ min: 1, max: 12 }), (seed, k) => {
      const words = 'a b c d e f'.split(' ');
      const numbers = matrix(60, 5, seed).data;
      const word = (i: number): string =>
        words[Math.floor(Math.abs(numbers[i] as number) * 7) % 6] as string;
      const texts = Array.from({ length: 60 }, (_, i) =>
        [0, 1, 2, 3, 4].map((j) => word(5 * i + j)).join(' '),
      );
      const index = new Bm25(texts);
      const all = index.topK('a b d', 60);
      same([...index.topK('a b d', k).indices], [...all.indices.subarray(0, k)]);
    }),
    { numRuns: 40 },
  );
});

test('words are runs of letters and digits, pairs of characters where there are no blanks', () => {
  const index = new Bm25(['東京都に行く', '京都', 'naïve-Café 42', 'ภาษาไทย', '👍']);
  same(
    index.topK(['京都', '東京', 'NAI\u0308VE', '42', 'ไทย', '!'], 1).indices,
    Int32Array.of(1, 0, 2, 2, 3, -1),
  );
  const letters = new Bm25(['ab', 'bc'], { tokenize: (text) => [...text] });
  same([...letters.topK('c', 2).indices], [1, -1]);
});

test('fused ranks are those of the formula', () => {
  const { indices, scores } = reciprocalRankFusion(
    [
      [4, 0, 2],
      [0, 7],
    ],
    10,
  );
  same([...indices], [0, 4, 7, 2]);
  close(scores, [1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63], { rtol: 1e-6 });
  const weighted = reciprocalRankFusion([[4, 0, -1, 9], [0, 7], []], 2, {
    rrfK: 1,
    weights: [4, 1, 5],
  });
  same([...weighted.indices], [4, 0]);
  close(weighted.scores, [4 / 2, 4 / 3 + 1 / 2], { rtol: 1e-6 });
  throws(() => reciprocalRankFusion([[1, 1]], 2), RangeError, /rankings\[0\]\[1\]/);
  throws(() => reciprocalRankFusion([[1], [2]], 2, { weights: [1] }), RangeError, /weights/);
});

test('a hybrid search is the fusion of BM25 and topK', () => {
  const n = documents.length;
  const corpus = matrix(n, 6, 3);
  const texts = queries.slice(0, 4);
  const asked = matrix(4, 6, 4);
  const index = new Bm25(documents);
  const before = bytesInUse();
  const found = hybridSearch({ texts, embeddings: asked }, { texts: index, embeddings: corpus }, 5);
  same(bytesInUse(), before);
  const [words, nearest] = [index.topK(texts, n), topK(asked, corpus, n)];
  texts.forEach((_, q) => {
    const lists = [words, nearest].map(({ indices }) => indices.subarray(q * n, (q + 1) * n));
    const fused = reciprocalRankFusion(lists, 5);
    same([...found.indices.subarray(5 * q, 5 * q + 5)], [...fused.indices]);
    same([...found.scores.subarray(5 * q, 5 * q + 5)], [...fused.scores]);
  });
  const same5 = hybridSearch(
    { texts, embeddings: asked },
    { texts: documents, embeddings: corpus },
    5,
  );
  same(same5, found);
});

test('a weight of 0 leaves the other ranking', () => {
  const corpus = matrix(documents.length, 6, 3);
  const query = { texts: 'red cat', embeddings: corpus.data.slice(0, 6) };
  const all = { texts: documents, embeddings: corpus };
  const nearest = hybridSearch(query, all, 3, { weights: [0, 1] });
  same(nearest.indices, topK(query.embeddings, corpus, 3).indices);
  const words = hybridSearch(query, all, 3, { weights: [1, 0] });
  same(words.indices, new Bm25(documents).topK('red cat', 3).indices);
});

test('texts and embeddings must belong together', () => {
  const corpus = matrix(3, 2, 1);
  const texts = ['a', 'b', 'c'];
  const query = { texts: 'a', embeddings: [1, 0] };
  const search = hybridSearch as (...args: unknown[]) => unknown;
  throws(
    () => search(query, { texts: ['a'], embeddings: corpus }, 1),
    RangeError,
    /corpus\.embeddings/,
  );
  throws(
    () => search({ ...query, texts }, { texts, embeddings: corpus }, 1),
    RangeError,
    /queries\.embeddings/,
  );
  throws(() => search('a', { texts, embeddings: corpus }, 1), TypeError, /queries/);
  throws(() => search(query, { texts: 'abc', embeddings: corpus }, 1), TypeError, /texts/);
  throws(() => search(query, { texts }, 1), TypeError, /corpus/);
  throws(() => new Bm25(['a', 1] as string[]), TypeError, /texts\[1\]/);
  throws(() => new Bm25([]), RangeError, /texts/);
  throws(() => new Bm25(['a'], { b: 2 }), RangeError, /b/);
});
