/** Rows of named cells from files: `.jsonl`, `.ndjson`, `.json` arrays, `.csv` and `.tsv`. */

import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { InputError } from '../../terminal/errors.js';
import { printable } from '../../terminal/text.js';
import { isBeirFolder, readBeirPairs } from './beir-pairs.js';
import { readJsonArray, readJsonLines } from './json-rows.js';
import { reportWork } from './large-text.js';
import { readLines } from './lines.js';
import { readCells, sameWidth } from './table-cells.js';
import { filesOf } from './texts.js';

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
  /** The files that were read, and the columns of each. */
  readonly files: readonly { readonly file: string; readonly columns: ReadonlySet<string> }[];
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
    const { messages, conversations } = row as { messages?: unknown; conversations?: unknown };
    const chat = readChat(messages) ?? readChat(conversations);
    if (chat !== undefined) return chat;
    const keys = Object.keys(row);
    const [only] = Object.values(row);
    if (keys.length > 1 || !Array.isArray(only) || only.length < 2) return { ...row };
    const said = readChat(only);
    if (said !== undefined) return said;
    if (!only.every((text) => typeof text === 'string')) return { ...row };
    if (/^(texts?|tripl(et|e)s?)$/i.test(keys[0] as string)) return nameCells(at, only);
    // The form of sentence-transformers' collections: texts that mean the same.
    return { anchor: only[0], positive: only.slice(1) };
  }
  throw new InputError(
    `${at}: must be an object, a list of texts or a text, got ${JSON.stringify(row)}`,
  );
}

/** Reads the first question of a chat and the answer to it; undefined if these are no messages. */
function readChat(messages: unknown): Record<string, unknown> | undefined {
  if (!Array.isArray(messages) || messages.length < 2) return undefined;
  const turns = messages.map((message) => {
    const { role, from, content, value } = (message ?? {}) as Record<string, unknown>;
    return { role: role ?? from, text: content ?? value };
  });
  if (!turns.every(({ role }) => typeof role === 'string')) return undefined;
  const asked = turns.findIndex(({ role }) => role === 'user' || role === 'human');
  const answers = turns.slice(asked + 1);
  const answer = answers.find(({ role }) => role === 'assistant' || role === 'gpt');
  return { anchor: turns[asked]?.text, positive: answer?.text };
}

/**
 * Reads the questions of an article in SQuAD's form, `{ paragraphs: [{ context, qas }] }`: each with
 * the paragraph that answers it. Undefined for other rows.
 */
function readSquad(row: unknown): { query: unknown; document: unknown }[] | undefined {
  const { paragraphs, answers, ...cells } = Object(row) as Record<string, unknown>;
  const { text, answer_start: start } = Object(answers) as Record<string, unknown>;
  if (Array.isArray(text) && Array.isArray(start) && cells.context !== undefined) {
    const { question, context, ...others } = cells;
    return [{ query: question, document: text.length > 0 ? context : undefined, ...others }];
  }
  if (!Array.isArray(paragraphs)) return undefined;
  const isParagraph = (each: unknown): boolean => Array.isArray(Object(each).qas);
  if (paragraphs.length === 0 || !paragraphs.every(isParagraph)) return undefined;
  return paragraphs.flatMap(({ context, qas }) =>
    (qas as { question?: unknown; is_impossible?: unknown }[])
      .filter((each) => Object(each).is_impossible !== true)
      .map((each) => ({ query: Object(each).question, document: context })),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads an object that is a table itself: a list for each column, a text for each text or id, an
 * object for each row, or, as pandas writes it, an object of row numbers and cells for each column.
 */
function readJsonTable(table: object): object[] | undefined {
  const entries = Object.entries(table);
  if (entries.length < 2) return undefined;
  if (entries.every(([, value]) => typeof value === 'string')) {
    const areIds = entries.every(([key]) => /^\S*\d\S*$/.test(key));
    return entries.map(([key, text]) => (areIds ? { text } : { anchor: key, positive: text }));
  }
  if (entries.every(([, value]) => isRecord(value))) {
    const objects = entries as [string, Record<string, unknown>][];
    const numbers = Object.keys(objects[0]?.[1] as object);
    if (!numbers.every((key) => /^\d+$/.test(key))) return objects.map(([, row]) => row);
    return numbers.map((key) => Object.fromEntries(objects.map(([name, own]) => [name, own[key]])));
  }
  const [[, first]] = entries as [[string, unknown]];
  const isColumns = entries.every(
    ([, column]) =>
      Array.isArray(column) &&
      column.length === (first as unknown[]).length &&
      column.every((cell) => typeof cell !== 'object' || cell === null),
  );
  if (!isColumns) return undefined;
  return (first as unknown[]).map((_, i) =>
    Object.fromEntries(entries.map(([name, column]) => [name, (column as unknown[])[i]])),
  );
}

function* readTableRows(
  file: string,
  delimiter: string | undefined,
  onRead: (bytes: number) => void,
): Generator<TableRow> {
  const rows = readCells(file, delimiter, onRead);
  const names: string[] = (rows.next().value ?? []).map((name: string) => name.trim());
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new InputError(`${file}: has several columns ${twice}; rename one of them`);
  let count = 0;
  for (const row of rows) {
    const at = `${file}: row ${++count}`;
    // Cells that a row lacks at its end are empty.
    if (row.slice(names.length).some((cell) => cell.trim() !== '')) sameWidth(at, row, names);
    const cells = names.flatMap((name, c): [string, unknown][] =>
      name === '' ? [] : [[name, row[c] ?? '']],
    );
    yield { at, cells: Object.fromEntries(cells) };
  }
}

/** Reads a text from each line; one in fastText's form begins with its label, `__label__x`. */
function* readTextRows(file: string, onRead: (bytes: number) => void): Generator<TableRow> {
  let [lines, tabs] = [0, 0];
  for (const { at, line } of readLines(file, onRead)) {
    lines++;
    if (line.includes('\t')) tabs++;
    const labels = [...line.matchAll(/(?<!\S)__label__(\S+)/g)].map(([, label]) => label);
    const text = line.replace(/(?<!\S)__label__\S+\s*/g, '');
    yield { at, cells: labels.length === 0 ? { text: line } : { text, label: labels } };
  }
  if (lines > 1 && tabs === lines) {
    throw new InputError(`${file}: has a tab in each line; rename it to .tsv to read its columns`);
  }
}

function* readFile(file: string): Generator<TableRow> {
  const onRead = reportWork(`reading ${printable(file)}`, statSync(file).size);
  const kind = extname(file).toLowerCase();
  if (kind === '.csv' || kind === '.tsv') {
    yield* readTableRows(file, kind === '.csv' ? undefined : '\t', onRead);
  } else if (kind === '.txt') {
    yield* readTextRows(file, onRead);
  } else {
    const isArray = kind === '.json';
    const values = isArray
      ? readJsonArray(file, 'an array of rows', onRead, readJsonTable)
      : readJsonLines(file, onRead);
    for (const { at, row } of values) {
      for (const cells of readSquad(row) ?? [nameCells(at, row)]) yield { at, cells };
    }
  }
}

/** Makes columns of the cells of objects within rows: `data.query`. */
export function flattenRows({ rows, files }: Rows): Rows {
  const flatten = (cells: object, prefix: string): [string, unknown][] =>
    Object.entries(cells).flatMap(([name, cell]): [string, unknown][] =>
      typeof cell === 'object' && cell !== null && !Array.isArray(cell)
        ? flatten(cell, `${prefix}${name}.`)
        : [[prefix + name, cell]],
    );
  const flat = rows.map(({ at, cells }) => ({ at, cells: Object.fromEntries(flatten(cells, '')) }));
  return { rows: flat, columns: columnsOf(flat), files };
}

/**
 * Makes two columns of one whose cells are lists of two texts, as those of `{ texts, label }`.
 *
 * @returns undefined if there is no such column
 */
export function splitPairCells({ rows, columns, files }: Rows): Rows | undefined {
  const isPair = (cell: unknown): boolean =>
    Array.isArray(cell) && cell.length === 2 && cell.every((text) => typeof text === 'string');
  const pair = columns.find((name) => rows.every(({ cells }) => isPair(cells[name])));
  if (pair === undefined) return undefined;
  const split = rows.map(({ at, cells: { [pair]: texts, ...others } }) => {
    const [first, second] = texts as [string, string];
    return { at, cells: { [`${pair} 1`]: first, [`${pair} 2`]: second, ...others } };
  });
  return { rows: split, columns: columnsOf(split), files };
}

function columnsOf(rows: readonly TableRow[]): string[] {
  const columns = new Set<string>();
  for (const { cells } of rows) for (const name of Object.keys(cells)) columns.add(name);
  return [...columns];
}

/**
 * Reads all rows of a path.
 *
 * @throws {InputError} if there is nothing to read, or a file is damaged or of an unknown kind
 */
export function readRecords(path: string): Rows {
  if (isBeirFolder(path)) {
    const rows = [...readBeirPairs(path, readFile)];
    if (rows.length === 0) throw new InputError(`${path}: holds no pairs`);
    return { rows, columns: columnsOf(rows), files: [] };
  }
  const rows: TableRow[] = [];
  const files: { file: string; columns: Set<string> }[] = [];
  for (const file of filesOf(path)) {
    const start = rows.length;
    for (const row of readFile(file)) rows.push(row);
    if (rows.length > start) files.push({ file, columns: new Set(columnsOf(rows.slice(start))) });
  }
  if (rows.length === 0) throw new InputError(`${path}: holds no rows`);
  return { rows, columns: columnsOf(rows), files };
}
