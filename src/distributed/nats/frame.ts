/**
 * Frames: what ranks send each other over NATS. A message is cut into chunks that fit the server's
 * limit, each in a frame with a head that says what it is, and checksums of both.
 */

import { crc32 } from './checksum.js';
import { SEAL_BYTES } from './seal.js';

/** Bytes of a frame's head. */
export const HEAD_BYTES = 48;
const MAGIC = 0x3152464e;

/** Kinds of frames. */
export const DATA = 1;
/** Says up to which chunk all have arrived. */
export const ACK = 2;
/** Asks for chunks that have not arrived. */
export const RESEND = 3;

/** Receiver of frames for all ranks. */
export const ALL = 0xffff;

/** Head of a frame. */
export interface Head {
  kind: number;
  /** First 8 bytes of the hash of the group that it is from. */
  group: readonly [number, number];
  /** Rank that has sent it. */
  from: number;
  /** Rank that it is for, or `ALL`. */
  to: number;
  /** Number of the exchange. */
  exchange: number;
  /** Index of the chunk; for `ACK` how many there are without a gap. */
  chunk: number;
  /** Number of chunks of the message. */
  chunks: number;
  /** Bytes of the message. */
  total: number;
}

/** A frame that was read. */
export interface Frame extends Head {
  payload: Uint8Array;
}

/** Makes a frame. */
export function writeFrame(head: Head, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  const words = [MAGIC, head.kind, ...head.group];
  words.push(head.from | (head.to << 16), head.exchange, head.chunk, head.chunks, head.total);
  words.push(payload.length, crc32(payload));
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  view.setUint32(HEAD_BYTES - 4, crc32(frame.subarray(0, HEAD_BYTES - 4)), true);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

/** Limits that a frame has to keep to. */
export interface FrameLimits {
  group: readonly [number, number];
  /** Number of ranks. */
  ranks: number;
  /** Rank that reads. */
  rank: number;
  /** Bytes of a chunk, all but the last. */
  chunkBytes: number;
  /** Bytes of a message at most. */
  maxBytes: number;
}

/**
 * Reads a frame; undefined if it is none, is damaged, or does not keep to the limits. Takes no memory
 * before all is checked.
 */
export function readFrame(bytes: Uint8Array, limits: FrameLimits): Frame | undefined {
  if (bytes.length < HEAD_BYTES || bytes.length > HEAD_BYTES + limits.chunkBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (i: number): number => view.getUint32(4 * i, true);
  if (word(0) !== MAGIC) return undefined;
  if (word(11) !== crc32(bytes.subarray(0, HEAD_BYTES - 4))) return undefined;
  const kind = word(1);
  const group = [word(2), word(3)] as const;
  const [from, to] = [word(4) & 0xffff, word(4) >>> 16];
  const [exchange, chunk, chunks, total, length] = [word(5), word(6), word(7), word(8), word(9)];
  if (kind !== DATA && kind !== ACK && kind !== RESEND) return undefined;
  if (group[0] !== limits.group[0] || group[1] !== limits.group[1]) return undefined;
  if (from >= limits.ranks || from === limits.rank) return undefined;
  if (to !== limits.rank && to !== ALL) return undefined;
  if (length !== bytes.length - HEAD_BYTES || total > limits.maxBytes) return undefined;
  if (chunks !== chunkCount(total, limits.chunkBytes)) return undefined;
  if (kind === ACK ? chunk > chunks || length > 0 : chunk >= chunks) return undefined;
  if (kind === RESEND && length % 4 !== 0) return undefined;
  if (kind === DATA && length !== chunkLength(total, chunk, limits.chunkBytes)) return undefined;
  const payload = bytes.subarray(HEAD_BYTES);
  if (word(10) !== crc32(payload)) return undefined;
  return { kind, group, from, to, exchange, chunk, chunks, total, payload };
}

/** Bytes of a chunk at most, and what NATS itself takes of the server's limit. */
const CHUNK_BYTES = 512 * 1024;
const NATS_BYTES = 1024;

/** Bytes of a chunk whose frame, with a seal, fits a limit of the server. */
export function chunkBytesOf(maxPayload = 2 ** 20): number {
  return Math.max(1024, Math.min(CHUNK_BYTES, maxPayload - HEAD_BYTES - SEAL_BYTES - NATS_BYTES));
}

/** Number of chunks of a message: at least one, as an empty message has to arrive too. */
export function chunkCount(total: number, chunkBytes: number): number {
  return Math.max(1, Math.ceil(total / chunkBytes));
}

/** Bytes of a chunk of a message. */
export function chunkLength(total: number, chunk: number, chunkBytes: number): number {
  return Math.min(chunkBytes, total - chunk * chunkBytes);
}
