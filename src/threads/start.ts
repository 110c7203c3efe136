/** Workers on every runtime: the worker threads of Node, Deno and Bun, the Web Workers of a page. */

/** What a worker begins with. */
export interface Start {
  memory: WebAssembly.Memory;
  /** The modules, for shared memory. */
  codes: readonly Uint8Array[];
  /** Names of the kernels that are cut, as jobs number them. */
  names: readonly string[];
  /** Block of shared memory through which jobs go. */
  shared: SharedArrayBuffer;
  /** 1 and up; 0 is the thread that calls. */
  thread: number;
}

/** A running worker. */
export interface Worker {
  /** Ends it, which is no death. */
  stop(): void;
}

/** Node's module of a name, where the runtime has Node's modules: nothing here imports one. */
export function builtin<T>(name: string): T | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name) as T | undefined;
}

/** What Node's workers and a page's have in common, and what only one of them has. */
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
  // What this process was told to load first is none of a worker's business.
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

/** How many threads can run at once, as far as the runtime says. */
export function processors(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  if (navigator?.hardwareConcurrency !== undefined) return navigator.hardwareConcurrency;
  return builtin<{ availableParallelism(): number }>('node:os')?.availableParallelism() ?? 1;
}

/**
 * Starts a worker; undefined where that can't be done. It keeps no program from ending.
 * @param onDeath is called if it dies later
 */
export async function startWorker(
  script: string,
  start: Start,
  onDeath: (reason: string) => void,
): Promise<Worker | undefined> {
  try {
    const inner = create(script);
    if (inner === undefined) return undefined;
    let hear: ((reason: string) => void) | undefined;
    const die = (reason: string): void => {
      hear?.(reason);
      hear = undefined;
    };
    const begun = new Promise<void>((resolve, reject) => {
      hear = (reason) => reject(new Error(reason));
      inner.on?.('message', () => resolve());
      inner.onmessage = () => resolve();
    });
    inner.on?.('error', (error) => die(String(error)));
    inner.on?.('exit', (status) => die(`it ended with status ${status}`));
    inner.onerror = ({ message }) => die(message ?? 'it failed');
    inner.postMessage(start);
    await begun;
    hear = onDeath;
    inner.unref?.();
    return {
      stop() {
        hear = undefined;
        inner.terminate();
      },
    };
  } catch {
    return undefined;
  }
}
