/** Ready-made embeddings and what belongs together, from the files in which people have them. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { readNpy } from '../../data/files/npy.js';
import type { Matrix } from '../../index.js';
import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';
import { ofFile, readTensorMatrix } from './matrix-files.js';
import { readRecords, type TableRow } from './records.js';
import { idsPath, type Rows, readRows } from './rows.js';
import { readUtf8 } from './texts.js';

/** Kinds of files that hold rows. */
const KINDS = '.npy, .safetensors, .jsonl, .ndjson, .json, .csv or .tsv';

/** Names of the column of an id, and of that of an embedding. */
const ID_NAMES = ['id', '_id', 'key'];
const EMBEDDING_NAMES = ['embedding', 'vector', 'embeddings', 'values'];

/** Names of the columns of pairs. */
const QUERY_NAMES = ['query', 'query_id', 'query-id', 'queryId', 'anchor', 'a'];
const DOCUMENT_NAMES = [
  'document',
  'document_id',
  'corpus-id',
  'corpus_id',
  'documentId',
  'positive',
  'doc',
  'b',
];
const SCORE_NAMES = ['score', 'similarity'];

/** Names of the columns of triplets. */
const TRIPLET_NAMES = [
  ['anchor', 'query', 'a'],
  ['positive', 'pos', 'b'],
  ['negative', 'neg', 'c'],
] as const;

function numbered(matrix: Matrix): Rows {
  return { ...matrix, ids: Array.from({ length: matrix.rows }, (_, i) => `${i}`) };
}

function cell(cells: TableRow['cells'], names: readonly string[]): unknown {
  const name = names.find((each) => cells[each] !== undefined);
  return name === undefined ? undefined : cells[name];
}

/** One matrix of a safetensors file: the one of that name, or the only one. */
function readTensor(path: string, name: string): Rows {
  const { matrix, metadata } = readTensorMatrix(path, name);
  if (metadata.ids === undefined) return withIds(path, numbered(matrix));
  let ids: unknown;
  try {
    ids = JSON.parse(metadata.ids);
  } catch {
    ids = undefined;
  }
  if (!Array.isArray(ids) || ids.length !== matrix.rows) {
    throw new InputError(`${path}: the ids in its metadata are not a list of ${matrix.rows}`);
  }
  return { ...matrix, ids: ids.map(String) };
}

/** Ids from the `.ids.txt` next to a file, if there is one. */
function withIds(path: string, rows: Rows): Rows {
  const file = idsPath(path.replace(/\.safetensors$/i, '.npy'));
  if (!existsSync(file)) return rows;
  const ids = readUtf8(file).replace(/\n$/, '').split('\n');
  if (ids.length === rows.rows) return { ...rows, ids };
  throw new InputError(`${file}: holds ${ids.length} ids, and ${path} ${rows.rows} rows`);
}

/** Rows of a table: an id, and the embedding as a list in one cell or as one number per column. */
function readTable(path: string): Rows {
  const { rows } = readRecords(path);
  const ids: string[] = [];
  let cols = 0;
  let data = new Float32Array(0);
  rows.forEach(({ at, cells }, r) => {
    const id = cell(cells, ID_NAMES);
    ids.push(id === undefined ? String(r) : String(id));
    const numbers = readNumbers(at, cells);
    if (r === 0) {
      cols = numbers.length;
      data = new Float32Array(rows.length * cols);
    }
    if (numbers.length !== cols) {
      throw new InputError(`${at}: has ${numbers.length} numbers, the first row ${cols}`);
    }
    numbers.forEach((value, c) => {
      if (typeof value === 'number' && Number.isFinite(Math.fround(value)))
        data[r * cols + c] = value;
      else throw new InputError(`${at}: must hold finite numbers, got ${JSON.stringify(value)}`);
    });
  });
  return { data, rows: rows.length, cols, ids };
}

function readNumbers(at: string, cells: TableRow['cells']): unknown[] {
  let list = cell(cells, EMBEDDING_NAMES);
  if (typeof list === 'string') {
    try {
      list = JSON.parse(list);
    } catch {
      throw new InputError(`${at}: its embedding is not a list of numbers`);
    }
  }
  if (Array.isArray(list)) {
    if (list.length > 0) return list;
    throw new InputError(`${at}: its embedding is empty`);
  }
  const numbers = Object.entries(cells).filter(([name]) => !ID_NAMES.includes(name));
  const values = numbers.map(([, value]) => (typeof value === 'string' ? Number(value) : value));
  if (values.length > 0 && values.every((value) => typeof value === 'number')) return values;
  const names = Object.keys(cells).join(', ');
  throw new InputError(`${at}: must have an embedding, or one number per column, got ${names}`);
}

/**
 * Reads embeddings and their ids.
 *
 * @param name matrix that is taken of a safetensors file with several
 * @throws {InputError} if the file is damaged, holds no rows or is of an unknown kind
 */
export function readEmbeddings(path: string, name: string): Rows {
  const kind = extname(path).toLowerCase();
  if (kind === '.npy') return readRows(path);
  if (kind === '.safetensors') return readTensor(path, name);
  if (['.jsonl', '.ndjson', '.json', '.csv', '.tsv'].includes(kind)) return readTable(path);
  throw new InputError(`${path}: embeddings must be ${KINDS}`);
}

/** Rows by their ids. */
function indexIds(path: string, ids: readonly string[]): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  ids.forEach((id, row) => {
    if (index.has(id)) throw new InputError(`${path}: two rows have the id ${id}`);
    index.set(id, row);
  });
  return index;
}

/** Pairs of rows, and their scores if all have one. */
export interface PairRows {
  pairs: [number, number][];
  scores: number[] | undefined;
}

/** A file of queries or documents, by which pairs name its rows. */
export interface Named {
  path: string;
  ids: readonly string[];
}

/**
 * Reads pairs: a row has the ids of a query and a document, or their row numbers from 0.
 *
 * @param graded whether scores are of similarity; else they are of relevance, and 0 is none
 */
export function readPairs(
  path: string,
  queries: Named,
  documents: Named,
  graded: boolean,
): PairRows {
  const { rows, columns } = readRecords(path);
  const [byQuery, byDocument] = [queries, documents].map((side) =>
    indexIds(side.path, side.ids),
  ) as [ReadonlyMap<string, number>, ReadonlyMap<string, number>];
  const pairs: [number, number][] = [];
  const scores: number[] = [];
  for (const { at, cells } of rows) {
    const [query, document] = [cell(cells, QUERY_NAMES), cell(cells, DOCUMENT_NAMES)];
    if (query === undefined || document === undefined) {
      throw new InputError(
        `${at}: must name a query and a document, got the columns ${columns.join(', ')}`,
      );
    }
    const given = cell(cells, SCORE_NAMES);
    const score = given === undefined || given === '' ? undefined : Number(given);
    if (score !== undefined && !Number.isFinite(score)) {
      throw new InputError(`${at}: its score must be a number, got ${JSON.stringify(given)}`);
    }
    const find = (index: ReadonlyMap<string, number>, id: unknown, side: Named): number => {
      const row = index.get(String(id));
      if (row !== undefined) return row;
      throw new InputError(`${at}: ${side.path} has no row ${JSON.stringify(String(id))}`);
    };
    if (!graded && score !== undefined && score <= 0) continue;
    pairs.push([find(byQuery, query, queries), find(byDocument, document, documents)]);
    if (score !== undefined) scores.push(score);
  }
  if (pairs.length === 0) throw new InputError(`${path}: holds no pairs`);
  return { pairs, scores: scores.length === pairs.length ? scores : undefined };
}

/** Reads triplets: a row has the ids of an anchor, a positive and a negative, or their row numbers. */
export function readTriplets(path: string, { path: file, ids }: Named): [number, number, number][] {
  const { rows, columns } = readRecords(path);
  const index = indexIds(file, ids);
  if (rows.length === 0) throw new InputError(`${path}: holds no triplets`);
  return rows.map(({ at, cells }) => {
    return TRIPLET_NAMES.map((names) => {
      const id = cell(cells, names);
      if (id === undefined) {
        const found = columns.join(', ');
        throw new InputError(
          `${at}: must name an anchor, a positive and a negative, got the columns ${found}`,
        );
      }
      const row = index.get(String(id));
      if (row !== undefined) return row;
      throw new InputError(`${at}: ${file} has no row ${JSON.stringify(String(id))}`);
    }) as [number, number, number];
  });
}

/** Labels of rows: one per line, `.npy`, or a table with a column `label`. */
export function readLabels(path: string, { ids }: Named): number[] {
  const names = labelNames(path, ids);
  if (names.length !== ids.length) {
    throw new InputError(`${path}: holds ${names.length} labels for ${ids.length} rows`);
  }
  const known = new Map<string, number>();
  return names.map((name) => {
    const label = known.get(name) ?? known.size;
    known.set(name, label);
    return label;
  });
}

function labelNames(path: string, ids: readonly string[]): string[] {
  const kind = extname(path).toLowerCase();
  if (kind === '.npy') {
    const { data, shape } = ofFile(path, () => readNpy(path, readBytes(path), { vector: true }));
    if (shape.length !== 1 && shape[1] !== 1)
      throw new InputError(`${path}: must hold one label per row`);
    return Array.from(data, String);
  }
  if (kind === '.txt')
    return readUtf8(path)
      .replace(/\r?\n$/, '')
      .split(/\r?\n/);
  const { rows } = readRecords(path);
  const named = new Map<string, string>();
  const inOrder = rows.map(({ at, cells }) => {
    const label = cell(cells, ['label', 'class', 'category']);
    if (label === undefined) throw new InputError(`${at}: must have a label`);
    const id = cell(cells, ID_NAMES);
    if (id !== undefined) named.set(String(id), String(label));
    return String(label);
  });
  if (named.size < rows.length) return inOrder;
  const missing = ids.find((id) => !named.has(id));
  if (missing !== undefined) throw new InputError(`${path}: has no label of row ${missing}`);
  return ids.map((id) => named.get(id) as string);
}

/** Queries, documents and pairs of a BEIR folder whose embeddings are in one file, by id. */
export function readBeir(
  folder: string,
  embeddings: string,
): {
  queries: Rows;
  documents: Rows;
  pairs: PairRows;
  texts: { queries: string[]; documents: string[] };
} {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(`--beir ${folder}: is not a folder`);
  }
  const side = (file: string, name: string): { rows: Rows; texts: string[]; path: string } => {
    const path = join(folder, file);
    const rows = readEmbeddings(embeddings, name);
    const index = indexIds(embeddings, rows.ids);
    const { rows: records } = readRecords(path);
    const data = new Float32Array(records.length * rows.cols);
    const ids = records.map(({ at, cells }, r) => {
      const id = String(cell(cells, ID_NAMES));
      const row = index.get(id);
      if (row === undefined)
        throw new InputError(`${at}: ${embeddings} has no row ${JSON.stringify(id)}`);
      data.set(rows.data.subarray(row * rows.cols, (row + 1) * rows.cols), r * rows.cols);
      return id;
    });
    const texts = records.map(({ cells }) => {
      return [cells.title, cells.text]
        .filter((text) => typeof text === 'string' && text !== '')
        .join(' ');
    });
    return { rows: { data, rows: ids.length, cols: rows.cols, ids }, texts, path };
  };
  const [queries, documents] = [
    side('queries.jsonl', 'queries'),
    side('corpus.jsonl', 'documents'),
  ];
  const qrels = join(folder, 'qrels');
  const files = statSync(qrels, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(qrels)
        .filter((file) => file.endsWith('.tsv'))
        .sort()
    : [];
  const file =
    ['train.tsv', 'dev.tsv', 'test.tsv'].find((each) => files.includes(each)) ?? files[0];
  if (file === undefined) throw new InputError(`${folder}: holds no qrels/*.tsv`);
  const named = (each: typeof queries): Named => ({ path: each.path, ids: each.rows.ids });
  return {
    queries: queries.rows,
    documents: documents.rows,
    pairs: readPairs(join(qrels, file), named(queries), named(documents), false),
    texts: { queries: queries.texts, documents: documents.texts },
  };
}
