/** Pairs of a folder in BEIR's form: `corpus.jsonl`, `queries.jsonl`, and `qrels/*.tsv` of their ids. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../terminal/errors.js';

/** A row: its position in its file, and its cells by the names of their columns. */
interface Row {
  readonly at: string;
  readonly cells: Readonly<Record<string, unknown>>;
}

/** Splits in the order in which one is trained on. */
const SPLITS = ['train.tsv', 'dev.tsv', 'test.tsv'];

/** Tells a folder in BEIR's form. */
export function isBeirFolder(path: string): boolean {
  return ['corpus.jsonl', 'queries.jsonl', 'qrels'].every((name) => existsSync(join(path, name)));
}

/**
 * Reads the pairs whose relevance is above 0, of the split that there is to train on.
 *
 * @param read reads the rows of a file
 * @throws {InputError} if no split is found, or an id is not known
 */
export function* readBeirPairs(
  path: string,
  read: (file: string) => Iterable<Row>,
): Generator<Row> {
  const folder = join(path, 'qrels');
  const found = readdirSync(folder);
  const split = SPLITS.find((name) => found.includes(name));
  if (split === undefined) {
    throw new InputError(`${folder}: holds no train.tsv, dev.tsv or test.tsv`);
  }
  const textsIn = (name: string): Map<string, string> => {
    const texts = new Map<string, string>();
    for (const { cells } of read(join(path, name))) {
      const parts = [cells.title, cells.text].filter((part) => part !== undefined && part !== '');
      texts.set(String(cells._id), parts.join(' '));
    }
    return texts;
  };
  const [queries, corpus] = [textsIn('queries.jsonl'), textsIn('corpus.jsonl')];
  for (const { at, cells } of read(join(folder, split))) {
    if (!(Number(cells.score ?? 1) > 0)) continue;
    const [query, document] = [cells['query-id'], cells['corpus-id']].map(String);
    const pair = { query: queries.get(query ?? ''), document: corpus.get(document ?? '') };
    if (pair.query === undefined || pair.document === undefined) {
      const unknown = pair.query === undefined ? `query-id ${query}` : `corpus-id ${document}`;
      throw new InputError(`${at}: ${unknown} is not in the folder`);
    }
    yield { at, cells: pair };
  }
}
