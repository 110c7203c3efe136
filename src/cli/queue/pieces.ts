/** The pieces of an input: what each holds, and the job that follows from all of them. */

import { createHash } from 'node:crypto';
import { subset } from '../../models/index.js';
import type { Inputs, NamedInputs } from '../models/model.js';
import { contentOf, MESSAGE_BYTES, type PieceContent } from './messages.js';
import type { RowRange } from './rows-file.js';

/** An input in pieces. */
export interface Pieces {
  /** Hash of the model, the input and how it is cut: 32 hexadecimal digits. */
  job: string;
  ranges: readonly RowRange[];
  /** Hash of the input of each piece. */
  hashes: readonly Uint8Array[];
  /** Pieces that are too large for a message. */
  large: ReadonlySet<number>;
  inputsOf(index: number): Inputs;
  contentOf(index: number): PieceContent;
}

function rangeOf(inputs: Inputs, { first, count }: RowRange): Inputs {
  if ('texts' in inputs) return { texts: inputs.texts.slice(first, first + count) };
  const rows = Array.from({ length: count }, (_, i) => first + i);
  return { images: subset(inputs.images, rows) };
}

/** Bytes of an input in a message, at most. */
function bytesOf(inputs: Inputs): (index: number) => number {
  if ('texts' in inputs) {
    const { texts } = inputs;
    return (index) => Buffer.byteLength(JSON.stringify(texts[index])) + 1;
  }
  const { height, width, channels } = inputs.images.shape;
  return () => height * width * channels;
}

/** Cuts an input so that a piece, and its rows, fit a message. */
function cut(
  inputs: NamedInputs,
  { cols, batch, maxBytes }: { cols: number; batch: number; maxBytes: number },
): RowRange[] {
  const room = maxBytes - MESSAGE_BYTES - 2;
  const maxRows = Math.max(1, Math.min(batch, Math.floor(room / (4 * cols))));
  const sizeOf = bytesOf(inputs);
  const ranges: RowRange[] = [];
  let [first, bytes] = [0, 0];
  const rows = inputs.ids.length;
  for (let row = 0; row < rows; row++) {
    const size = sizeOf(row);
    if (row > first && (row - first === maxRows || bytes + size > room)) {
      ranges.push({ first, count: row - first });
      [first, bytes] = [row, 0];
    }
    bytes += size;
  }
  ranges.push({ first, count: rows - first });
  return ranges;
}

/** Cuts an input into pieces, and names its job. */
export function makePieces(
  inputs: NamedInputs,
  options: { model: string; name: string; cols: number; batch: number; maxBytes: number },
): Pieces {
  const { model, name, cols, maxBytes } = options;
  const ranges = cut(inputs, options);
  const inputsOf = (index: number): Inputs => rangeOf(inputs, ranges[index] as RowRange);
  const hash = createHash('sha256').update(JSON.stringify({ model, name, cols, ranges }));
  const hashes: Uint8Array[] = [];
  const large = new Set<number>();
  for (const index of ranges.keys()) {
    const { bytes, hash: own } = contentOf(inputsOf(index));
    hash.update(own);
    hashes.push(own);
    const rowBytes = 4 * cols * (ranges[index] as RowRange).count;
    if (Math.max(bytes.length, rowBytes) + MESSAGE_BYTES > maxBytes) large.add(index);
  }
  return {
    job: hash.digest('hex').slice(0, 32),
    ranges,
    hashes,
    large,
    inputsOf,
    contentOf: (index) => contentOf(inputsOf(index)),
  };
}
