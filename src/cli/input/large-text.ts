/**
 * Text files that are too large to hold: read in pieces, and read again whenever a piece is asked
 * for, so that memory holds a piece at a time. Piece after piece, the tokens are those of the whole.
 */

import { InputError } from '../../terminal/errors.js';
import { decodeUtf8, openBytes, PIECE, readRange, withTextFile } from './file-pieces.js';

/** Size in bytes from which a file is read in pieces. */
export const LARGE_FILE = 2 ** 23;
/** Moves a position that is inside a surrogate pair, or a line's end of two, before it. */
export function wholeCharacter(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  const isInside = (unit >= 0xdc00 && unit <= 0xdfff) || (unit === 10 && text[at - 1] === '\r');
  return isInside && at > 1 ? at - 1 : at;
}

/** Finds the last position where a text can be cut so that its tokens stay the same. */
function lastCut(text: string): number {
  // A single space or line feed between two words begins the next piece.
  for (let at = text.length - 2; at > text.length >> 1; at--) {
    const unit = text.charCodeAt(at);
    if (unit !== 32 && unit !== 10) continue;
    if (!/\s/.test(text[at - 1] as string) && !/\s/.test(text[at + 1] as string)) return at;
  }
  return wholeCharacter(text, text.length - 1);
}

/** A part of a document: the text between two positions in the bytes of its file. */
export class DocumentPiece {
  readonly row = false;
  /** True if it goes on where the piece before it ends. */
  readonly continues: boolean;
  /** True if it is set aside to validate with. */
  validation?: boolean;
  readonly #from: number;
  readonly #bytes: number;

  constructor(
    /** Path of the file. */
    readonly id: string,
    from: number,
    bytes: number,
    /** Number of characters. */
    readonly length: number,
  ) {
    [this.#from, this.#bytes, this.continues] = [from, bytes, from > 0];
  }

  /**
   * The text, read from the file.
   * @throws {InputError} if the file has changed
   */
  get text(): string {
    const bytes = withTextFile(this.id, (file) => readRange(file, this.#from, this.#bytes));
    const text = withLineFeeds(decodeUtf8(this.id, bytes, !this.continues));
    if (text.length === this.length) return text;
    throw new InputError(`${this.id}: has changed while it was read`);
  }
}

/** Turns line ends of two characters into one. */
export function withLineFeeds(text: string): string {
  return text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
}

/**
 * Lists the pieces of a text file.
 *
 * @param onRead called with the number of bytes that have been read
 * @throws {InputError} if it cannot be read, or is not UTF-8
 */
export function documentPieces(path: string, onRead: (bytes: number) => void): DocumentPiece[] {
  return withTextFile(path, (file) => {
    const pieces: DocumentPiece[] = [];
    for (let from = 0; ; ) {
      const read = readRange(file, from, PIECE);
      const isLast = read.length < PIECE;
      const bytes = isLast ? read : read.subarray(0, read.length - openBytes(read));
      const text = decodeUtf8(path, bytes, from === 0);
      const cut = isLast ? text.length : lastCut(text);
      const size = bytes.length - Buffer.byteLength(text.slice(cut));
      const { length } = withLineFeeds(text.slice(0, cut));
      if (length > 0) pieces.push(new DocumentPiece(path, from, size, length));
      from += size;
      onRead(from);
      if (isLast) return pieces;
    }
  });
}

/**
 * Cuts texts into pieces whose tokens, one after the other, are those of all of them in a row: each
 * piece but the first begins with a single space or line feed between two words.
 */
export function* piecesOf(texts: Iterable<string>): Generator<string> {
  let text = '';
  for (const next of texts) {
    text += next;
    let from = 0;
    while (text.length - from > 2 * PIECE) {
      const found = /\S[ \n](?=\S)/g;
      found.lastIndex = from + PIECE;
      const match = found.exec(text.slice(0, from + 2 * PIECE));
      const cut = match === null ? wholeCharacter(text, from + PIECE) : match.index + 1;
      yield text.slice(from, cut);
      from = cut;
    }
    text = text.slice(from);
  }
  yield text;
}

/** Shortest time between two lines about the same work, in milliseconds. */
const PAUSE = 4000;

/**
 * Returns a function that tells on standard error how much of some work on a large text is done.
 *
 * @param work what is done: `reading book.txt`
 * @param total size of the text, in characters or bytes
 */
export function reportWork(work: string, total: number): (done: number) => void {
  if (total < LARGE_FILE) return () => {};
  const { isTTY } = process.stderr;
  let last = 0;
  return (done) => {
    const now = performance.now();
    const ended = done >= total;
    if (!ended && now - last < (isTTY ? PAUSE / 20 : PAUSE)) return;
    last = now;
    const line = `${work}: ${Math.floor((100 * done) / total)} % of ${Math.ceil(total / 1e6)} MB`;
    process.stderr.write(isTTY ? `\r\u001B[K${ended ? '' : line}` : `${line}\n`);
  };
}
