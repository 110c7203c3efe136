/** Files that are read in pieces, so that memory holds a piece at a time, and their decoding. */

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { InputError } from '../../terminal/errors.js';
import { errorText } from '../../terminal/files.js';

/** Bytes of a file, or characters of a text, that are handled at once. */
export const PIECE = 2 ** 20;

/** An open file, or the UTF-8 of one in UTF-16. */
export type OpenFile = number | Uint8Array;

/** The UTF-8 of the last file in UTF-16, which is held whole. */
let transcoded: { key: string; bytes: Uint8Array } | undefined;

/** Encoding by the byte order mark, if it is UTF-16: what spreadsheets save as "Unicode text". */
function utf16Of([first, second]: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return undefined;
}

/** Decodes UTF-16 without its byte order mark. */
function decodeUtf16(path: string, bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be'): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new InputError(`${path}: is not valid UTF-16`);
    throw new InputError(`${path}: is too large to read at once; save it as UTF-8`);
  }
}

/** The UTF-8 of a file in UTF-16; undefined for others. */
function readUtf16(path: string, file: number): Uint8Array | undefined {
  const encoding = utf16Of(readRange(file, 0, 2));
  if (encoding === undefined) return undefined;
  const { ino, size, mtimeMs } = fstatSync(file);
  const key = [path, ino, size, mtimeMs].join('\n');
  if (transcoded?.key !== key) {
    // By its path: a read by the open file would begin where the last one ended.
    const bytes = Buffer.from(decodeUtf16(path, readFileSync(path), encoding));
    transcoded = { key, bytes };
  }
  return transcoded.bytes;
}

/** Runs something with an open file. */
export function withFile<T>(path: string, body: (file: number) => T): T {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return body(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: cannot read it (${errorText(error)})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Runs something with an open file of text; one in UTF-16 is given as UTF-8. */
export function withTextFile<T>(path: string, body: (file: OpenFile) => T): T {
  return withFile(path, (file) => body(readUtf16(path, file) ?? file));
}

/** Reads a range of a file; less of it at the end of the file. */
export function readRange(file: OpenFile, from: number, length: number): Uint8Array {
  if (typeof file !== 'number') return file.subarray(from, from + length);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const got = readSync(file, bytes, filled, length - filled, from + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

/**
 * Reads a file piece by piece.
 *
 * @param onRead called with the number of bytes that have been read
 */
export function* readPieces(path: string, onRead: (bytes: number) => void): Generator<Uint8Array> {
  for (let from = 0; ; from += PIECE) {
    const bytes = withTextFile(path, (file) => readRange(file, from, PIECE));
    if (bytes.length > 0) yield bytes;
    onRead(from + bytes.length);
    if (bytes.length < PIECE) return;
  }
}

/** Refuses files that are no text, and UTF-16 that does not say so. */
function checkStart(path: string, bytes: Uint8Array): void {
  const [first, second] = bytes;
  if (first === 0x1f && second === 0x8b)
    throw new InputError(`${path}: is gzipped; unpack it first`);
  if (first === 0x50 && second === 0x4b && bytes[2] === 3) {
    throw new InputError(`${path}: is a zip or Excel file, not text; save it as .csv`);
  }
  if (bytes.length > 1 && (first === 0) !== (second === 0)) {
    throw new InputError(`${path}: is UTF-16 without a byte order mark; save it as UTF-8`);
  }
}

/**
 * Decodes UTF-8, or UTF-16 where the bytes begin with its byte order mark.
 *
 * @throws {InputError} if it is another encoding
 */
export function decodeUtf8(path: string, bytes: Uint8Array, isStart = true): string {
  const utf16 = isStart ? utf16Of(bytes) : undefined;
  if (utf16 !== undefined) return decodeUtf16(path, bytes, utf16);
  if (isStart) checkStart(path, bytes);
  try {
    // A byte order mark is one at the start alone.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: !isStart }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError)
      throw new InputError(`${path}: is not valid UTF-8; save it as UTF-8`);
    throw new InputError(`${path}: is too large to read at once; split it into several files`);
  }
}

/** Number of bytes at the end that begin a character and do not end it. */
export function openBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

/**
 * Decodes the first piece of a file, but for a character that its end cuts.
 *
 * @throws {InputError} if it is not UTF-8
 */
export function decodeStart(path: string, bytes: Uint8Array): string {
  return decodeUtf8(path, bytes.subarray(0, bytes.length - openBytes(bytes)));
}
