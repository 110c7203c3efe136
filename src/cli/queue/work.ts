/** Encoding pieces of a job that another process writes. */

import type { JsMsg } from '@nats-io/jetstream';
import { InputError } from '../../terminal/errors.js';
import type { Terminal } from '../../terminal/progress.js';
import type { RowEncoder } from '../models/model.js';
import { type Piece, type PieceRows, readPiece, writeRows } from './messages.js';
import type { JobNote } from './note.js';
import { type Queue, RENEW_MS, WORKING_MS } from './queue.js';

/** Milliseconds within which a process that writes a job is heard of. */
const FIRST_NOTE_MS = 3 * RENEW_MS;

/** Encodes a piece. An error of it is one of the process, as no other piece would mend it. */
export async function encodePiece(
  queue: Queue,
  encoder: RowEncoder,
  { index, inputs, hash }: Omit<Piece, 'count'>,
): Promise<PieceRows> {
  try {
    return { index, hash, matrix: await encoder.encode(inputs, async () => undefined) };
  } catch (error) {
    const isInput = error instanceof RangeError || error instanceof TypeError;
    queue.fault = isInput ? new InputError(`encode: ${error.message}`) : error;
    throw error;
  }
}

/** Options of taking pieces. */
export interface TakeOptions {
  /** Takes the rows of a piece, and resolves when they are safe. */
  deliver(rows: PieceRows): Promise<void>;
  /** Tells that no more pieces are wanted. */
  isOver(): boolean;
  /** Tells that the rows of a piece are there. */
  isKnown?(index: number): boolean;
  /** Called when no piece has come for a second. */
  onIdle?(): Promise<void>;
}

/** Takes pieces of a job one after the other; the next one comes while one is at work. */
export async function takePieces(
  queue: Queue,
  job: string,
  encoder: RowEncoder,
  { deliver, isOver, isKnown, onIdle }: TakeOptions,
): Promise<void> {
  const consumer = await queue.consumer(job, 'pieces');
  let next: Promise<JsMsg | null> | undefined;
  try {
    while (!isOver()) {
      const message = await (next ?? queue.next(consumer));
      next = undefined;
      if (message === null) {
        await onIdle?.();
        continue;
      }
      const piece = readPiece(queue.seal, job, message.data);
      if (piece === undefined) {
        // No process can use it.
        queue.dropped++;
        message.term();
        continue;
      }
      if (isKnown?.(piece.index)) {
        message.ack();
        continue;
      }
      if (isOver()) {
        message.nak();
        break;
      }
      next = queue.next(consumer);
      next.catch(() => undefined);
      const timer = setInterval(() => message.working(), WORKING_MS);
      try {
        await deliver(await encodePiece(queue, encoder, piece));
      } finally {
        clearInterval(timer);
      }
      // Only now: if this process is killed before, another one gets the piece.
      message.ack();
    }
  } finally {
    // What came ahead is for others.
    next?.then((message) => message?.nak()).catch(() => undefined);
  }
}

/** Work of a process for a job. */
export interface WorkDone {
  pieces: number;
  rows: number;
  /** State of the job at the end; undefined if the process that writes it is silent. */
  state: JobNote['state'] | undefined;
}

/** Works for a job until it is done, or the process that writes it is lost. */
export async function workFor(
  queue: Queue,
  encoder: RowEncoder,
  { job, rows, host }: JobNote,
  terminal: Terminal,
): Promise<WorkDone> {
  queue.say(`job ${job.slice(0, 16)}: encoding for ${host}, which writes the rows`);
  const start = Date.now();
  const progress = terminal.progress('encode', rows, { unit: { name: 'rows', perStep: 1 } });
  const total = { pieces: 0, rows: 0 };
  const stateNow = (): WorkDone['state'] => queue.noteOf(job)?.state;
  const isOver = (): boolean => {
    const state = stateNow();
    // It may be a moment until the first note comes.
    const isSilent = state === undefined && Date.now() - start > FIRST_NOTE_MS;
    return queue.stopped || isSilent || (state !== undefined && state !== 'open');
  };
  let shown = -1;
  // The progress is that of the whole job.
  const timer = setInterval(() => {
    const done = queue.noteOf(job)?.done ?? -1;
    if (done <= shown) return;
    shown = done;
    progress.step(done).catch(() => undefined);
  }, 200);
  try {
    while (!isOver()) {
      await queue.persist(async () => {
        if (isOver()) return;
        await takePieces(queue, job, encoder, {
          async deliver(found) {
            const message = writeRows(queue.seal, job, found);
            await queue.persist(() => queue.publish(job, 'rows', message));
            total.pieces++;
            total.rows += found.matrix.rows;
          },
          isOver,
        });
      });
    }
    const state = stateNow();
    if (state === 'done') await progress.step(rows);
    return { ...total, state };
  } finally {
    clearInterval(timer);
    progress.end();
  }
}
