/** The cache of chunks: what it keeps, that it forgets, and texts that are made to collide. */

import { ChunkCache } from '../../../src/data/text/pipeline/chunk-cache.js';
import { TokenList } from '../../../src/data/text/pipeline/token-list.js';
import { check, same, suite } from '../../harness.js';

const test = suite('chunk cache');

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = ChunkCache.mix(hash, text.charCodeAt(i));
  return hash;
}

/** Tokens of a chunk, or undefined if it is not kept. */
function find(cache: ChunkCache, text: string, hash = hashOf(text)): number[] | undefined {
  const list = new TokenList();
  list.push(7);
  const framed = `<${text}>`;
  return cache.append(list, framed, 1, framed.length - 1, hash)
    ? list.toArray().slice(1)
    : undefined;
}

function keep(cache: ChunkCache, text: string, ids: number[], hash = hashOf(text)): void {
  cache.keep(`<${text}>`, 1, text.length + 1, hash, Int32Array.from([7, ...ids]), 1);
}

test('gives the tokens of what it was given, of any length', () => {
  const cache = new ChunkCache();
  const texts = ['a', 'ab', 'abc', 'é', '漢字', '\ud83d\ude00', 'x'.repeat(64)];
  for (const [i, text] of texts.entries()) keep(cache, text, [i, i + 1].slice(0, i % 3));
  for (const [i, text] of texts.entries()) same(find(cache, text), [i, i + 1].slice(0, i % 3));
  same(find(cache, 'abd'), undefined);
  same(find(cache, ''), undefined);
  keep(cache, 'x'.repeat(65), [1]);
  same(find(cache, 'x'.repeat(65)), undefined, 'a long one');
});

test('keeps tens of thousands, then forgets all and goes on', () => {
  const cache = new ChunkCache();
  for (let i = 0; i < 60_000; i++) keep(cache, `w${i}`, [i]);
  let kept = 0;
  for (let i = 0; i < 60_000; i++) {
    const ids = find(cache, `w${i}`);
    if (ids === undefined) continue;
    same(ids, [i]);
    kept++;
  }
  check(kept > 9000 && kept <= 10_000, `${kept} are kept`);
});

test('chunks of one hash are told apart, and only a few are kept', () => {
  const cache = new ChunkCache();
  for (let i = 0; i < 1000; i++) keep(cache, `w${i}`, [i], 5);
  const found = Array.from({ length: 1000 }, (_, i) => find(cache, `w${i}`, 5));
  found.forEach((ids, i) => {
    if (ids !== undefined) same(ids, [i]);
  });
  same(found.filter((ids) => ids !== undefined).length, 16);
});
