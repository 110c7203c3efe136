/**
 * Messages of an encoding that machines share: a piece of the input, and the rows of a piece. Each is
 * checked whole before anything is done with it.
 */

import { createHash } from 'node:crypto';
import { SEAL_BYTES, type Seal } from '../../distributed/nats/seal.js';
import type { Matrix } from '../../index.js';
import { type ImageDataset, imagesFrom } from '../../models/index.js';
import type { Inputs } from '../models/model.js';

const MAGIC = 0x31_51_46_4e;
const TEXTS = 1;
const IMAGES = 2;
const ROWS = 3;

/** Bytes of the head, and what a message has besides its content. */
const HEAD_BYTES = 56;
export const MESSAGE_BYTES = HEAD_BYTES + SEAL_BYTES;
/** Bytes of the hash of a piece's input. */
const HASH_BYTES = 16;

/** A piece of the input. */
export interface Piece {
  index: number;
  inputs: Inputs;
  /** Number of inputs. */
  count: number;
  /** Hash of the input: rows have it too, so that those of another input are found out. */
  hash: Uint8Array;
}

/** Rows of a piece. */
export interface PieceRows {
  index: number;
  hash: Uint8Array;
  matrix: Matrix;
}

interface Head {
  kind: number;
  job: string;
  index: number;
  count: number;
  sizes: readonly [number, number, number];
  hash: Uint8Array;
}

function writeMessage(seal: Seal, head: Head, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  const words = [MAGIC, head.kind, head.index, head.count, ...head.sizes];
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  bytes.set(Buffer.from(head.job, 'hex').subarray(0, 8), 28);
  bytes.set(head.hash, 36);
  return seal.close(bytes, content);
}

function readMessage(
  seal: Seal,
  job: string,
  message: Uint8Array,
): (Head & { content: Uint8Array }) | undefined {
  if (message.length < MESSAGE_BYTES) return undefined;
  // Node's Buffer has a slice of its own, which does not copy.
  const bytes = seal.open(bytesOf(message));
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (i: number): number => view.getUint32(4 * i, true);
  if (word(0) !== MAGIC) return undefined;
  if (!Buffer.from(job, 'hex').subarray(0, 8).equals(bytes.subarray(28, 36))) return undefined;
  return {
    kind: word(1),
    job,
    index: word(2),
    count: word(3),
    sizes: [word(4), word(5), word(6)],
    hash: bytes.slice(36, 36 + HASH_BYTES),
    content: bytes.subarray(HEAD_BYTES),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Content of a piece's message. */
export interface PieceContent {
  kind: number;
  count: number;
  sizes: readonly [number, number, number];
  bytes: Uint8Array;
  hash: Uint8Array;
}

const hashOf = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(bytes).digest().subarray(0, HASH_BYTES);

/**
 * Makes the content of a piece of texts.
 *
 * @param json each text as JSON, which keeps halves of characters that UTF-8 has not
 */
export function textContent(json: readonly string[]): PieceContent {
  const bytes = new TextEncoder().encode(`[${json.join(',')}]`);
  return { kind: TEXTS, count: json.length, sizes: [0, 0, 0], bytes, hash: hashOf(bytes) };
}

/** Makes the content of a piece of images, which are read for it. */
export function imageContent(images: ImageDataset): PieceContent {
  const { height, width, channels } = images.shape;
  const { pixels } = images.read(Array.from({ length: images.count }, (_, row) => row));
  const sizes = [height, width, channels] as const;
  return { kind: IMAGES, count: images.count, sizes, bytes: pixels, hash: hashOf(pixels) };
}

/** Writes a piece. */
export function writePiece(
  seal: Seal,
  job: string,
  index: number,
  piece: PieceContent,
): Uint8Array {
  const { kind, count, sizes, hash, bytes } = piece;
  return writeMessage(seal, { kind, job, index, count, sizes, hash }, bytes);
}

/** Reads a piece; undefined if it is none of the job, or damaged. */
export function readPiece(seal: Seal, job: string, message: Uint8Array): Piece | undefined {
  const read = readMessage(seal, job, message);
  if (read === undefined || read.count < 1) return undefined;
  const { kind, index, count, sizes, hash, content } = read;
  if (!Buffer.from(hashOf(content)).equals(hash)) return undefined;
  if (kind === IMAGES) {
    const [height, width, channels] = sizes;
    if (height * width * channels * count !== content.length) return undefined;
    try {
      const images = imagesFrom(content.slice(), { height, width, channels });
      return { index, count, hash, inputs: { images } };
    } catch {
      return undefined;
    }
  }
  if (kind !== TEXTS) return undefined;
  try {
    const texts: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
    if (!Array.isArray(texts) || texts.length !== count) return undefined;
    if (texts.some((text) => typeof text !== 'string')) return undefined;
    return { index, count, hash, inputs: { texts } };
  } catch {
    return undefined;
  }
}

/** Writes the rows of a piece. */
export function writeRows(seal: Seal, job: string, { index, hash, matrix }: PieceRows): Uint8Array {
  const { data, rows, cols } = matrix;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const head = { kind: ROWS, job, index, count: rows, sizes: [cols, 0, 0] as const, hash };
  return writeMessage(seal, head, bytes);
}

/** Reads the rows of a piece; undefined if they are none of the job, or damaged. */
export function readRows(seal: Seal, job: string, message: Uint8Array): PieceRows | undefined {
  const read = readMessage(seal, job, message);
  if (read?.kind !== ROWS) return undefined;
  const { index, count: rows, sizes, hash, content } = read;
  const [cols] = sizes;
  if (rows < 1 || cols < 1 || content.length !== 4 * rows * cols) return undefined;
  const data = new Float32Array(content.slice().buffer);
  if (!data.every(Number.isFinite)) return undefined;
  return { index, hash, matrix: { data, rows, cols } };
}
