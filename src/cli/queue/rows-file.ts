/**
 * The rows of an encoding while they come, in any order: a `.npy` file at its full size from the
 * beginning, and behind the rows a list of the pieces that are there, with a checksum of each. A
 * process that is killed goes on with the file; what was half written does not count.
 */

import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { npyBytes } from '../../data/files/npy.js';
import { InputError } from '../../terminal/errors.js';
import { errorText, PARTIAL, removeQuietly, writeAll } from '../../terminal/files.js';

/** Bytes of an entry of the list: the start of the hash of the piece's rows. */
const ENTRY_BYTES = 8;
const JOB_BYTES = 16;
/** Bytes that are written at a time to give the file its size. */
const BLOCK = 1 << 20;

/** Rows of a piece: the first one, and their number. */
export interface RowRange {
  first: number;
  count: number;
}

/** Size and content of the file. */
export interface RowsOptions {
  out: string;
  /** Hash of the job, 32 hexadecimal digits. */
  job: string;
  rows: number;
  cols: number;
  pieces: readonly RowRange[];
}

export class RowsFile {
  readonly #options: RowsOptions;
  readonly #partial: string;
  readonly #head: Uint8Array;
  readonly #file: number;
  readonly #done: Uint8Array;
  /** Pieces and rows that are there. */
  pieces = 0;
  rows = 0;

  /** @throws {InputError} if the file can't be written, or the disk is too small for it */
  constructor(options: RowsOptions) {
    this.#options = options;
    this.#partial = `${options.out}${PARTIAL}`;
    this.#head = npyBytes(new Float32Array(0), [options.rows, options.cols]);
    this.#done = new Uint8Array(options.pieces.length);
    const before = statSync(this.#partial, { throwIfNoEntry: false });
    const isOld = before?.isFile() === true && before.size === this.#size;
    this.#file = this.#try(() => openSync(this.#partial, isOld ? 'r+' : 'w+'));
    if (!isOld || !this.#readList()) this.#begin();
  }

  /** Numbers of a row. */
  get cols(): number {
    return this.#options.cols;
  }

  get #listAt(): number {
    const { rows, cols } = this.#options;
    return this.#head.length + 4 * rows * cols;
  }

  get #size(): number {
    return this.#listAt + JOB_BYTES + ENTRY_BYTES * this.#options.pieces.length;
  }

  #try<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw new InputError(`${this.#options.out}: cannot write it (${errorText(error)})`);
    }
  }

  #write(bytes: Uint8Array, at: number): void {
    this.#try(() => {
      for (let from = 0; from < bytes.length; ) {
        from += writeSync(this.#file, bytes, from, bytes.length - from, at + from);
      }
    });
  }

  #read(length: number, at: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let from = 0; from < length; ) {
      const got = readSync(this.#file, bytes, from, length - from, at + from);
      if (got === 0) break;
      from += got;
    }
    return bytes;
  }

  /** Writes the whole file once, so that a full disk is found before any work. */
  #begin(): void {
    try {
      this.#try(() => ftruncateSync(this.#file));
      const zeros = new Uint8Array(BLOCK);
      for (let at = 0; at < this.#size; at += BLOCK) {
        this.#write(zeros.subarray(0, Math.min(BLOCK, this.#size - at)), at);
      }
      this.#write(this.#head, 0);
      this.#write(Buffer.from(this.#options.job, 'hex'), this.#listAt);
      this.#try(() => fsyncSync(this.#file));
    } catch (error) {
      // It would keep the disk full.
      closeSync(this.#file);
      removeQuietly(this.#partial);
      throw error;
    }
  }

  /** Reads which pieces are there; false if the file is of another job. */
  #readList(): boolean {
    const { job, pieces } = this.#options;
    const list = this.#read(JOB_BYTES + ENTRY_BYTES * pieces.length, this.#listAt);
    if (!Buffer.from(job, 'hex').equals(list.subarray(0, JOB_BYTES))) return false;
    for (const [index, { count }] of pieces.entries()) {
      const at = JOB_BYTES + ENTRY_BYTES * index;
      const entry = list.subarray(at, at + ENTRY_BYTES);
      if (entry.every((byte) => byte === 0)) continue;
      const bytes = this.#read(4 * count * this.#options.cols, this.#rowsAt(index));
      if (checksum(bytes).equals(entry)) this.#mark(index);
    }
    return true;
  }

  #rowsAt(index: number): number {
    const { pieces, cols } = this.#options;
    return this.#head.length + 4 * cols * (pieces[index] as RowRange).first;
  }

  #mark(index: number): void {
    this.#done[index] = 1;
    this.pieces++;
    this.rows += (this.#options.pieces[index] as RowRange).count;
  }

  /** Tells whether a piece is there. */
  has(index: number): boolean {
    return this.#done[index] === 1;
  }

  /** Writes the rows of a piece that is not there yet. */
  write(index: number, { buffer, byteOffset, byteLength }: Float32Array): void {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.#write(bytes, this.#rowsAt(index));
    this.#write(checksum(bytes), this.#listAt + JOB_BYTES + ENTRY_BYTES * index);
    this.#mark(index);
  }

  /** Gives the file its name, once all pieces are there, and writes the one with the names of the rows. */
  finish(ids: { path: string; bytes: Uint8Array }): void {
    this.#try(() => {
      ftruncateSync(this.#file, this.#listAt);
      fsyncSync(this.#file);
    });
    writeAll([[ids.path, ids.bytes]], () => renameSync(this.#partial, this.#options.out));
    closeSync(this.#file);
  }
}

function checksum(bytes: Uint8Array): Buffer {
  const sum = createHash('sha256').update(bytes).digest().subarray(0, ENTRY_BYTES);
  // Zeros say that a piece is not there.
  sum[0] = (sum[0] as number) | 1;
  return sum;
}
