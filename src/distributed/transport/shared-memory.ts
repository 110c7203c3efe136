/**
 * Ranks that are threads of one machine: messages go through shared memory.
 *
 * Every rank has two boxes, which it writes alternately. A round is: write a box, meet the others at a
 * barrier, read the boxes of the others. No box is written again before all have passed the next
 * barrier, and so have read it. A message larger than a box takes several rounds.
 */

import { milliseconds } from '../../core/clock.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import { turn } from '../../core/turn.js';
import { checkPositive, integerIn, type NoOptions, typeError } from '../../core/validation.js';
import { Collectives, type Messages } from './collectives.js';
import { type Communicator, RankLostError } from './communicator.js';

/** Shared memory of some ranks, which `postMessage` or `workerData` takes to their threads. */
export interface RankShare {
  /** Number of ranks. */
  readonly size: number;
  /** Bytes of a box. */
  readonly boxBytes: number;
  /** The memory. */
  readonly buffer: SharedArrayBuffer;
}

/** Options of {@link shareRanks}. */
export interface RankShareOptions {
  /**
   * Bytes that a rank sends at a time, from 1024; each rank takes twice as many.
   * @default 2 ** 20
   */
  boxBytes?: number | undefined;
}

/** Options of {@link joinRanks}. */
export interface JoinRanksOptions {
  /**
   * Milliseconds after which a rank counts as lost that does not come to where the others wait.
   * @default 600_000
   */
  timeoutMs?: number | undefined;
}

/** Ranks at most. */
export const MAX_RANKS = 1024;

/** Positions of the control words (i32). */
const ARRIVED = 0;
const GENERATION = 1;
/** 1 and the number of a rank that has failed. */
const FAILED = 2;
/** Rounds of each rank follow. */
const ROUNDS = 4;

/** Looks for the others before a thread sleeps. */
const SPINS = 2000;
/** Milliseconds that a thread sleeps before its event loop gets a turn. */
const SLEEP_MS = 20;

/** Words of a box's head: 1 if there is a message for each rank, else 0; the length of each. */
const headWords = (size: number): number => 2 * Math.ceil((1 + size) / 2);

const controlWords = (size: number): number => ROUNDS + 2 * Math.ceil(size / 2);

const boxStart = ({ size, boxBytes }: RankShare, rank: number, parity: number): number =>
  4 * controlWords(size) + (2 * rank + parity) * (4 * headWords(size) + boxBytes);

/**
 * Makes the shared memory through which ranks in threads of this machine exchange messages.
 *
 * @param size number of ranks, from 1
 * @param options boxBytes
 * @returns memory for `joinRanks`, which can be posted to other threads
 * @throws {TypeError | RangeError} if an argument is not valid
 * @example const share = shareRanks(2); new Worker(url, { workerData: { share, rank: 1 } });
 */
export function shareRanks(size: number, options?: RankShareOptions): RankShare {
  const count = integerIn(1, MAX_RANKS)('shareRanks', 'size', size);
  const reader = readOptions('shareRanks', options);
  const boxBytes = 8 * Math.ceil(reader.read('boxBytes', integerIn(1024, 2 ** 28), 2 ** 20) / 8);
  reader.done();
  const bytes = boxStart({ size: count, boxBytes } as RankShare, count, 0);
  return { size: count, boxBytes, buffer: new SharedArrayBuffer(bytes) };
}

function checkShare(name: string, share: unknown): RankShare {
  const { size, boxBytes, buffer } = (share ?? {}) as Partial<RankShare>;
  const isShared = typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;
  if (!isShared || size === undefined || boxBytes === undefined) {
    typeError(name, 'share', 'a result of shareRanks', share);
  }
  return { size, boxBytes, buffer };
}

/**
 * Joins the ranks of a machine as one of them.
 *
 * @param share result of `shareRanks`
 * @param rank number of this rank, from 0; each once
 * @param options timeoutMs
 * @returns communicator for `trainRanks`
 * @throws {TypeError | RangeError} if an argument is not valid
 * @example const communicator = joinRanks(workerData.share, workerData.rank);
 */
export function joinRanks(
  share: RankShare,
  rank: number,
  options?: JoinRanksOptions,
): Communicator {
  const own = checkShare('joinRanks', share);
  const number = integerIn(0, own.size - 1)('joinRanks', 'rank', rank);
  const reader = readOptions('joinRanks', options);
  const timeoutMs = reader.read('timeoutMs', checkPositive, 600_000);
  reader.done();
  return new SharedMemoryRanks(own, number, timeoutMs);
}

/**
 * Tells the ranks of a machine that one of them has failed, as its thread can't any more: all that
 * wait for it stop.
 *
 * @param share result of `shareRanks`
 * @param rank number of the rank that has failed
 * @param options none
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function failRank(share: RankShare, rank: number, options?: NoOptions): void {
  checkNoOptions('failRank', options);
  const own = checkShare('failRank', share);
  const number = integerIn(0, own.size - 1)('failRank', 'rank', rank);
  const control = new Int32Array(own.buffer, 0, controlWords(own.size));
  Atomics.compareExchange(control, FAILED, 0, number + 1);
  Atomics.add(control, GENERATION, 1);
  Atomics.notify(control, GENERATION);
}

/** A message that comes in pieces. */
interface Incoming {
  bytes: Uint8Array;
  /** Where it begins in what its rank sends. */
  start: number;
  /** All that its rank sends. */
  total: number;
}

class SharedMemoryRanks extends Collectives {
  readonly rank: number;
  readonly size: number;
  readonly traffic = { sent: 0, received: 0, waited: 0 };
  readonly #share: RankShare;
  readonly #timeoutMs: number;
  readonly #control: Int32Array;
  #round = 0;
  #closed = false;
  /** False where the thread must not sleep, as that of a page. */
  #sleeps = true;

  constructor(share: RankShare, rank: number, timeoutMs: number) {
    super();
    this.rank = rank;
    this.size = share.size;
    this.#share = share;
    this.#timeoutMs = timeoutMs;
    this.#control = new Int32Array(share.buffer, 0, controlWords(share.size));
  }

  protected async exchange(messages: Messages): Promise<readonly Uint8Array[]> {
    const { size, rank } = this;
    const { boxBytes } = this.#share;
    const parts = messages instanceof Uint8Array ? [messages] : messages;
    const total = parts.reduce((sum, { length }) => sum + length, 0);
    const incoming: Incoming[] = [];
    let rounds = 1;
    for (let round = 0; round < rounds; round++) {
      const parity = this.#round % 2;
      const { head, data } = this.#box(rank, parity);
      head[0] = messages instanceof Uint8Array ? 0 : 1;
      parts.forEach(({ length }, i) => {
        head[1 + i] = length;
      });
      writePiece(data, parts, round * boxBytes);
      const start = milliseconds();
      await this.#meet();
      this.traffic.waited += milliseconds() - start;
      for (let from = 0; from < size; from++) {
        const box = this.#box(from, parity);
        incoming[from] ??= this.#announced(box.head);
        const { bytes, start, total } = incoming[from] as Incoming;
        rounds = Math.max(rounds, Math.ceil(total / boxBytes));
        readPiece(bytes, start, box.data, round * boxBytes);
      }
    }
    const received = incoming.reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.traffic.sent += (total * (size - 1)) / (messages instanceof Uint8Array ? 1 : size);
    this.traffic.received += received - (incoming[rank] as Incoming).bytes.length;
    return incoming.map(({ bytes }) => bytes);
  }

  /** The message for this rank that a box's head announces. */
  #announced(head: Int32Array): Incoming {
    const { size, rank } = this;
    const isForEach = head[0] === 1;
    const lengths = Array.from(head.subarray(1, isForEach ? 1 + size : 2));
    const own = isForEach ? rank : 0;
    const sum = (to: number): number => lengths.slice(0, to).reduce((a, b) => a + b, 0);
    const bytes = new Uint8Array(lengths[own] as number);
    return { bytes, start: sum(own), total: sum(lengths.length) };
  }

  #box(rank: number, parity: number): { head: Int32Array; data: Uint8Array } {
    const { buffer, boxBytes } = this.#share;
    const start = boxStart(this.#share, rank, parity);
    const words = headWords(this.size);
    return {
      head: new Int32Array(buffer, start, words),
      data: new Uint8Array(buffer, start + 4 * words, boxBytes),
    };
  }

  /** Waits until all ranks are here. */
  async #meet(): Promise<void> {
    if (this.#closed) throw new Error('the communicator was closed');
    const control = this.#control;
    const generation = Atomics.load(control, GENERATION);
    this.#checkFailed();
    this.#round++;
    Atomics.store(control, ROUNDS + this.rank, this.#round);
    if (Atomics.add(control, ARRIVED, 1) === this.size - 1) {
      Atomics.store(control, ARRIVED, 0);
      Atomics.add(control, GENERATION, 1);
      Atomics.notify(control, GENERATION);
      return;
    }
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(control, GENERATION) !== generation) break;
    }
    const start = Date.now();
    while (Atomics.load(control, GENERATION) === generation) {
      this.#sleep(generation);
      if (Atomics.load(control, GENERATION) !== generation) break;
      if (Date.now() - start > this.#timeoutMs) throw this.#timeout();
      await turn();
    }
    this.#checkFailed();
  }

  #sleep(generation: number): void {
    if (!this.#sleeps) return;
    try {
      Atomics.wait(this.#control, GENERATION, generation, SLEEP_MS);
    } catch {
      this.#sleeps = false;
    }
  }

  #checkFailed(): void {
    const failed = Atomics.load(this.#control, FAILED);
    if (failed > 0) throw new RankLostError([failed - 1], `rank ${failed - 1} has ended`);
  }

  #timeout(): RankLostError {
    const missing: number[] = [];
    for (let rank = 0; rank < this.size; rank++) {
      if (Atomics.load(this.#control, ROUNDS + rank) < this.#round) missing.push(rank);
    }
    const seconds = Math.round(this.#timeoutMs / 100) / 10;
    return new RankLostError(
      missing,
      `rank ${missing.join(', ')} did not come to where the others wait, for ${seconds} s`,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}

/** Writes to a box what of the joined messages begins at `from`. */
function writePiece(data: Uint8Array, parts: readonly Uint8Array[], from: number): void {
  let start = 0;
  for (const part of parts) {
    const begin = Math.max(0, from - start);
    const end = Math.min(part.length, from + data.length - start);
    if (begin < end) data.set(part.subarray(begin, end), start + begin - from);
    start += part.length;
  }
}

/** Reads what of a message that begins at `start` is in a box whose content begins at `from`. */
function readPiece(bytes: Uint8Array, start: number, data: Uint8Array, from: number): void {
  const begin = Math.max(start, from);
  const end = Math.min(start + bytes.length, from + data.length);
  if (begin < end) bytes.set(data.subarray(begin - from, end - from), begin - start);
}
