/** The pieces of an input: what each holds, and the job that follows from all of them. */

import { createHash } from 'node:crypto';
import { type ImageDataset, subset } from '../../models/index.js';
import type { Inputs, NamedInputs } from '../models/model.js';
import { imageContent, MESSAGE_BYTES, type PieceContent, textContent } from './messages.js';
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

/** Cuts rows of known sizes, at most so many rows and bytes to a piece. */
function* cut(
  rows: number,
  sizeOf: (row: number) => number,
  { maxRows, maxBytes }: { maxRows: number; maxBytes: number },
): Iterable<RowRange> {
  let [first, bytes] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const size = sizeOf(row);
    if (row > first && (row - first === maxRows || bytes + size > maxBytes)) {
      yield { first, count: row - first };
      [first, bytes] = [row, 0];
    }
    bytes += size;
  }
  yield { first, count: rows - first };
}

/** Cuts an input; what each piece holds. */
function* cutContents(
  inputs: NamedInputs,
  limits: { maxRows: number; maxBytes: number },
): Iterable<{ range: RowRange; content: PieceContent }> {
  const rows = inputs.ids.length;
  if (!('texts' in inputs)) {
    const { height, width, channels } = inputs.images.shape;
    for (const range of cut(rows, () => height * width * channels, limits)) {
      const { images } = rangeOf(inputs, range) as { images: ImageDataset };
      yield { range, content: imageContent(images) };
    }
    return;
  }
  // Each text is written as JSON once, when its size is asked for; a piece takes those before the last.
  const { texts } = inputs;
  let json: string[] = [];
  const sizeOf = (row: number): number => {
    const text = JSON.stringify(texts[row]);
    json.push(text);
    return Buffer.byteLength(text) + 1;
  };
  for (const range of cut(rows, sizeOf, limits)) {
    yield { range, content: textContent(json.slice(0, range.count)) };
    json = json.slice(range.count);
  }
}

/** Cuts an input into pieces that fit a message, as their rows do, and names its job. */
export function makePieces(
  inputs: NamedInputs,
  options: { model: string; name: string; cols: number; batch: number; maxBytes: number },
): Pieces {
  const { model, name, cols, batch, maxBytes } = options;
  const room = maxBytes - MESSAGE_BYTES - 2;
  const maxRows = Math.max(1, Math.min(batch, Math.floor(room / (4 * cols))));
  const ranges: RowRange[] = [];
  const hashes: Uint8Array[] = [];
  const large = new Set<number>();
  /** Those of texts; images are read again for their message. */
  const contents: PieceContent[] = [];
  for (const { range, content } of cutContents(inputs, { maxRows, maxBytes: room })) {
    const bytes = Math.max(content.bytes.length, 4 * cols * range.count);
    if (bytes + MESSAGE_BYTES > maxBytes) large.add(ranges.length);
    ranges.push(range);
    hashes.push(content.hash);
    if ('texts' in inputs) contents.push(content);
  }
  const hash = createHash('sha256').update(JSON.stringify({ model, name, cols, ranges }));
  for (const own of hashes) hash.update(own);
  const inputsOf = (index: number): Inputs => rangeOf(inputs, ranges[index] as RowRange);
  return {
    job: hash.digest('hex').slice(0, 32),
    ...{ ranges, hashes, large, inputsOf },
    contentOf(index) {
      const { images } = inputsOf(index) as { images: ImageDataset };
      return contents[index] ?? imageContent(images);
    },
  };
}
