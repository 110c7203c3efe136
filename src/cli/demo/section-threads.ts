/**
 * Sections of the demo in threads of their own, as many at a time as there are cores: two sections
 * on one core each take less time than one after the other on two. The numbers are the same.
 */

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { InputError, Interrupted } from '../../terminal/errors.js';
import type { Section, SectionContext, SectionResult } from './section.js';

/** Work of a thread. */
interface ThreadSection {
  nearfarSection: string;
  full: boolean;
  seed: number;
}

/** Message of a thread to the main one. */
type Message =
  | { kind: 'event'; event: string; fields: Readonly<Record<string, unknown>> }
  | { kind: 'progress'; fraction: number }
  | { kind: 'result'; result: SectionResult }
  | { kind: 'failure'; message: string; isInput: boolean };

/** This thread's section, if it runs one of another thread's demo. */
export function threadSection(): ThreadSection | undefined {
  if (isMainThread) return undefined;
  const data = workerData as Partial<ThreadSection> | null | undefined;
  return data?.nearfarSection === undefined ? undefined : (data as ThreadSection);
}

/** Runs this thread's section, and tells the main thread of it. */
export async function runThreadSection(
  { run }: Section,
  { full, seed }: Pick<ThreadSection, 'full' | 'seed'>,
): Promise<void> {
  const post = (message: Message): void => parentPort?.postMessage(message);
  const terminal: SectionContext['terminal'] = {
    event: (event, fields) => post({ kind: 'event', event, fields }),
    transient: () => undefined,
    progress: (section, total, { range: [begin, end] = [0, 1] } = {}) => ({
      step: async (step, loss, fields) => {
        post({ kind: 'event', event: 'step', fields: { section, step, loss, ...fields } });
        post({ kind: 'progress', fraction: begin + ((end - begin) * step) / total });
        await new Promise((resolve) => setImmediate(resolve));
      },
      end: () => undefined,
    }),
  };
  try {
    post({ kind: 'result', result: await run({ full, seed, terminal }) });
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const isInput = error instanceof InputError;
    post({ kind: 'failure', message: isInput ? error.message : message, isInput });
  }
}

export interface SectionThreadsOptions {
  full: boolean;
  seed: number;
  /** Number of sections at a time. */
  threads: number;
  /** Stops all threads. */
  signal: AbortSignal;
  /** Is called with what a section tells programs. */
  onEvent(event: string, fields: Readonly<Record<string, unknown>>): void;
  /** Is called with the fraction of a section that is done. */
  onProgress(section: Section, fraction: number): void;
  /** Is called when a section is done. */
  onResult(section: Section, result: SectionResult): void;
}

/**
 * Runs sections, begun in their order.
 *
 * @throws {Interrupted} at the signal
 */
export async function runInThreads(
  sections: readonly Section[],
  options: SectionThreadsOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const waiting = [...sections];
  const runner = async (): Promise<void> => {
    for (let section = waiting.shift(); section !== undefined; section = waiting.shift()) {
      options.onResult(section, await runInThread(section, { ...options, signal }));
    }
  };
  try {
    await Promise.all(Array.from({ length: options.threads }, runner));
  } finally {
    stop.abort();
  }
}

/** Runs a section in a thread of its own. */
async function runInThread(
  section: Section,
  { full, seed, signal, onEvent, onProgress }: SectionThreadsOptions,
): Promise<SectionResult> {
  if (signal.aborted) throw new Interrupted('interrupted');
  const { name } = section;
  const worker = new Worker(process.argv[1] as string, {
    argv: ['demo', name, '--threads', '1'],
    workerData: { nearfarSection: name, full, seed } satisfies ThreadSection,
  });
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Interrupted('interrupted')));
      worker.on('message', (message: Message) => {
        if (message.kind === 'event') onEvent(message.event, message.fields);
        else if (message.kind === 'progress') onProgress(section, message.fraction);
        else if (message.kind === 'result') resolve(message.result);
        else reject(new (message.isInput ? InputError : Error)(message.message));
      });
      worker.on('error', reject);
      worker.on('exit', (status) => {
        reject(new InputError(`the thread of section ${name} ended early (status ${status})`));
      });
    });
  } finally {
    await worker.terminate();
  }
}
