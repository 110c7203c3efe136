/** Lines of text files, read in pieces. */

import { decodeUtf8, readPieces } from './file-pieces.js';

/** A line, and where it stands: `mails.txt:3`. */
export interface Line {
  at: string;
  line: string;
}

/** Reads a file line by line, without the line ends; empty lines are left out. */
export function* readLines(file: string, onRead: (bytes: number) => void): Generator<Line> {
  let [open, isStart]: [Uint8Array[], boolean] = [[], true];
  let number = 0;
  const split = (bytes: Uint8Array): Line[] => {
    const lines = decodeUtf8(file, bytes, isStart).split(/\r?\n/);
    isStart = false;
    const first = number + 1;
    number += lines.length - 1;
    return lines.flatMap((line, i) => {
      return line.trim() === '' ? [] : [{ at: `${file}:${first + i}`, line }];
    });
  };
  for (const piece of readPieces(file, onRead)) {
    const end = piece.lastIndexOf(10) + 1;
    if (end === 0) {
      open.push(piece);
      continue;
    }
    yield* split(Buffer.concat([...open, piece.subarray(0, end)]));
    open = [piece.subarray(end)];
  }
  yield* split(Buffer.concat(open));
}
