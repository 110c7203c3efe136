/**
 * Texts from files: `.txt`, `.jsonl` or `.ndjson` with `text` (and `label`), `.json` arrays, `.csv`
 * and `.tsv` with a header, or a folder of such files, read in the order of their names.
 */

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { InputError } from '../../terminal/errors.js';
import { errorText, readBytes } from '../../terminal/files.js';
import { printable } from '../../terminal/text.js';
import { decodeUtf8, PIECE } from './file-pieces.js';
import { listFiles, reportSkipped } from './folder.js';
import { isImageFile } from './image-folder.js';
import { readJsonArray, readJsonLines } from './json-rows.js';
import {
  DocumentPiece,
  documentPieces,
  LARGE_FILE,
  reportWork,
  wholeCharacter,
  withLineFeeds,
} from './large-text.js';
import { readLines } from './lines.js';
import { assignParts } from './split-names.js';
import { readCells, sameWidth } from './table-cells.js';

/** A text and what is known of it. */
export interface Text {
  text: string;
  /** Class, if the file says one. */
  label?: string;
  /** File and line or row in it: `mails.csv:3`. */
  id: string;
  /** The row's own id, if the file says one. */
  key?: string;
  /** True for a row of a table or a list, which is not cut when texts are split. */
  row: boolean;
  /** True if it goes on where the text before it ends. */
  continues?: boolean;
  /** True if it is set aside to validate with, as its file's name or folder says. */
  validation?: boolean;
}

/** Options of reading texts. */
export interface TextOptions {
  /** Take each line of a `.txt` as a text, instead of the whole file. */
  lines?: boolean;
  /** Column of the texts of tables and objects; by default `text`, or else the first of `columns`. */
  column?: string | undefined;
  /** Names of columns that are read where there is no `text`. */
  columns?: readonly string[];
  /** Called with the column that is read, where it is not `text`. */
  onColumn?(name: string): unknown;
}

const plainName = (name: string): string => name.toLowerCase().replace(/[\s_-]+/g, '');

/** Finds the column of the texts: the one that was asked for, `text`, or the first known one. */
function findTextColumn(
  names: readonly string[],
  { column, columns = [], onColumn }: TextOptions,
): string | undefined {
  for (const wanted of column === undefined ? ['text', ...columns] : [column]) {
    const found =
      names.find((name) => name === wanted) ??
      names.find((name) => plainName(name) === plainName(wanted));
    if (found === undefined) continue;
    if (wanted !== 'text') onColumn?.(found);
    return found;
  }
  return undefined;
}

/** Settings of a file's reader. */
interface Reading {
  options: TextOptions;
  /** Called with the number of bytes that have been read. */
  onRead(bytes: number): void;
}

/** Readers of the kinds of files, by their suffixes in lower case. */
const READERS: Readonly<Record<string, (file: string, reading: Reading) => Iterable<Text>>> = {
  '.txt': readPlain,
  '.jsonl': readJsonLineTexts,
  '.ndjson': readJsonLineTexts,
  '.json': readJsonTexts,
  '.csv': (file, reading) => readTable(file, undefined, reading),
  '.tsv': (file, reading) => readTable(file, '\t', reading),
};
const KINDS = Object.keys(READERS);
/** Files that hold tables in another form. */
const PACKED = /\.(gz|zip|zst|bz2|xz|7z)$/i;
const BINARY = /\.(xlsx?|ods|parquet|arrow|feather|pkl|sqlite|db)$/i;
/** Files that lie next to data and are not texts to learn from. */
const NO_DATA = /^(licen[cs]e|readme|copying|notice)(\.\w+)?$/i;

/** Tells whether a file is one of texts, by its suffix. */
export function isTextFile(path: string): boolean {
  return extname(path).toLowerCase() in READERS;
}

/** Tells of what is left out, on standard error. */
function skipped(): ReturnType<typeof reportSkipped> {
  return reportSkipped((line) => process.stderr.write(`${printable(line)}\n`));
}

/** Tells in one line of the files that hold no texts, however many they are. */
function reportOtherFiles(path: string, files: readonly string[]): void {
  if (files.length === 0) return;
  const counts = new Map<string, number>();
  for (const file of files) {
    const suffix = extname(file).toLowerCase() || 'without a suffix';
    counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
  }
  const kinds = [...counts].map(([suffix, count]) => `${count} ${suffix}`).join(', ');
  const hint = files.some(isImageFile) ? '; images need a trained model of images' : '';
  process.stderr.write(
    `${printable(`skipped ${files.length} in ${path} that are not ${KINDS.join(', ')}: ${kinds}${hint}`)}\n`,
  );
}

/** Lists the files of a path: itself, or those of texts below a folder. */
export function filesOf(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw new InputError(`${path}: cannot read it (${errorText(error)})`);
  }
  if (!isFolder) {
    if (isTextFile(path)) return [path];
    const got = extname(path) === '' ? 'a file without a suffix' : extname(path);
    const hint = PACKED.test(path)
      ? '; unpack it first'
      : BINARY.test(path)
        ? '; save it as .csv'
        : '';
    throw new InputError(
      `${path}: must be ${KINDS.join(', ')} or a folder of them, got ${got}${hint}`,
    );
  }
  const onSkip = skipped();
  const all = listFiles(path, onSkip);
  const files = all.filter(isTextFile).map((file) => join(path, file));
  if (files.length === 0) {
    const images = all.some(isImageFile);
    const hint = images ? ', but images: they need a trained model of images' : '';
    throw new InputError(`${path}: holds no ${KINDS.join(', ')} file${hint}`);
  }
  reportOtherFiles(
    path,
    all.filter((file) => !isTextFile(file) && !NO_DATA.test(file)),
  );
  return files;
}

/**
 * Reads the text of a file in UTF-8.
 *
 * @throws {InputError} if it has another encoding
 */
export function readUtf8(file: string): string {
  return decodeUtf8(file, readBytes(file));
}

/** Reads a row's label: an empty cell of a table is none. */
function labelOf(at: string, label: unknown): { label?: string } {
  if (label === undefined || label === null || label === '') return {};
  if (!['string', 'number', 'boolean'].includes(typeof label)) {
    const got = Array.isArray(label) ? 'a list' : 'an object';
    throw new InputError(`${at}: label must be a string or a number, got ${got}`);
  }
  return { label: String(label) };
}

/** Reads a row's own id: a string or a number in `id` or `_id`. */
function keyOf(row: object): { key?: string } {
  const { id, _id } = row as { id?: unknown; _id?: unknown };
  const key = id ?? _id;
  const isKey = typeof key === 'number' || (typeof key === 'string' && key !== '');
  return isKey ? { key: String(key) } : {};
}

/** Reads a row's text, label and id, whatever kind of file holds it. */
function parseRow(at: string, row: unknown, options: TextOptions): Text {
  if (typeof row === 'string') return { text: row, id: at, row: true };
  const found = typeof row === 'object' && row !== null ? Object.keys(row) : [];
  const column = findTextColumn(found, options);
  const { label } = (row ?? {}) as { label?: unknown };
  const text = column === undefined ? undefined : (row as Record<string, unknown>)[column];
  if (typeof text !== 'string') {
    const has = found.length === 0 ? '' : `; it has ${found.join(', ')}`;
    const isNone = text === undefined || text === null;
    throw new InputError(
      isNone
        ? `${at}: has no ${options.column ?? 'text'}${has}`
        : `${at}: ${column} must be a string, got ${JSON.stringify(text).slice(0, 40)}`,
    );
  }
  return { text, ...labelOf(at, label), id: at, ...keyOf(row as object), row: true };
}

function* readJsonLineTexts(file: string, { options, onRead }: Reading): Generator<Text> {
  for (const { at, row } of readJsonLines(file, onRead)) yield parseRow(at, row, options);
}

function* readJsonTexts(file: string, { options, onRead }: Reading): Generator<Text> {
  const what = 'an array of texts or of objects with text and label';
  for (const { at, row } of readJsonArray(file, what, onRead)) yield parseRow(at, row, options);
}

function* readTable(
  file: string,
  fixed: string | undefined,
  { options, onRead }: Reading,
): Generator<Text> {
  const rows = readCells(file, fixed, onRead);
  const first: string[] = rows.next().value ?? [];
  const head = first.map((name) => name.trim().toLowerCase());
  const list = first.map((name) => JSON.stringify(name)).join(', ');
  const columnOf = (name: string): number => {
    if (head.indexOf(name) !== head.lastIndexOf(name)) {
      throw new InputError(`${file}: has several columns ${name}`);
    }
    return head.indexOf(name);
  };
  const [label, id] = [columnOf('label'), columnOf('id')];
  columnOf('text');
  const column = findTextColumn(head, options);
  const text = column === undefined ? -1 : head.indexOf(column);
  if (text < 0) {
    const name = options.column ?? 'text';
    throw new InputError(`${file}: has no column ${name}; its columns are ${list}`);
  }
  let count = 0;
  for (const row of rows) {
    const at = `${file}: row ${++count}`;
    sameWidth(at, row, head);
    const own = id < 0 ? {} : { id: row[id] };
    const cells = { text: row[text], label: label < 0 ? undefined : row[label], ...own };
    yield parseRow(at, cells, {});
  }
}

function* readPlain(file: string, { options, onRead }: Reading): Generator<Text> {
  if (options.lines !== true) {
    if (statSync(file).size >= LARGE_FILE) yield* documentPieces(file, onRead);
    else yield { text: withLineFeeds(readUtf8(file)), id: file, row: false };
    return;
  }
  for (const { at, line } of readLines(file, onRead)) yield { text: line, id: at, row: true };
}

/**
 * Reads all texts of a path, in order.
 *
 * @throws {InputError} if there is nothing to read, or a file is damaged or of an unknown kind
 */
export function readTexts(path: string, options: TextOptions = {}): Text[] {
  const texts: Text[] = [];
  const files = filesOf(path);
  const held = validationFiles(path, files);
  for (const file of files) {
    for (const text of readFile(file, options)) {
      if (held.has(file)) text.validation = true;
      texts.push(text);
    }
  }
  if (texts.every(({ text }) => text.trim() === '')) throw new InputError(`${path}: is empty`);
  return texts;
}

/** Finds the files of a folder that are there to validate with: `test.csv`, `dev/1.txt`. */
function validationFiles(path: string, files: readonly string[]): Set<string> {
  const names = files.map((file) =>
    relative(path, file)
      .replace(/\.\w+$/, '')
      .split(sep),
  );
  const { isSplit, assigned } = assignParts(names);
  const isValidation = (i: number): boolean => isSplit && assigned[i]?.part === 'validation';
  return new Set(files.filter((_, i) => isValidation(i)));
}

function readFile(file: string, options: TextOptions): Iterable<Text> {
  const onRead = reportWork(`reading ${printable(file)}`, statSync(file).size);
  const read = READERS[extname(file).toLowerCase()] as (typeof READERS)[string];
  return read(file, { options, onRead });
}

/** Returns a hash of texts, their labels, and further bytes. */
export function hashTexts(texts: readonly Text[], bytes?: Uint8Array): string {
  const hash = createHash('sha256');
  for (const { text, label, validation } of texts) {
    if (validation === true) hash.update('validation ');
    hash.update(`${text.length} ${JSON.stringify(label ?? null)} `);
    for (let at = 0; at < text.length; at += PIECE)
      hash.update(text.slice(at, at + PIECE), 'utf16le');
  }
  if (bytes !== undefined) hash.update(bytes);
  return hash.digest('hex');
}

/** Fraction of all characters that training gets; the remaining ones validate. */
const TRAINING = 0.9;
/** Largest distance from the wanted position at which a text is cut at the end of a line, as a fraction of all. */
const REACH = 0.05;

/**
 * Splits texts into those to train on, nine tenths of the characters, and those to validate with:
 * those that files called `test` or the like set aside, or else the last tenth.
 * Rows stay whole; a document is cut at the end of a line, or of a word.
 */
export function splitTexts(texts: readonly Text[]): { training: Text[]; validation: Text[] } {
  const held = texts.filter(({ validation }) => validation);
  if (held.length > 0) {
    return { training: texts.filter(({ validation }) => validation !== true), validation: held };
  }
  const total = textLength(texts);
  const wanted = total * TRAINING;
  const training: Text[] = [];
  const validation: Text[] = [];
  let before = 0;
  for (const [i, whole] of texts.entries()) {
    const length = lengthOf(whole);
    const after = before + length;
    const isRow = whole.row && texts.length > 1;
    if (length === 0) continue;
    if (isRow ? isTraining(before, after, wanted, i, texts.length) : after <= wanted) {
      training.push(whole);
    } else if (isRow || before >= wanted) {
      validation.push(whole);
    } else {
      const { text, id, row, continues = false } = whole;
      const cut = cutAt(text, Math.floor(wanted - before), Math.floor(total * REACH));
      if (cut > 0) training.push({ text: text.slice(0, cut), id, row, continues });
      validation.push({ text: text.slice(cut), id, row, continues: true });
    }
    before = after;
  }
  return { training, validation };
}

/** Puts a row where most of it belongs, but the first one into training and the last one not. */
function isTraining(
  before: number,
  after: number,
  wanted: number,
  index: number,
  count: number,
): boolean {
  if (index === 0) return true;
  if (index === count - 1) return false;
  return (before + after) / 2 <= wanted;
}

/** Finds a position near the wanted one that is inside neither a line, nor a word, nor a character. */
function cutAt(text: string, wanted: number, reach: number): number {
  const line = text.lastIndexOf('\n', wanted - 1);
  if (line > 0 && wanted - line <= reach) return line + 1;
  for (let at = wanted; at > Math.max(0, wanted - reach); at--) {
    if (/\s/.test(text[at - 1] as string)) return at;
  }
  return wholeCharacter(text, wanted);
}

/** Gives texts one after the other, with a separator between two of them. */
export function* joinTexts(texts: readonly Text[], separator = '\n'): Generator<string> {
  for (const [i, { text, continues }] of texts.entries()) {
    yield i === 0 || continues === true ? text : separator + text;
  }
}

/** Number of characters of texts. */
export function textLength(texts: readonly Text[]): number {
  return texts.reduce((sum, text) => sum + lengthOf(text), 0);
}

/** Number of characters of a text, without reading it. */
function lengthOf(text: Text): number {
  return text instanceof DocumentPiece ? text.length : text.text.length;
}
