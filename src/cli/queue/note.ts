/** Notes about jobs of encoding: who writes one, of which model it is, and how far it has come. */

import type { Seal } from '../../distributed/nats/seal.js';

/** State of a job: at work, left by the process that wrote it, or done. */
export type JobState = 'open' | 'left' | 'done';

/** A note about a job. */
export interface JobNote {
  /** Hash of all that changes its bits, 32 hexadecimal digits. */
  job: string;
  /** Name that --job gives; empty for none. */
  name: string;
  /** Hash of the model and of what it is asked for. */
  model: string;
  /** Id of the process that writes the rows, and its name for people. */
  writer: string;
  host: string;
  rows: number;
  /** Rows that are there. */
  done: number;
  state: JobState;
}

/** Bytes of a note at most. */
const MAX_BYTES = 4096;
const HEX = /^[0-9a-f]{32}$/;
const MAX_TEXT = 256;

export function writeNote(seal: Seal, note: JobNote): Uint8Array {
  return seal.close(new TextEncoder().encode(JSON.stringify(note)));
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= MAX_TEXT;

/** Reads a note; undefined if it is none, or damaged. */
export function readNote(seal: Seal, message: Uint8Array): JobNote | undefined {
  if (message.length > MAX_BYTES) return undefined;
  const bytes = seal.open(message);
  if (bytes === undefined) return undefined;
  let note: Partial<Record<keyof JobNote, unknown>>;
  try {
    note = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof note !== 'object' || note === null) return undefined;
  const { job, name, model, writer, host, rows, done, state } = note;
  if (![job, model, writer].every((id) => typeof id === 'string' && HEX.test(id))) return undefined;
  if (!isText(name) || !isText(host) || !isCount(rows) || !isCount(done)) return undefined;
  if (!['open', 'left', 'done'].includes(state as string)) return undefined;
  const shown = (host as string).replace(/\p{C}/gu, '');
  return { job, name, model, writer, rows, done, state, host: shown } as JobNote;
}
