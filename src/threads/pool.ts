/** Threads that wait for jobs: the one that calls, and workers over the same memory. */

import { allocate, free } from '../core/memory.js';
import {
  Block,
  close,
  DONE,
  END,
  GO,
  JOBS,
  type Job,
  type Kernel,
  MAX_UNITS,
  open,
  SLEEPERS,
  SPINS,
  type Wait,
  waiting,
  work,
} from './job.js';
import { ITEM, type Partition } from './partition.js';
import { processors, type Start, startWorker, type Worker } from './start.js';

/** Parts of a call per thread, so that others take over the parts of one that is held up. */
const PARTS_PER_THREAD = 8;
/** Minimum nanoseconds of work of a part: to take one costs about a tenth of it. */
const MIN_PART_NS = 10_000;
/** Number of looks for work before a thread sleeps: about a millisecond of them. */
const MAX_SPINS = 50_000;
/** Milliseconds, plus ten times those of this thread's parts, after which unfinished parts are lost. */
const TIMEOUT_MS = 10_000;

/** Maximum of the backlog, in nanoseconds. */
const MAX_BACKLOG_NS = 1e8;

export class Pool {
  readonly #block: Block;
  readonly #workers: readonly Worker[];
  readonly #kernels: readonly Kernel[];
  readonly #wait: Wait;
  #job = 0;
  /** Milliseconds that this thread's parts of the current job took. */
  #tookMs = 0;
  /** Nanoseconds of work that recent calls have brought, less those that passed between them. */
  #backlog = 0;
  /** When the last call ended. */
  #ended = 0;

  /**
   * Starts so many threads, or as many as the runtime gives.
   * @param kernels those that are partitioned, as this thread calls them, in the order of the names
   * @param onFailure is called if a worker fails
   */
  static async start(
    threads: number,
    script: string,
    setup: Omit<Start, 'shared' | 'thread'>,
    kernels: readonly Kernel[],
    onFailure: (reason: string) => void,
  ): Promise<Pool> {
    const block = new Block();
    block.words[SPINS] = threads <= processors() ? MAX_SPINS : 0;
    const starts = Array.from({ length: threads - 1 }, (_, i) =>
      startWorker(script, { ...setup, shared: block.shared, thread: i + 1 }, onFailure),
    );
    const workers = (await Promise.all(starts)).filter((worker) => worker !== undefined);
    return new Pool(block, workers, kernels, onFailure);
  }

  private constructor(
    block: Block,
    workers: readonly Worker[],
    kernels: readonly Kernel[],
    onFailure: (reason: string) => void,
  ) {
    this.#block = block;
    this.#workers = workers;
    this.#kernels = kernels;
    this.#wait = waiting(
      () => TIMEOUT_MS + 10 * this.#tookMs,
      () => {
        onFailure('in the middle of its work');
        throw new Error('nearfar: a thread has died in the middle of its work, which is lost');
      },
    );
  }

  get threads(): number {
    return this.#workers.length + 1;
  }

  /**
   * Runs a call of a kernel, which takes about so many nanoseconds on one thread, on all threads.
   * @param wakeFrom nanoseconds of work from which sleeping threads are woken: to wake one can take
   *   half a millisecond, and the system may first give it the core of the thread that calls
   */
  run(
    kernel: number,
    args: readonly number[],
    partition: Partition,
    nanoseconds: number,
    wakeFrom: number,
  ): void {
    const { count, step, strides = [], grid = false, upper = false } = partition;
    const items = args[grid ? count + 1 : count] as number;
    const perThread = Math.min(
      partition.partsPerThread ?? PARTS_PER_THREAD,
      nanoseconds / MIN_PART_NS / this.threads,
    );
    const parts = Math.min(MAX_UNITS, Math.floor(Math.max(1, perThread) * this.threads));
    const grain = grid ? step : step * Math.ceil(items / step / parts);
    const units = Math.ceil(items / grain);
    const columns = grid ? Math.ceil((args[count + 3] as number) / grain) : units;
    if (concurrency(units, columns, upper) < 2 || !this.#shouldShare(nanoseconds, wakeFrom)) {
      this.#kernels[kernel]?.(...args);
      this.#ended = Date.now();
      return;
    }
    const scratchBytes = partition.scratch?.bytes ?? 0;
    // Whole lines of the cache, so that no two threads write to one.
    const perWorker = Math.ceil(scratchBytes / 64) * 64;
    const scratch = perWorker > 0 ? allocate(perWorker * this.#workers.length) : 0;
    try {
      this.#publish(units, {
        kernel,
        items,
        grain,
        count,
        first: partition.first ?? -1,
        grid,
        upper,
        scratchAt: partition.scratch?.at ?? -1,
        scratch,
        scratchBytes: perWorker,
        args,
        strides: activeStrides(args, strides),
      });
    } finally {
      if (scratch !== 0) free(scratch);
    }
  }

  /** Tells whether a thread is awake, or enough work has come to wake some for what may follow. */
  #shouldShare(nanoseconds: number, wakeFrom: number): boolean {
    const between = 1e6 * (Date.now() - this.#ended);
    this.#backlog = Math.min(MAX_BACKLOG_NS, Math.max(0, this.#backlog - between) + nanoseconds);
    const asleep = Atomics.load(this.#block.words, SLEEPERS);
    return asleep < this.#workers.length || this.#backlog >= wakeFrom;
  }

  #publish(units: number, job: Job): void {
    const { words } = this.#block;
    this.#job = (this.#job + 1) % JOBS;
    close(words, this.#job);
    this.#block.write(job);
    Atomics.store(words, DONE, 0);
    open(words, this.#job, units, job.grid ? 1 : this.threads);
    Atomics.store(words, GO, this.#job);
    if (Atomics.load(words, SLEEPERS) > 0) Atomics.notify(words, GO);
    const start = Date.now();
    work(this.#block, this.#job, this.#kernels, 0, this.#wait, job);
    this.#tookMs = Date.now() - start;
    this.#wait(words, DONE, units);
    this.#ended = Date.now();
  }

  /** Ends the workers. */
  end(): void {
    const { words } = this.#block;
    Atomics.store(words, GO, END);
    Atomics.notify(words, GO);
    for (const worker of this.#workers) worker.stop();
  }
}

/** Number of blocks of a grid that can be computed at once: each needs those before and above it. */
function concurrency(rows: number, columns: number, upper: boolean): number {
  return Math.min(upper ? Math.ceil(rows / 2) : rows, columns);
}

/** Strides without those of pointers of 0, which stand for nothing; an index may well be 0. */
function activeStrides(args: readonly number[], strides: readonly number[]): number[] {
  const active: number[] = [];
  for (let i = 0; i < strides.length; i += 2) {
    const [position, bytes] = [strides[i] as number, strides[i + 1] as number];
    if (bytes <= ITEM || args[position] !== 0) active.push(position, bytes);
  }
  return active;
}
