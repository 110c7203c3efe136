/** Options of the ranks of a job, and their checks. */

import { readOptions } from '../../core/options.js';
import { checkPositive, integerIn, rangeError, typeError } from '../../core/validation.js';
import type { NatsConnection } from './connection.js';
import { MAX_RANKS } from './members.js';
import { Seal } from './seal.js';

/** Options of {@link connectRanks}. */
export interface ConnectRanksOptions {
  /** Name of the job, the same for all its ranks and for no other job: letters, digits, `-` and `_`. */
  job: string;
  /** Number of ranks, from 1. */
  ranks: number;
  /**
   * Steps that this process has done: the rank 0 of a new group is one that has done the most.
   * @default 0
   */
  step?: number | undefined;
  /**
   * Milliseconds without a sign after which a rank counts as lost.
   * @default 5000
   */
  timeoutMs?: number | undefined;
  /**
   * Name of this process for the others.
   * @default a random one
   */
  name?: string | undefined;
  /**
   * Bytes of a message at most; a longer one is dropped.
   * @default 2 ** 30
   */
  maxBytes?: number | undefined;
  /**
   * Secret that all ranks share: messages that are not sealed with it (HMAC-SHA256) are dropped, so that
   * other clients of the server cannot make any.
   * @default none
   */
  secret?: string | undefined;
  /** Is told for whom this rank waits, whenever that changes. */
  onWait?: ((message: string) => void) | undefined;
}

/** Facts about ranks over NATS. */
export interface NatsFacts {
  /** Frames and notes that were dropped, as they were damaged or a stranger's. */
  readonly dropped: number;
}

const checkJob = (name: string, argument: string, value: unknown): string => {
  if (typeof value !== 'string') typeError(name, argument, 'a name', value);
  if (!/^[\w-]{1,64}$/.test(value)) {
    rangeError(name, argument, '1 to 64 letters, digits, - and _', value);
  }
  return value;
};

const checkName = (name: string, argument: string, value: unknown): string => {
  if (typeof value !== 'string') typeError(name, argument, 'a name', value);
  return value.replace(/\p{C}/gu, '').slice(0, 200) || 'rank';
};

const checkSecret = (name: string, argument: string, value: unknown): string => {
  if (typeof value !== 'string' || value === '') typeError(name, argument, 'a secret', value);
  return value;
};

/** Checks a connection. */
export function checkConnection(name: string, argument: string, value: unknown): NatsConnection {
  const { publish, subscribe, flush } = (value ?? {}) as Partial<NatsConnection>;
  if ([publish, subscribe, flush].some((method) => typeof method !== 'function')) {
    typeError(name, argument, 'a connection of @nats-io', value);
  }
  return value as NatsConnection;
}

/** Makes a random id of 32 hexadecimal digits. */
export function randomId(): string {
  const { crypto } = globalThis as unknown as {
    crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
  };
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Checks the options of a job. */
export function readJobOptions(options: unknown) {
  const reader = readOptions('connectRanks', options);
  const onWait = reader.optional('onWait', (name, argument, value) => {
    if (typeof value !== 'function') typeError(name, argument, 'a function', value);
    return value as (message: string) => void;
  });
  const secret = reader.optional('secret', checkSecret);
  const read = {
    seal: secret === undefined ? undefined : new Seal(secret),
    job: reader.read('job', checkJob),
    ranks: reader.read('ranks', integerIn(1, MAX_RANKS)),
    step: reader.read('step', integerIn(0), 0),
    timeoutMs: reader.read('timeoutMs', checkPositive, 5000),
    maxBytes: reader.read('maxBytes', integerIn(1, 2 ** 32 - 1), 2 ** 30),
    onWait,
  };
  const id = randomId();
  const name = reader.read('name', checkName, id.slice(0, 8));
  reader.done();
  return { ...read, id, name };
}

/** Checked options of a job. */
export type JobOptions = ReturnType<typeof readJobOptions>;
