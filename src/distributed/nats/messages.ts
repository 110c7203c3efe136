/**
 * Messages between the ranks of a group: cut into frames, sent with as much at once as the receivers
 * keep up with, asked for again where frames are lost, and put together. Frames that are not expected
 * are counted and dropped.
 */

import { milliseconds } from '../../core/clock.js';
import { bytesOf } from '../bytes.js';
import type { Messages } from '../transport/collectives.js';
import {
  ACK,
  ALL,
  chunkCount,
  chunkLength,
  DATA,
  type Frame,
  type FrameLimits,
  RESEND,
  readFrame,
  writeFrame,
} from './frame.js';
import { RoundTrip } from './round-trip.js';

/** Bytes that a rank sends ahead of what all receivers have confirmed. */
const WINDOW_BYTES = 8 << 20;
/** Chunks after which a receiver confirms. */
const ACK_EVERY = 4;
/** Bytes of a message from which its end is confirmed, so that the round trip is known. */
const ACK_BYTES = 64 << 10;
/** Chunks that are asked for at a time. */
const MAX_ASKED = 16;

/** A message that has begun to arrive. */
class Arriving {
  readonly total: number;
  readonly #chunks: (Uint8Array | undefined)[];
  #missing: number;
  /** Chunks from the first one on that have arrived without a gap. */
  complete = 0;
  /** When the last chunk came, or was asked for. */
  touched: number;

  constructor({ total, chunks }: Frame, now: number) {
    this.total = total;
    this.#chunks = new Array(chunks);
    this.#missing = chunks;
    this.touched = now;
  }

  get count(): number {
    return this.#chunks.length;
  }

  get isDone(): boolean {
    return this.#missing === 0;
  }

  /** Takes a chunk; false if it has arrived before. */
  take(chunk: number, payload: Uint8Array, now: number): boolean {
    if (this.#chunks[chunk] !== undefined) return false;
    // The receive buffer is used again: memory is taken for what has arrived, and no more.
    this.#chunks[chunk] = payload.slice();
    this.#missing--;
    this.touched = now;
    while (this.#chunks[this.complete] !== undefined) this.complete++;
    return true;
  }

  /** Chunks that have not arrived. */
  missing(): number[] {
    const found: number[] = [];
    for (let i = this.complete; i < this.count && found.length < MAX_ASKED; i++) {
      if (this.#chunks[i] === undefined) found.push(i);
    }
    return found;
  }

  /** All chunks as one message. */
  join(): Uint8Array {
    if (this.count === 1) return this.#chunks[0] as Uint8Array;
    const bytes = new Uint8Array(this.total);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk as Uint8Array, at);
      at += (chunk as Uint8Array).length;
    }
    return bytes;
  }
}

/** A message that was sent, kept until the next exchange is over. */
interface Sent {
  exchange: number;
  messages: Messages;
  /** For each rank, the chunks that it has confirmed. */
  confirmed: number[];
  /** For each rank, the chunks that were sent. */
  begun: number[];
  /** For each rank, when each chunk was sent first, and the chunks that were sent again. */
  sentAt: number[][];
  again: Set<number>[];
}

/** Surroundings of a mailbox: it sends frames by them, and waits. */
export interface Post {
  /** Sends a frame to a rank, or to all. */
  send(to: number, frame: Uint8Array): void;
  /** Throws if a rank is lost that something is expected of. */
  check(missing: readonly number[], exchange: number): void;
  /** Time in milliseconds. */
  now(): number;
  /** Resolves when something may have changed. */
  wait(): Promise<void>;
}

/** Sends and receives the messages of one group. */
export class Mailbox {
  readonly #limits: FrameLimits;
  readonly #post: Post;
  #exchange = 0;
  /** Messages of this exchange and of the next one, by rank. */
  readonly #arriving = new Map<string, Arriving>();
  readonly #sent: Sent[] = [];
  /** Round trips to each rank. */
  readonly #roundTrips: readonly RoundTrip[];
  /** Frames that were not expected. */
  dropped = 0;
  /** Bytes of frames that were sent and received. */
  sentBytes = 0;
  receivedBytes = 0;
  /** Milliseconds of waiting for messages, after all was sent. */
  waitedMs = 0;

  constructor(limits: FrameLimits, post: Post) {
    this.#limits = limits;
    this.#post = post;
    this.#roundTrips = Array.from({ length: limits.ranks }, () => new RoundTrip());
  }

  /** Exchanges that were completed. */
  get exchange(): number {
    return this.#exchange;
  }

  #message({ messages }: Sent, to: number): Uint8Array {
    return messages instanceof Uint8Array ? messages : (messages[to] as Uint8Array);
  }

  #sendChunk(sent: Sent, to: number, chunk: number): void {
    const { group, rank, chunkBytes } = this.#limits;
    const message = this.#message(sent, to === ALL ? 0 : to);
    const start = chunk * chunkBytes;
    const frame = writeFrame(
      {
        kind: DATA,
        group,
        from: rank,
        to,
        exchange: sent.exchange,
        chunk,
        chunks: chunkCount(message.length, chunkBytes),
        total: message.length,
      },
      message.subarray(start, start + chunkLength(message.length, chunk, chunkBytes)),
    );
    this.sentBytes += frame.length;
    this.#post.send(to, frame);
  }

  /** Sends a message to a rank, or to all, no faster than receivers confirm. */
  async #sendMessage(sent: Sent, to: number): Promise<void> {
    const { chunkBytes, ranks, rank } = this.#limits;
    const { length } = this.#message(sent, to === ALL ? 0 : to);
    const window = Math.max(
      ACK_EVERY,
      Math.floor(WINDOW_BYTES / chunkBytes / Math.max(1, ranks - 1)),
    );
    const receivers =
      to === ALL ? Array.from({ length: ranks }, (_, i) => i).filter((i) => i !== rank) : [to];
    const count = chunkCount(length, chunkBytes);
    for (let chunk = 0; chunk < count; chunk++) {
      for (;;) {
        const behind = receivers.filter((i) => (sent.confirmed[i] as number) < chunk - window);
        if (behind.length === 0) break;
        this.#post.check(behind, sent.exchange);
        await this.#post.wait();
      }
      const now = this.#post.now();
      for (const i of receivers) {
        sent.begun[i] = chunk + 1;
        (sent.sentAt[i] as number[])[chunk] = now;
      }
      this.#sendChunk(sent, to, chunk);
    }
  }

  /**
   * Sends messages to all ranks and waits for theirs.
   *
   * @param isAbsent tells of a rank that needs nothing any more and sends nothing
   */
  async run(messages: Messages, isAbsent: (rank: number) => boolean): Promise<Uint8Array[]> {
    const { ranks, rank } = this.#limits;
    const exchange = this.#exchange;
    const others = Array.from({ length: ranks }, (_, i) => i).filter((i) => i !== rank);
    const zeros = (): number[] => new Array(ranks).fill(0);
    const sent: Sent = {
      ...{ exchange, messages, confirmed: zeros(), begun: zeros() },
      sentAt: Array.from({ length: ranks }, () => []),
      again: Array.from({ length: ranks }, () => new Set()),
    };
    this.#sent.push(sent);
    // A rank is one exchange ahead at most: no rank can ask for what lies further back.
    if (this.#sent.length > 2) this.#sent.shift();
    const sending =
      messages instanceof Uint8Array
        ? [this.#sendMessage(sent, ALL)]
        : others.map((to) => this.#sendMessage(sent, to));
    const allSent = Promise.all(sending).then(milliseconds);
    const [start] = await Promise.all([allSent, this.#receive(exchange, others, isAbsent)]);
    this.waitedMs += milliseconds() - start;
    const found = Array.from({ length: ranks }, (_, from) => {
      if (from === rank) return this.#message(sent, rank);
      return this.#arriving.get(`${exchange} ${from}`)?.join() ?? new Uint8Array(0);
    });
    for (const from of others) this.#arriving.delete(`${exchange} ${from}`);
    this.#exchange++;
    return found;
  }

  async #receive(
    exchange: number,
    others: readonly number[],
    isAbsent: (rank: number) => boolean,
  ): Promise<void> {
    const asked = others.map(() => ({ at: this.#post.now(), times: 0 }));
    for (;;) {
      const missing = others.filter(
        (from) => !this.#arriving.get(`${exchange} ${from}`)?.isDone && !isAbsent(from),
      );
      if (missing.length === 0) return;
      this.#post.check(missing, exchange);
      const now = this.#post.now();
      for (const from of missing) {
        const arriving = this.#arriving.get(`${exchange} ${from}`);
        const last = asked[others.indexOf(from)] as (typeof asked)[number];
        if (arriving !== undefined && arriving.touched > last.at) {
          last.at = arriving.touched;
          last.times = 0;
        }
        const timeout = (this.#roundTrips[from] as RoundTrip).timeout(last.times);
        if (now - last.at < timeout) continue;
        last.at = now;
        last.times++;
        this.#ask(exchange, from, arriving);
      }
      await this.#post.wait();
    }
  }

  /** Asks a rank for the chunks of its message that are missing; none in particular if all are. */
  #ask(exchange: number, from: number, arriving: Arriving | undefined): void {
    const { group, rank } = this.#limits;
    const payload = bytesOf(Uint32Array.from(arriving?.missing() ?? []));
    const head = { kind: RESEND, group, from: rank, to: from, exchange, chunk: 0, chunks: 1 };
    this.#post.send(from, writeFrame({ ...head, total: payload.length }, payload));
  }

  /** Takes a frame; gives the rank that it is from, or undefined if it was dropped. */
  take(bytes: Uint8Array): number | undefined {
    const frame = readFrame(bytes, this.#limits);
    if (frame === undefined || !this.#accept(frame)) {
      this.dropped++;
      return undefined;
    }
    this.receivedBytes += bytes.length;
    return frame.from;
  }

  #accept(frame: Frame): boolean {
    const { kind, from, exchange } = frame;
    const sent = this.#sent.find((each) => each.exchange === exchange);
    if (kind === RESEND) {
      // Asked for something that is still to come: it will come.
      if (sent !== undefined) this.#sendAgain(sent, from, frame.payload);
      return true;
    }
    if (kind === ACK) {
      if (sent !== undefined) this.#takeConfirmation(sent, from, frame.chunk);
      return true;
    }
    if (exchange < this.#exchange) return true; // Repeated: it was there before.
    if (exchange > this.#exchange + 1) return false;
    const key = `${exchange} ${from}`;
    const now = this.#post.now();
    let arriving = this.#arriving.get(key);
    if (arriving === undefined) {
      arriving = new Arriving(frame, now);
      this.#arriving.set(key, arriving);
    }
    if (arriving.total !== frame.total) return false;
    if (!arriving.take(frame.chunk, frame.payload, now)) return true;
    const { complete, count, isDone, total } = arriving;
    const isLong = count > ACK_EVERY;
    const isDue = isDone ? isLong || total >= ACK_BYTES : isLong && complete % ACK_EVERY === 0;
    if (isDue) this.#confirm(frame, complete);
    return true;
  }

  /** Takes note of the chunks that a rank has, and of the round trip of the last one of them. */
  #takeConfirmation(sent: Sent, from: number, chunks: number): void {
    const before = sent.confirmed[from] as number;
    if (chunks <= before) return;
    sent.confirmed[from] = chunks;
    const sentAt = sent.sentAt[from]?.[chunks - 1];
    if (sentAt === undefined) return;
    this.#roundTrips[from]?.add(this.#post.now() - sentAt, sent.again[from]?.has(chunks - 1));
  }

  #confirm({ exchange, from, chunks, total }: Frame, complete: number): void {
    const { group, rank } = this.#limits;
    const head = {
      kind: ACK,
      group,
      from: rank,
      to: from,
      exchange,
      chunk: complete,
      chunks,
      total,
    };
    this.#post.send(from, writeFrame(head, new Uint8Array(0)));
  }

  #sendAgain(sent: Sent, to: number, payload: Uint8Array): void {
    const asked = new Uint32Array(payload.slice().buffer);
    const first = sent.confirmed[to] as number;
    const chunks =
      asked.length > 0 ? asked : Array.from({ length: MAX_ASKED }, (_, i) => first + i);
    // What was not sent yet will be.
    const begun = sent.begun[to] as number;
    for (const chunk of chunks.slice(0, MAX_ASKED)) {
      if (chunk >= begun) continue;
      sent.again[to]?.add(chunk);
      this.#sendChunk(sent, to, chunk);
    }
  }
}
