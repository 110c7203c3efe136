/** JSON values of files that hold many: one per line, or the elements of one array. */

import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';
import {
  decodeStart,
  decodeUtf8,
  PIECE,
  readPieces,
  readRange,
  withTextFile,
} from './file-pieces.js';
import { readLines } from './lines.js';

/** A value, and where it stands: `mails.jsonl:3`. */
export interface JsonRow {
  at: string;
  row: unknown;
}

const ignore = (): void => {};

/**
 * Reads a file of one JSON value per line; empty lines are left out. A file that holds one array of
 * rows is read as that.
 *
 * @throws {InputError} if a line is not JSON
 */
export function* readJsonLines(
  file: string,
  onRead: (bytes: number) => void = ignore,
): Generator<JsonRow> {
  if (isArrayOfRows(startOf(file))) {
    yield* readJsonArray(file, 'a JSON value per line', onRead);
    return;
  }
  for (const { at, line } of readLines(file, onRead)) yield { at, row: parseJson(at, line) };
}

/** The first characters of a file. */
function startOf(file: string): string {
  return withTextFile(file, (open) => decodeStart(file, readRange(open, 0, PIECE))).trimStart();
}

/** Tells whether a file begins with an array of objects or lists, or one that its first line does not end. */
function isArrayOfRows(start: string): boolean {
  if (!start.startsWith('[')) return false;
  const [line = ''] = start.split('\n', 1);
  const first = tryJson(line);
  return first === undefined || (Array.isArray(first) && first.every(isObject) && first.length > 0);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseJson(at: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const hint = /[:,[]\s*-?(NaN|Infinity)\b/.test(text) ? '; NaN and Infinity must be null' : '';
    throw new InputError(`${at}: is not JSON${hint}`);
  }
}

const [QUOTE, BACKSLASH, COMMA, BRACKET] = [0x22, 0x5c, 0x2c, 0x5b];
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/**
 * Reads the elements of the array that a JSON file holds, one after the other, so that memory
 * holds one of them at a time. A file with an object is read whole, and the first array in it taken.
 *
 * @param what what the array must be of, for the message: `an array of rows`
 * @param tableRows makes rows of an object that is a table itself; undefined for others
 * @throws {InputError} if it is not JSON, or holds no array
 */
export function* readJsonArray(
  file: string,
  what: string,
  onRead: (bytes: number) => void = ignore,
  tableRows: (object: object) => readonly unknown[] | undefined = () => undefined,
): Generator<JsonRow> {
  let count = 0;
  const start = startOf(file);
  if (!start.startsWith('[')) {
    const text = decodeUtf8(file, readBytes(file));
    const [line = ''] = start.split('\n', 1);
    const value = tryJson(text);
    if (value === undefined && isObject(tryJson(line))) {
      for (const { at, line } of readLines(file, onRead)) yield { at, row: parseJson(at, line) };
      return;
    }
    const object: object = Object(value ?? parseJson(file, text));
    const list = tableRows(object) ?? findRows(file, object);
    if (list === undefined) throw new InputError(`${file}: must be ${what}`);
    for (const row of list) yield { at: `${file}: row ${++count}`, row };
    return;
  }
  for (const bytes of arrayElements(file, onRead)) {
    const at = `${file}: row ${++count}`;
    yield { at, row: parseJson(at, decodeUtf8(file, bytes, false)) };
  }
}

/** Names of the array of rows in an object that holds several. */
const ROWS = ['rows', 'data', 'examples', 'records', 'items'];

/**
 * Finds the array of rows in an object.
 *
 * @throws {InputError} if it is not clear which it is
 */
function findRows(file: string, object: object): readonly unknown[] | undefined {
  const arrays = Object.entries(object).filter(
    (entry): entry is [string, unknown[]] => Array.isArray(entry[1]) && entry[1].length > 0,
  );
  const ofRows = arrays.filter(([, array]) => array.every(isObject));
  const found = ofRows.length > 0 ? ofRows : arrays;
  const named = found.find(([name]) => ROWS.includes(name));
  if (named === undefined && found.length > 1) {
    const names = found.map(([name]) => name).join(', ');
    throw new InputError(
      `${file}: holds several arrays, ${names}; write the one to read to a file`,
    );
  }
  return (named ?? found[0])?.[1];
}

/** Bytes of each element of the file's array. */
function* arrayElements(file: string, onRead: (bytes: number) => void): Generator<Uint8Array> {
  let [depth, inText, escaped, ended, count] = [0, false, false, false, 0];
  let open: Uint8Array[] = [];
  for (const piece of readPieces(file, onRead)) {
    let from = 0;
    if (depth === 0 && !ended) [from, depth] = [piece.indexOf(BRACKET) + 1, 1];
    for (let at = from; at < piece.length; at++) {
      const byte = piece[at] as number;
      if (ended) {
        if (byte > 32) throw new InputError(`${file}: is not JSON`);
      } else if (inText) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inText = false;
      } else if (byte === QUOTE) inText = true;
      else if (OPENING.has(byte)) depth++;
      else if (CLOSING.has(byte) || (byte === COMMA && depth === 1)) {
        if (byte !== COMMA) depth--;
        if (depth > 0 && byte !== COMMA) continue;
        ended = depth === 0;
        const bytes = Buffer.concat([...open, piece.subarray(from, at)]);
        const isEmpty = bytes.every((each) => each <= 32);
        // An empty array has no element.
        if (isEmpty && !(ended && count === 0)) throw new InputError(`${file}: is not JSON`);
        if (!isEmpty) yield bytes;
        [open, from] = [[], at + 1];
        count++;
      }
    }
    if (from < piece.length && !ended) open.push(piece.subarray(from));
  }
  if (!ended) throw new InputError(`${file}: is not JSON`);
}
