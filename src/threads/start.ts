/** Workers on every runtime: the worker threads of Node, Deno and Bun, the Web Workers of a page. */

import { builtin } from '../core/builtin.js';

/** Message that a worker starts with. */
export interface Start {
  memory: WebAssembly.Memory;
  /** The modules, for shared memory. */
  codes: readonly Uint8Array[];
  /** Names of the kernels that are partitioned, in the order in which jobs number them. */
  names: readonly string[];
  /** Block of shared memory through which jobs go. */
  shared: SharedArrayBuffer;
  /** 1 and up; 0 is the thread that calls. */
  thread: number;
}

/** A running worker. */
export interface Worker {
  /** Ends it, which is not a failure. */
  stop(): void;
}

/** The members of Node's workers and of a page's, some of which only one of them has. */
interface AnyWorker {
  postMessage(message: unknown): void;
  terminate(): unknown;
  on?(event: string, listener: (value: unknown) => void): void;
  unref?(): void;
  onmessage?: () => void;
  onerror?: (event: { message?: string }) => void;
}
type WorkerClass = new (source: string, options?: object) => AnyWorker;

/** Makes a worker that runs a script, or gives undefined where there are none. */
function create(script: string): AnyWorker | undefined {
  const threads = builtin<{ Worker: WorkerClass }>('node:worker_threads');
  // A worker needs none of the modules that this process was told to load first.
  if (threads) return new threads.Worker(script, { eval: true, execArgv: [] });
  const page = globalThis as unknown as {
    Worker?: WorkerClass;
    Blob: new (parts: string[], options: { type: string }) => object;
    URL: { createObjectURL(blob: object): string };
  };
  if (page.Worker === undefined) return undefined;
  const blob = new page.Blob([script], { type: 'text/javascript' });
  return new page.Worker(page.URL.createObjectURL(blob));
}

/** Number of threads that can run at once, as far as the runtime says. */
export function processors(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  if (navigator?.hardwareConcurrency !== undefined) return navigator.hardwareConcurrency;
  return builtin<{ availableParallelism(): number }>('node:os')?.availableParallelism() ?? 1;
}

/**
 * Starts a worker; undefined where that can't be done. It keeps no program from ending.
 * @param onFailure is called if it fails later
 */
export async function startWorker(
  script: string,
  start: Start,
  onFailure: (reason: string) => void,
): Promise<Worker | undefined> {
  try {
    const inner = create(script);
    if (inner === undefined) return undefined;
    let report: ((reason: string) => void) | undefined;
    const fail = (reason: string): void => {
      report?.(reason);
      report = undefined;
    };
    const ready = new Promise<void>((resolve, reject) => {
      report = (reason) => reject(new Error(reason));
      inner.on?.('message', () => resolve());
      inner.onmessage = () => resolve();
    });
    inner.on?.('error', (error) => fail(String(error)));
    inner.on?.('exit', (status) => fail(`it ended with status ${status}`));
    inner.onerror = ({ message }) => fail(message ?? 'it failed');
    inner.postMessage(start);
    await ready;
    report = onFailure;
    inner.unref?.();
    return {
      stop() {
        report = undefined;
        inner.terminate();
      },
    };
  } catch {
    return undefined;
  }
}
