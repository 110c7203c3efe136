/** Cells of `.csv` and `.tsv` files, in any dialect that spreadsheets write. */

import { parse } from 'csv-parse/sync';
import { InputError } from '../../terminal/errors.js';
import { decodeStart, decodeUtf8, PIECE, readRange, withTextFile } from './file-pieces.js';

/** Bytes of a row from which it is refused: a quote that is not closed. */
const LARGEST_ROW = 2 ** 26;

const DELIMITERS = [',', ';', '\t', '|'];

/** Finds the delimiter of a table: the one that its first line has most of. */
function delimiterOf(line: string): string {
  const plain = line.replace(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((delimiter) => plain.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] as string;
}

/** Delimiter and line ends of a file, and the offset of its first row. */
interface Dialect {
  delimiter: string;
  from: number;
  lineEnds: string[];
}

function dialectOf(file: string, bytes: Uint8Array, fixed: string | undefined): Dialect {
  const text = decodeStart(file, bytes);
  // Excel's own first line, `sep=;`.
  const named = /^sep=(.)\r?\n/i.exec(text);
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const body = text.slice(named?.[0].length ?? 0);
  const [firstLine = ''] = body.split(/\r\n|\n|\r/, 1);
  return {
    delimiter: fixed ?? named?.[1] ?? delimiterOf(firstLine),
    from: mark + (named === null ? 0 : Buffer.byteLength(named[0])),
    // A carriage return alone ends lines only without a line feed.
    lineEnds: text.includes('\n') ? ['\r\n', '\n'] : ['\r'],
  };
}

/**
 * Reads the cells of a table, row by row, the names of its columns first. Memory holds a piece of
 * the file at a time.
 *
 * @param fixed the delimiter; found in the first line without one
 * @param onRead called with the number of bytes that have been read
 * @throws {InputError} if it is damaged, or not UTF-8
 */
export function* readCells(
  file: string,
  fixed: string | undefined,
  onRead: (bytes: number) => void = () => {},
): Generator<string[]> {
  const read = (from: number, length: number): Uint8Array =>
    withTextFile(file, (open) => readRange(open, from, length));
  const { delimiter, lineEnds, ...start } = dialectOf(file, read(0, PIECE), fixed);
  let [from, size, lines] = [start.from, PIECE, 0];
  while (true) {
    const bytes = read(from, size);
    const isLast = bytes.length < size;
    const rows: { cells: string[]; end: number; lines: number }[] = [];
    let failed: { message: string; lines?: number } | undefined;
    try {
      parse(bytes as Buffer, {
        delimiter,
        record_delimiter: lineEnds,
        skip_empty_lines: true,
        relax_quotes: true,
        // The caller compares the rows with the first one.
        relax_column_count: true,
        on_record: (cells: string[], info) => {
          rows.push({ cells, end: info.bytes, lines: info.lines });
          return null;
        },
      });
    } catch (error) {
      failed = error as Error;
    }
    if (isLast && failed !== undefined) throw damaged(file, failed, lines);
    // The end of the piece may be inside a row.
    const whole = isLast ? rows : rows.filter(({ end }) => end < bytes.length);
    const last = whole.at(-1);
    const end = isLast ? bytes.length : (last?.end ?? 0);
    decodeUtf8(file, bytes.subarray(0, end), false);
    for (const { cells } of whole) yield cells;
    onRead(from + end);
    if (isLast) return;
    if (last === undefined) size *= 2;
    else [from, size, lines] = [from + end, PIECE, lines + last.lines];
    if (size > LARGEST_ROW) {
      throw new InputError(`${file}: line ${lines + 1} begins a row that does not end`);
    }
  }
}

/**
 * Refuses a row that has more or fewer cells than there are columns.
 *
 * @throws {InputError} with the position of the row
 */
export function sameWidth(at: string, row: readonly string[], head: readonly string[]): void {
  if (row.length === head.length) return;
  throw new InputError(`${at}: has ${row.length} cells, and the first line ${head.length}`);
}

/** The error of a file, with the line in the whole file instead of in the piece. */
function damaged(
  file: string,
  { message, lines }: { message: string; lines?: number },
  before: number,
): InputError {
  const told = lines === undefined ? message : message.replace(/\d+$/, String(lines + before));
  return new InputError(`${file}: ${told}`);
}
