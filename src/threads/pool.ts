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
  MOST_UNITS,
  open,
  SLEEPERS,
  SPINS,
  type Wait,
  waiting,
  work,
} from './job.js';
import { type Cut, ITEM } from './partition.js';
import { processors, type Start, startWorker, type Worker } from './start.js';

/** Parts of a call for each thread, so that one that is held up leaves its share to others. */
const PARTS = 8;
/** Nanoseconds of work that a part should have at least: to take one costs about a tenth of it. */
const LEAST_PART = 10_000;
/** How often a thread looks again before it sleeps: for about a millisecond. */
const PATIENCE = 50_000;
/** Milliseconds after which a part that nobody ends is lost, beside ten times what one took here. */
const LOST = 10_000;

/** Nanoseconds of calls that are remembered at most. */
const MOST_OWED = 1e8;

export class Pool {
  readonly #block: Block;
  readonly #workers: readonly Worker[];
  readonly #kernels: readonly Kernel[];
  readonly #wait: Wait;
  #job = 0;
  /** Milliseconds that the own share of the job at hand took. */
  #took = 0;
  /** Nanoseconds of work that calls have brought of late, less those that passed between them. */
  #owed = 0;
  /** When the last call ended. */
  #ended = 0;

  /**
   * Starts so many threads, or as many as the runtime gives.
   * @param kernels those that are cut, as this thread calls them, in the order of the setting's names
   * @param onDeath is called if a worker dies
   */
  static async start(
    threads: number,
    script: string,
    setting: Omit<Start, 'shared' | 'thread'>,
    kernels: readonly Kernel[],
    onDeath: (reason: string) => void,
  ): Promise<Pool> {
    const block = new Block();
    block.words[SPINS] = threads <= processors() ? PATIENCE : 0;
    const starts = Array.from({ length: threads - 1 }, (_, i) =>
      startWorker(script, { ...setting, shared: block.shared, thread: i + 1 }, onDeath),
    );
    const workers = (await Promise.all(starts)).filter((worker) => worker !== undefined);
    return new Pool(block, workers, kernels, onDeath);
  }

  private constructor(
    block: Block,
    workers: readonly Worker[],
    kernels: readonly Kernel[],
    onDeath: (reason: string) => void,
  ) {
    this.#block = block;
    this.#workers = workers;
    this.#kernels = kernels;
    this.#wait = waiting(
      () => LOST + 10 * this.#took,
      () => {
        onDeath('in the middle of its work');
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
    cut: Cut,
    nanoseconds: number,
    wakeFrom: number,
  ): void {
    const { at, step, moves = [], grid = false, upper = false } = cut;
    const items = args[grid ? at + 1 : at] as number;
    const each = Math.max(1, Math.min(cut.parts ?? PARTS, nanoseconds / LEAST_PART / this.threads));
    const parts = Math.min(MOST_UNITS, Math.floor(each * this.threads));
    const grain = grid ? step : step * Math.ceil(items / step / parts);
    const units = Math.ceil(items / grain);
    const columns = grid ? Math.ceil((args[at + 3] as number) / grain) : units;
    if (abreast(units, columns, upper) < 2 || !this.#worthIt(nanoseconds, wakeFrom)) {
      this.#kernels[kernel]?.(...args);
      this.#ended = Date.now();
      return;
    }
    const scratchBytes = cut.scratch?.bytes ?? 0;
    // Whole lines of the cache, so that no two threads write to one.
    const room = Math.ceil(scratchBytes / 64) * 64;
    const scratch = room > 0 ? allocate(room * this.#workers.length) : 0;
    try {
      this.#publish(units, {
        kernel,
        items,
        grain,
        at,
        first: cut.first ?? -1,
        grid,
        upper,
        scratchAt: cut.scratch?.at ?? -1,
        scratch,
        scratchBytes: room,
        args,
        moves: moving(args, moves),
      });
    } finally {
      if (scratch !== 0) free(scratch);
    }
  }

  /** Whether a thread is awake, or there has been enough work to wake some for what may follow. */
  #worthIt(nanoseconds: number, wakeFrom: number): boolean {
    const between = 1e6 * (Date.now() - this.#ended);
    this.#owed = Math.min(MOST_OWED, Math.max(0, this.#owed - between) + nanoseconds);
    const asleep = Atomics.load(this.#block.words, SLEEPERS);
    return asleep < this.#workers.length || this.#owed >= wakeFrom;
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
    this.#took = Date.now() - start;
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

/** Blocks of a grid that can be computed at once, where each needs those before and above it. */
function abreast(rows: number, columns: number, upper: boolean): number {
  return Math.min(upper ? Math.ceil(rows / 2) : rows, columns);
}

/** Without pointers of 0, which stand for nothing: only numbers of items begin there. */
function moving(args: readonly number[], moves: readonly number[]): number[] {
  const left: number[] = [];
  for (let i = 0; i < moves.length; i += 2) {
    const [place, bytes] = [moves[i] as number, moves[i + 1] as number];
    if (bytes <= ITEM || args[place] !== 0) left.push(place, bytes);
  }
  return left;
}
