/**
 * The queue of an encoding that machines share, in JetStream: a work queue of pieces, one of rows, and a
 * stream with the last note of each job, by which one process at a time writes the rows.
 */

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type {
  Consumer,
  ConsumerConfig,
  JetStreamClient,
  JetStreamManager,
  JsMsg,
  jetstream,
  jetstreamManager,
  StreamConfig,
} from '@nats-io/jetstream';
import { Seal } from '../../distributed/nats/seal.js';
import { InputError } from '../../terminal/errors.js';
import type { Terminal } from '../../terminal/progress.js';
import {
  type Connection,
  connectNats,
  environment,
  importOptional,
  NATS_PACKAGE,
} from '../ranks/nats.js';
import { type JobNote, readNote, writeNote } from './note.js';

type JetStream = { jetstream: typeof jetstream; jetstreamManager: typeof jetstreamManager };
const PACKAGE = '@nats-io/jetstream';

const NOTES = 'nearfar-encode';
const noteSubject = (job: string): string => `nearfar.encode.job.${job}`;
const NANOS = 1_000_000;

/** Milliseconds after which the process that writes a job counts as lost, and between its notes. */
export const LEASE_MS = 8000;
export const RENEW_MS = 1000;
/** Milliseconds after which a piece whose worker is silent goes to another, and between its signs. */
const ACK_WAIT_MS = 20_000;
export const WORKING_MS = 5000;
/** Milliseconds that an answer of the server may take, and that a message is waited for. */
const TIMEOUT_MS = 4000;
const EXPIRES_MS = 1000;
const RETRY_MS = 300;
/** Milliseconds for which the server may answer with errors before one gives up. */
const MAX_ERRORS_MS = 30_000;
/** Milliseconds for which pieces are kept that no worker takes. */
const MAX_AGE_MS = 24 * 3600 * 1000;
/** Bytes of a message at most, and what NATS itself takes of the server's limit. */
const MAX_BYTES = 900_000;
const NATS_BYTES = 1024;

/** The two queues of a job. */
export type QueueName = 'pieces' | 'rows';

const subjectOf = (job: string, queue: QueueName): string => `nearfar.encode.${job}.${queue}`;
const streamOf = (job: string, queue: QueueName): string => `nearfar-${job}-${queue}`;

/** Waits a while. */
export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const codeOf = (error: unknown): number | undefined => (error as { code?: number }).code;
const WRONG_SEQUENCE = [10071, 10164];
const NO_MESSAGE = 10037;

/** Tells that a process is one of this machine and is not there any more. */
function hasEnded(host: string | undefined): boolean {
  const [name, pid] = host?.split(':') ?? [];
  if (name !== hostname() || pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** A promise that fails if it takes too long. */
function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error('the server does not answer')), ms);
  });
  promise.catch(() => undefined);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The queues of a server. */
export class Queue {
  readonly seal: Seal;
  /** This process. */
  readonly id = randomBytes(16).toString('hex');
  readonly host = `${hostname()}:${process.pid}`;
  /** Bytes of a message at most. */
  readonly maxBytes: number;
  /** Messages that were dropped, as they were damaged or a stranger's. */
  dropped = 0;
  /** True once the work is to end. */
  stopped = false;
  /** Error of this process itself, which no repetition mends. */
  fault: unknown;
  readonly #url: string;
  readonly #terminal: Terminal;
  readonly #connection: Connection;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #heard = new Map<string, { note: JobNote; at: number }>();
  #said = '';

  private constructor(
    url: string,
    terminal: Terminal,
    connection: Connection,
    client: JetStreamClient,
    manager: JetStreamManager,
  ) {
    this.#url = url.replace(/\/\/[^@/]*@/, '//…@');
    this.#terminal = terminal;
    this.#connection = connection;
    this.#client = client;
    this.#manager = manager;
    this.seal = new Seal(environment('SECRET', 'NEARFAR') ?? '');
    const limit = connection.info?.max_payload ?? 2 ** 20;
    this.maxBytes = Math.min(MAX_BYTES, limit - NATS_BYTES);
    connection.subscribe(noteSubject('*'), {
      callback: (error, { data }) => {
        if (error !== null) return;
        const note = readNote(this.seal, data);
        if (note === undefined) this.dropped++;
        else this.#heard.set(note.job, { note, at: Date.now() });
      },
    });
  }

  /**
   * Connects to a server with JetStream.
   *
   * @throws {InputError} if it is not there, or has none
   */
  static async connect(url: string, terminal: Terminal): Promise<Queue> {
    const { jetstream, jetstreamManager } = await importOptional<JetStream>(PACKAGE, [
      NATS_PACKAGE,
    ]);
    const connection = await connectNats(url);
    try {
      const nats = connection as unknown as Parameters<typeof jetstream>[0];
      const manager = await jetstreamManager(nats, { timeout: TIMEOUT_MS });
      const client = jetstream(nats, { timeout: TIMEOUT_MS });
      const queue = new Queue(url, terminal, connection, client, manager);
      await queue.#addStream(NOTES, [noteSubject('*')], {
        retention: 'limits',
        max_msgs_per_subject: 1,
        max_age: LEASE_MS * NANOS,
        max_msg_size: 8192,
      });
      return queue;
    } catch (error) {
      await connection.close();
      const { name, message } = error as Error;
      const reason =
        name === 'JetStreamNotEnabled' || codeOf(error) === 503 || /not enabled/i.test(message)
          ? 'the server has no JetStream: start it with nats-server -js'
          : message;
      throw new InputError(`--nats ${url.replace(/\/\/[^@/]*@/, '//…@')}: ${reason}`);
    }
  }

  async #addStream(name: string, subjects: string[], config: object): Promise<void> {
    const all = { name, subjects, storage: 'file', discard: 'old', num_replicas: 1, ...config };
    try {
      await this.#manager.streams.add(all as unknown as StreamConfig & { name: string });
    } catch (error) {
      // Another version of the program may have made it, in another way.
      if (!/already in use/.test((error as Error).message)) throw error;
    }
  }

  /** Tells people what is waited for, once. */
  say(message: string): void {
    if (this.#said === message) return;
    this.#said = message;
    this.#terminal.line(message);
    this.#terminal.event('waiting', { message });
  }

  /**
   * Repeats something until the server has done it.
   *
   * @throws {InputError} if it answers with errors for too long
   */
  async persist<T>(body: () => Promise<T>): Promise<T | undefined> {
    let since = Number.POSITIVE_INFINITY;
    while (!this.stopped) {
      const start = Date.now();
      try {
        return await body();
      } catch (error) {
        if (this.fault !== undefined) throw this.fault;
        if (error instanceof InputError) throw error;
        // Errors after work that went well are new ones.
        since = Date.now() - start > MAX_ERRORS_MS / 2 ? Date.now() : Math.min(since, Date.now());
        const isAnswer = codeOf(error) !== undefined && codeOf(error) !== 503;
        if (isAnswer && Date.now() - since > MAX_ERRORS_MS) {
          throw new InputError(`--nats ${this.#url}: ${(error as Error).message}`);
        }
        if (this.#connection.isClosed()) {
          throw new InputError(`--nats ${this.#url}: the connection was closed`);
        }
        if (!isAnswer && Date.now() - since > TIMEOUT_MS / 2) {
          this.say('the NATS server does not answer: waiting for it');
        }
        await pause(RETRY_MS);
      }
    }
    return undefined;
  }

  /** Notes that were heard of late. */
  notes(): JobNote[] {
    const since = Date.now() - LEASE_MS;
    return [...this.#heard.values()].flatMap(({ note, at }) => (at > since ? [note] : []));
  }

  /** The last note of a job; undefined if none was heard of late. */
  noteOf(job: string): JobNote | undefined {
    return this.notes().find((note) => note.job === job);
  }

  async #lastNote(job: string): Promise<{ seq: number; note: JobNote | undefined }> {
    try {
      const found = await this.#manager.streams.getMessage(NOTES, {
        last_by_subj: noteSubject(job),
      });
      if (found === null) return { seq: 0, note: undefined };
      return { seq: found.seq, note: readNote(this.seal, found.data) };
    } catch (error) {
      if (codeOf(error) === NO_MESSAGE || codeOf(error) === 404) return { seq: 0, note: undefined };
      throw error;
    }
  }

  /**
   * Claims to write a job, or to go on writing it: only if no other process does.
   *
   * @param again also if another process has written it all
   * @returns the note of the other process, or undefined if this one writes
   */
  async claim(note: JobNote, again = false): Promise<JobNote | undefined> {
    for (;;) {
      const { seq, note: last } = await this.#lastNote(note.job);
      const isFree =
        last?.state === 'left' || (again && last?.state === 'done') || hasEnded(last?.host);
      if (last !== undefined && last.writer !== note.writer && !isFree) return last;
      try {
        await this.#client.publish(noteSubject(note.job), writeNote(this.seal, note), {
          expect: { lastSubjectSequence: seq },
        });
        return undefined;
      } catch (error) {
        if (!WRONG_SEQUENCE.includes(codeOf(error) ?? 0)) throw error;
      }
    }
  }

  /** Makes the queues of a job, with no piece in them; rows that have come stay. */
  async open(job: string): Promise<void> {
    for (const name of ['pieces', 'rows'] as const) {
      const stream = streamOf(job, name);
      await this.#addStream(stream, [subjectOf(job, name)], {
        retention: 'workqueue',
        max_age: MAX_AGE_MS * NANOS,
      });
      await this.#manager.consumers.add(stream, {
        durable_name: 'workers',
        ack_policy: 'explicit',
        ack_wait: ACK_WAIT_MS * NANOS,
        max_ack_pending: 10_000,
      } as ConsumerConfig);
    }
    await this.#manager.streams.purge(streamOf(job, 'pieces'));
  }

  /** Removes the queues of a job that is done. */
  async remove(job: string): Promise<void> {
    for (const name of ['pieces', 'rows'] as const) {
      await this.#manager.streams.delete(streamOf(job, name)).catch(() => undefined);
    }
  }

  async publish(job: string, queue: QueueName, message: Uint8Array): Promise<void> {
    await this.#client.publish(subjectOf(job, queue), message);
  }

  consumer(job: string, queue: QueueName): Promise<Consumer> {
    return within(TIMEOUT_MS, this.#client.consumers.get(streamOf(job, queue), 'workers'));
  }

  /** The next message of a queue; null if there is none for a second. */
  next(consumer: Consumer): Promise<JsMsg | null> {
    return within(EXPIRES_MS + TIMEOUT_MS, consumer.next({ expires: EXPIRES_MS }));
  }

  /** Messages of a queue, as many as come within a second, up to a number. */
  async *fetch(consumer: Consumer, max: number): AsyncGenerator<JsMsg, void, void> {
    const messages = await within(
      TIMEOUT_MS,
      consumer.fetch({ max_messages: max, expires: EXPIRES_MS }),
    );
    const iterator = messages[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await within(EXPIRES_MS + TIMEOUT_MS, iterator.next());
        if (done === true) return;
        yield value;
      }
    } finally {
      messages.stop();
    }
  }

  async close(): Promise<void> {
    if (!this.#connection.isClosed()) await this.#connection.close();
  }
}
