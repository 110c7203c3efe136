/** Pairs of texts that the demo trains a sentence encoder on, and the program that does it. */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { readSample } from '../../terminal/package-files.js';

/** Program whose result the section shows; `pairs`, `queries` and `documents` are arrays of texts. */
export const PROGRAM = `import { topK } from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import { train } from 'nearfar/models';

const encoder = await loadEnglish();
for await (const { step, loss } of train(encoder, { pairs }, { seed: 1 })) {
  if (step % 40 === 0) console.log(step, loss);
}
const corpus = encoder.encode(documents);
const { indices } = topK(encoder.encode(queries), corpus, 10);
console.log(queries[0], '→', documents[indices[0]]);`;

/** A query and the text that it should find. */
export type Pair = [query: string, document: string];

/** Pairs to train on, and others that are held out: no text of theirs is trained on. */
export interface PairSet {
  training: Pair[];
  heldOut: Pair[];
  /** Number of parts of the API that the held-out pairs are all of, if pairs have parts. */
  groups: number;
}

interface Row {
  query: string;
  document: string;
  group?: string;
}

/** Fraction of the pairs that is held out, and the largest part that may be in it. */
const HELD_OUT = 0.2;
const LARGEST = 0.1;

function readRows(bytes: Uint8Array): Row[] {
  return new TextDecoder()
    .decode(bytes)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const plain = (text: string): string => text.toLowerCase().replace(/\s+/g, ' ').trim();

/**
 * Reads the pairs of a sample; the same part of them is held out whatever the seed.
 *
 * @param read reads a file of a sample
 */
export function loadPairs(name: 'github' | 'typescript', read = readSample): PairSet {
  const rows = readRows(read(`sentences/${name}.jsonl`));
  const members = new Map<string, Row[]>();
  for (const [i, row] of rows.entries()) {
    const group = row.group ?? String(i);
    const list = members.get(group);
    if (list === undefined) members.set(group, [row]);
    else list.push(row);
  }
  const order = new Random(0, STREAMS.validation).shuffle([...members.keys()]);
  const held = new Set<string>();
  const heldOut: Row[] = [];
  for (const group of order) {
    const list = members.get(group) as Row[];
    if (heldOut.length >= HELD_OUT * rows.length) break;
    if (list.length > LARGEST * rows.length) continue;
    held.add(group);
    heldOut.push(...list);
  }
  const seen = new Set(heldOut.flatMap(({ query, document }) => [plain(query), plain(document)]));
  const training = order
    .filter((group) => !held.has(group))
    .flatMap((group) => members.get(group) as Row[])
    .filter(({ query, document }) => !seen.has(plain(query)) && !seen.has(plain(document)));
  const pairOf = ({ query, document }: Row): Pair => [query, document];
  return {
    training: new Random(0, STREAMS.validation, 1).shuffle(training.map(pairOf)),
    heldOut: heldOut.map(pairOf),
    groups: rows[0]?.group === undefined ? 0 : held.size,
  };
}
