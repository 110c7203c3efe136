/** Writing the rows of a job: pieces go out, rows come in, in any order and maybe twice. */

import type { Terminal } from '../../terminal/progress.js';
import type { RowEncoder } from '../models/model.js';
import { type PieceRows, readRows, writePiece } from './messages.js';
import type { JobNote } from './note.js';
import type { Pieces } from './pieces.js';
import { pause, type Queue, RENEW_MS } from './queue.js';
import type { RowRange, RowsFile } from './rows-file.js';
import { encodePiece, takePieces } from './work.js';

/** Pieces that are out at a time, and rows that are fetched at once. */
const WINDOW = 128;
const FETCHED = 16;

/** Result of a job. */
export interface Written {
  /** Pieces that other processes have encoded, and rows that came twice. */
  byOthers: number;
  repeated: number;
  /** Note of a process that has taken the job over, as this one was silent for too long. */
  lostTo: JobNote | undefined;
}

/** Writes the rows of a job as they come, and encodes pieces itself. */
export class JobWriter {
  readonly #queue: Queue;
  readonly #encoder: RowEncoder;
  readonly #pieces: Pieces;
  readonly #file: RowsFile;
  readonly #note: Omit<JobNote, 'done' | 'state'>;
  /** Pieces that are out, in order. */
  readonly #out = new Set<number>();
  readonly #written: Written = { byOthers: 0, repeated: 0, lostTo: undefined };
  #error: unknown;

  constructor(
    queue: Queue,
    encoder: RowEncoder,
    pieces: Pieces,
    file: RowsFile,
    note: Omit<JobNote, 'done' | 'state'>,
  ) {
    this.#queue = queue;
    this.#encoder = encoder;
    this.#pieces = pieces;
    this.#file = file;
    this.#note = note;
  }

  get #isComplete(): boolean {
    return this.#file.pieces === this.#pieces.ranges.length;
  }

  #isOver = (): boolean =>
    this.#isComplete ||
    this.#queue.stopped ||
    this.#error !== undefined ||
    this.#written.lostTo !== undefined;

  note(state: JobNote['state']): JobNote {
    return { ...this.#note, done: this.#file.rows, state };
  }

  /** Works until all rows are there. */
  async run(terminal: Terminal): Promise<Written> {
    const { rows } = this.#note;
    const progress = terminal.progress('encode', rows, { unit: { name: 'rows', perStep: 1 } });
    const guard = (body: () => Promise<void>): Promise<void> =>
      body().catch((error: unknown) => {
        this.#error ??= error;
      });
    const show = async (): Promise<void> => {
      for (let shown = 0; !this.#isOver(); await pause(100)) {
        if (this.#file.rows === shown) continue;
        shown = this.#file.rows;
        await progress.step(shown);
      }
    };
    try {
      await Promise.all([
        guard(show),
        guard(() => this.#renew()),
        guard(() => this.#send()),
        guard(() => this.#receive()),
        guard(() => this.#help()),
      ]);
      if (this.#error !== undefined) throw this.#error;
      if (this.#isComplete) await progress.step(rows);
      return this.#written;
    } finally {
      progress.end();
    }
  }

  /** Says that this process still writes the job. */
  async #renew(): Promise<void> {
    while (!this.#isOver()) {
      await pause(RENEW_MS);
      const other = await this.#queue.persist(() => this.#queue.claim(this.note('open')));
      if (other !== undefined) this.#written.lostTo = other;
    }
  }

  /** Sends pieces that are not there, a window of them at a time. */
  async #send(): Promise<void> {
    const { job } = this.#note;
    const { ranges, large } = this.#pieces;
    await this.#queue.persist(async () => {
      // Whatever was out: it is there, or goes out once more.
      this.#out.clear();
      await this.#queue.open(job);
      for (let index = 0; index < ranges.length; index++) {
        if (this.#file.has(index) || large.has(index)) continue;
        while (this.#out.size >= WINDOW && !this.#isOver()) await pause(10);
        if (this.#isOver()) return;
        this.#out.add(index);
        const message = writePiece(this.#queue.seal, job, index, this.#pieces.contentOf(index));
        await this.#queue.publish(job, 'pieces', message);
      }
    });
  }

  async #receive(): Promise<void> {
    const { job } = this.#note;
    while (!this.#isOver()) {
      await this.#queue.persist(async () => {
        const consumer = await this.#queue.consumer(job, 'rows');
        while (!this.#isOver()) {
          for await (const message of this.#queue.fetch(consumer, FETCHED)) {
            const rows = readRows(this.#queue.seal, job, message.data);
            if (rows === undefined || !this.#fits(rows)) {
              this.#queue.dropped++;
              message.term();
              continue;
            }
            if (this.#take(rows)) this.#written.byOthers++;
            message.ack();
          }
        }
      });
    }
  }

  /** Tells whether rows are those of a piece of this job. */
  #fits({ index, hash, matrix }: PieceRows): boolean {
    const range: RowRange | undefined = this.#pieces.ranges[index];
    if (range?.count !== matrix.rows || matrix.cols !== this.#file.cols) return false;
    return Buffer.from(this.#pieces.hashes[index] as Uint8Array).equals(hash);
  }

  /** Writes the rows of a piece; false if they are there. */
  #take({ index, matrix }: PieceRows): boolean {
    this.#out.delete(index);
    if (this.#file.has(index)) {
      this.#written.repeated++;
      return false;
    }
    this.#file.write(index, matrix.data);
    return true;
  }

  /** Encodes pieces as a worker does; and what is too large to send, or stays out at the end. */
  async #help(): Promise<void> {
    while (!this.#isOver()) {
      await this.#queue.persist(() =>
        takePieces(this.#queue, this.#note.job, this.#encoder, {
          deliver: async (rows) => {
            if (this.#fits(rows)) this.#take(rows);
          },
          isOver: this.#isOver,
          isKnown: (index) => this.#file.has(index),
          onIdle: async () => {
            const index = this.#firstLarge() ?? this.#out.values().next().value;
            if (index === undefined || this.#file.has(index)) return;
            const hash = this.#pieces.hashes[index] as Uint8Array;
            const inputs = this.#pieces.inputsOf(index);
            const rows = await encodePiece(this.#queue, this.#encoder, { index, inputs, hash });
            this.#take(rows);
          },
        }),
      );
    }
  }

  #firstLarge(): number | undefined {
    for (const index of this.#pieces.large) if (!this.#file.has(index)) return index;
    return undefined;
  }
}
