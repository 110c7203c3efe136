/**
 * Texts with their rows by all-MiniLM-L6-v2, from a folder next to the checkout:
 *
 *   aws        names of operations → documentation, cut at 240 characters, of 384 services
 *   wordnet    glosses → words of 20,000 synsets
 */

import { readFileSync } from 'node:fs';
import type { Matrix } from 'nearfar';
import { Random } from '../../../src/core/random.js';
import { readNpy } from '../../../src/data/files/npy.js';

const FOLDER = '../shared/embeddings';

/** Fields of the texts, files of their rows, and the field of the group that a pair is held out with. */
const SOURCES = {
  aws: {
    query: ['query', 'aws-queries'],
    document: ['document', 'aws-documents'],
    group: 'service',
  },
  wordnet: {
    query: ['gloss', 'wordnet-glosses'],
    document: ['words', 'wordnet-words'],
    group: undefined,
  },
} as const;

/** Names of the texts with rows. */
export type Taught = keyof typeof SOURCES;

/** Pairs of texts, line by line, and the rows of them. */
export interface TaughtPairs {
  queries: readonly string[];
  documents: readonly string[];
  /** Group of each pair. */
  groups: readonly string[];
  /** Rows of texts that are there, (texts, 384). */
  takeRows(texts: readonly string[]): Matrix;
}

/** Reads pairs and rows. */
export function readTaught(name: Taught): TaughtPairs {
  const { query, document, group } = SOURCES[name];
  const lines = readFileSync(`${FOLDER}/${name}.jsonl`, 'utf8').trim().split('\n');
  const all = lines.map((line) => JSON.parse(line) as Record<string, string | string[]>);
  const rows = new Map<string, Float32Array>();
  const texts = ([field, file]: readonly [string, string]): string[] => {
    const { data, shape } = readNpy(file, readFileSync(`${FOLDER}/${file}.npy`));
    const cols = shape[1] as number;
    return all.map((each, i) => {
      const text = String(each[field]);
      if (!rows.has(text)) rows.set(text, Float32Array.from(data.slice(i * cols, (i + 1) * cols)));
      return text;
    });
  };
  return {
    queries: texts(query),
    documents: texts(document),
    groups: all.map((each, i) => (group === undefined ? String(i) : String(each[group]))),
    takeRows(asked) {
      const found = asked.map((text) => rows.get(text) as Float32Array);
      const cols = found[0]?.length ?? 0;
      const data = new Float32Array(found.length * cols);
      found.forEach((row, i) => {
        data.set(row, i * cols);
      });
      return { data, rows: found.length, cols };
    },
  };
}

/** Fractions of the pairs that measure, and that settings may be chosen by. */
const TEST = 0.2;
const VALIDATION = 0.1;

/** Splits pairs by whole groups that a seed draws, 70 : 10 : 20. */
export function splitGroups(
  groups: readonly string[],
  seed: number,
): Record<'train' | 'validation' | 'test', number[]> {
  const members = new Map<string, number[]>();
  for (const [i, group] of groups.entries()) {
    const list = members.get(group);
    if (list === undefined) members.set(group, [i]);
    else list.push(i);
  }
  const names = [...members.keys()].sort((a, b) => (a < b ? -1 : 1));
  const split: Record<'train' | 'validation' | 'test', number[]> = {
    ...{ train: [], validation: [], test: [] },
  };
  for (const name of new Random(seed, 0).shuffle(names)) {
    const part =
      split.test.length < TEST * groups.length
        ? split.test
        : split.validation.length < VALIDATION * groups.length
          ? split.validation
          : split.train;
    part.push(...(members.get(name) as number[]));
  }
  return split;
}
