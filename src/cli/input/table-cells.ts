/** Cells of `.csv` and `.tsv` files, in any dialect that spreadsheets write. */

import { parse } from 'csv-parse/sync';
import { InputError } from '../../terminal/errors.js';
import {
  decodeStart,
  decodeUtf8,
  PIECE,
  readPieces,
  readRange,
  withTextFile,
} from './file-pieces.js';

/** Bytes of a row from which it is refused: a quote that is not closed. */
const LARGEST_ROW = 2 ** 26;

const DELIMITERS = [',', ';', '\t', '|'];

/** Finds the delimiter of a table: the wanted one, or that which its first line has most of. */
function delimiterOf(line: string, wanted: string | undefined): string {
  const plain = line.replace(/"[^"]*"/g, '');
  if (
    wanted !== undefined &&
    (plain.includes(wanted) || !DELIMITERS.some((d) => plain.includes(d)))
  ) {
    return wanted;
  }
  const counts = DELIMITERS.map((delimiter) => plain.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] as string;
}

/** Delimiter and line ends of a file, and the offset of its first row. */
interface Dialect {
  delimiter: string;
  from: number;
  lineEnds: string[];
}

function dialectOf(file: string, bytes: Uint8Array, wanted: string | undefined): Dialect {
  const text = decodeStart(file, bytes);
  // Excel's own first line, `sep=;`.
  const named = /^sep=(.)\r?\n/i.exec(text);
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  const body = text.slice(named?.[0].length ?? 0);
  const [firstLine = ''] = body.split(/\r\n|\n|\r/, 1);
  return {
    // A file may have another delimiter than its suffix says.
    delimiter: named?.[1] ?? delimiterOf(firstLine, wanted),
    from: mark + (named === null ? 0 : Buffer.byteLength(named[0])),
    // A carriage return alone ends lines only without a line feed.
    lineEnds: text.includes('\n') ? ['\r\n', '\n'] : ['\r'],
  };
}

/**
 * Reads the cells of a table, row by row, the names of its columns first. Memory holds a piece of
 * the file at a time.
 *
 * @param wanted the delimiter, if the first line has it; found in that line without one
 * @param onRead called with the number of bytes that have been read
 * @throws {InputError} if it is damaged, or not UTF-8
 */
export function* readCells(
  file: string,
  wanted: string | undefined,
  onRead: (bytes: number) => void = () => {},
): Generator<string[]> {
  const read = (from: number, length: number): Uint8Array =>
    withTextFile(file, (open) => readRange(open, from, length));
  const { delimiter, lineEnds, ...start } = dialectOf(file, read(0, PIECE), wanted);
  const quotes = delimiter !== '\t' || !hasRowPerLine(file, start.from);
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
        ...(quotes ? { relax_quotes: true } : { quote: false }),
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
    if (isLast && failed !== undefined) {
      throw damaged(file, failed, lines, lines + (rows.at(-1)?.lines ?? 0));
    }
    // The end of the piece may be inside a row.
    const whole = isLast ? rows : rows.filter(({ end }) => end < bytes.length);
    const last = whole.at(-1);
    const end = isLast ? bytes.length : (last?.end ?? 0);
    decodeUtf8(file, bytes.subarray(0, end), false);
    for (const { cells } of whole) yield quotes ? cells : cells.map(unquoted);
    onRead(from + end);
    if (isLast) return;
    if (last === undefined) size *= 2;
    else [from, size, lines] = [from + end, PIECE, lines + last.lines];
    if (size > LARGEST_ROW) {
      throw new InputError(`${file}: line ${lines + 1} begins a row that does not end`);
    }
  }
}

const [TAB, LINE_FEED, CARRIAGE_RETURN] = [9, 10, 13];

/**
 * Tells whether each line of a table with tabs is a row of as many cells as the first one. Then
 * quotes need not hold a tab or a line feed, and one that is open belongs to its text.
 */
function hasRowPerLine(file: string, from: number): boolean {
  let [tabs, first, isEmpty, skip] = [0, -1, true, from];
  const isRow = (): boolean => {
    if (first < 0 && !isEmpty) first = tabs;
    const same = isEmpty || tabs === first;
    [tabs, isEmpty] = [0, true];
    return same;
  };
  for (const piece of readPieces(file, () => {})) {
    for (let at = Math.min(skip, piece.length); at < piece.length; at++) {
      const byte = piece[at];
      if (byte === LINE_FEED) {
        if (!isRow()) return false;
        continue;
      }
      if (byte === TAB) tabs++;
      if (byte !== CARRIAGE_RETURN) isEmpty = false;
    }
    skip = 0;
  }
  return isRow();
}

/** Takes the quotes from a cell that is quoted as a whole. */
function unquoted(cell: string): string {
  return /^"([^"]|"")*"$/.test(cell) ? cell.slice(1, -1).replaceAll('""', '"') : cell;
}

/**
 * Refuses a row that has more or fewer cells than there are columns.
 *
 * @throws {InputError} with the position of the row
 */
export function sameWidth(at: string, row: readonly string[], head: readonly string[]): void {
  if (row.length === head.length) return;
  const hint =
    row.length > head.length
      ? '; the first line must name the columns, and cells with the delimiter in them need quotes'
      : '';
  throw new InputError(`${at}: has ${row.length} cells, and the first line ${head.length}${hint}`);
}

/**
 * The error of a file, with the line in the whole file instead of in the piece.
 *
 * @param before lines before the piece
 * @param whole lines before the row that can't be read
 */
function damaged(
  file: string,
  { message, lines }: { message: string; lines?: number },
  before: number,
  whole: number,
): InputError {
  if (message.startsWith('Quote Not Closed')) {
    return new InputError(
      `${file}: line ${whole + 1} begins a row with a quote that is not closed`,
    );
  }
  const told = lines === undefined ? message : message.replace(/\d+$/, String(lines + before));
  return new InputError(`${file}: ${told}`);
}
