/** Rows of named cells from files: `.jsonl`, `.ndjson`, `.json` arrays, `.csv` and `.tsv`. */

import { extname } from 'node:path';
import { InputError } from '../../terminal/errors.js';
import { filesOf, readCells, readJsonLines, readUtf8 } from './texts.js';

/** A row: its cells by the names of their columns. */
export interface TableRow {
  /** File and line or row in it: `pairs.csv: row 3`. */
  readonly at: string;
  readonly cells: Readonly<Record<string, unknown>>;
}

/** All rows of a path, and the names of the columns in the order in which they appear. */
export interface Rows {
  readonly rows: readonly TableRow[];
  readonly columns: readonly string[];
}

/** Names of the cells of a row without names: a list of texts, or one text. */
function nameCells(at: string, row: unknown): Record<string, unknown> {
  if (typeof row === 'string') return { text: row };
  if (Array.isArray(row)) {
    if (row.length < 2) throw new InputError(`${at}: a list must hold two texts or more`);
    const [anchor, positive, ...negatives] = row;
    if (typeof negatives[0] === 'number')
      return { text1: anchor, text2: positive, score: negatives[0] };
    return { anchor, positive, ...(negatives.length > 0 && { negative: negatives }) };
  }
  if (typeof row === 'object' && row !== null) {
    const keys = Object.keys(row);
    const [only] = Object.values(row);
    if (keys.length > 1 || !Array.isArray(only) || only.length < 2) return { ...row };
    // The form of sentence-transformers' collections: texts that mean the same.
    return { anchor: only[0], positive: only.slice(1) };
  }
  throw new InputError(
    `${at}: must be an object, a list of texts or a text, got ${JSON.stringify(row)}`,
  );
}

function readJson(file: string, contents: string): TableRow[] {
  let list: unknown;
  try {
    list = JSON.parse(contents);
  } catch {
    throw new InputError(`${file}: is not JSON`);
  }
  if (!Array.isArray(list)) {
    const inner = Object.values((list ?? {}) as object).find(Array.isArray);
    if (inner === undefined) throw new InputError(`${file}: must be an array of rows`);
    list = inner;
  }
  return (list as unknown[]).map((row, i) => {
    const at = `${file}: row ${i + 1}`;
    return { at, cells: nameCells(at, row) };
  });
}

function readTableRows(file: string, contents: string, delimiter: string | undefined): TableRow[] {
  const [head = [], ...rows] = readCells(file, contents, delimiter);
  const names = head.map((name) => name.trim());
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined) throw new InputError(`${file}: has several columns ${twice}`);
  return rows.map((row, i) => {
    const at = `${file}: row ${i + 1}`;
    if (row.length !== names.length) {
      throw new InputError(`${at}: has ${row.length} cells, and the first line ${names.length}`);
    }
    const cells = names.flatMap((name, c): [string, unknown][] =>
      name === '' ? [] : [[name, row[c]]],
    );
    return { at, cells: Object.fromEntries(cells) };
  });
}

function readFile(file: string): TableRow[] {
  const contents = readUtf8(file);
  switch (extname(file).toLowerCase()) {
    case '.csv':
      return readTableRows(file, contents, undefined);
    case '.tsv':
      return readTableRows(file, contents, '\t');
    case '.json':
      return readJson(file, contents.replace(/^\uFEFF/, ''));
    case '.txt':
      return contents.split(/\r?\n/).flatMap((line, i) => {
        return line.trim() === '' ? [] : [{ at: `${file}:${i + 1}`, cells: { text: line } }];
      });
    default:
      return readJsonLines(file, contents.replace(/^\uFEFF/, '')).map(({ at, row }) => ({
        at,
        cells: nameCells(at, row),
      }));
  }
}

/**
 * Reads all rows of a path.
 *
 * @throws {InputError} if there is nothing to read, or a file is damaged or of an unknown kind
 */
export function readRecords(path: string): Rows {
  const rows: TableRow[] = [];
  for (const file of filesOf(path)) for (const row of readFile(file)) rows.push(row);
  if (rows.length === 0) throw new InputError(`${path}: holds no rows`);
  const columns = new Set<string>();
  for (const { cells } of rows) for (const name of Object.keys(cells)) columns.add(name);
  return { rows, columns: [...columns] };
}
