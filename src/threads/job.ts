/**
 * A job: one call of a kernel, partitioned into units that free threads take one after the other.
 * This file is what the calling thread and the workers have in common: how a job is written into
 * the block of shared memory, and how its units are taken and run.
 *
 * A unit is the call again for a part of its items (elements, rows, columns, heads): another count,
 * and every pointer advanced to where the part begins. What a kernel computes of an item does not
 * depend on the call that it is part of, so no bit depends on how a call is partitioned.
 *
 * Each thread has a range of the units, takes those first, and then what others have not taken: what
 * one call wrote is then mostly read by the thread that wrote it, out of the cache of its own core.
 *
 * Where sums of one item go on in those of another, the items are a grid of blocks, and a unit is
 * one row of it: block (r, c) is computed once (r, c - 1) and (r - 1, c) are. Every sum then has
 * the order that one thread gives it, and threads follow each other across the rows, which are one
 * range for all.
 */

import { MAX_THREADS } from './max-threads.js';

/** Words (i32) of the block that all threads read and write, each on a cache line of its own. */
export const GO = 0;
export const DONE = 16;
export const SLEEPERS = 32;
/** Units of the job, its ranges, and how often a thread that waits looks again before it sleeps. */
export const UNITS = 48;
export const RANGES = 49;
export const SPINS = 50;
/** The next unit of each range. */
const CLAIMS = 256;
const LINE = 16;
/** Number of blocks of each row of a grid that are done. */
const PROGRESS = CLAIMS + LINE * MAX_THREADS;

/** Bits of a claim that number the unit; those above number the job. */
const UNIT_BITS = 12;
export const MAX_UNITS = (1 << UNIT_BITS) - 1;
export const JOBS = 1 << (31 - UNIT_BITS);
/** Value of GO that ends the workers. */
export const END = -1;

/** Where the numbers (f64) of a job begin, and their maximum. */
const NUMBERS = 32;
const MAX_NUMBERS = 80;
/** Index of the first argument among those numbers; the strides follow the arguments. */
const LISTS = 12;
const BYTES = 4 * (PROGRESS + MAX_UNITS + 1);

export interface Job {
  /** Index of the kernel in the list of those that are partitioned. */
  kernel: number;
  items: number;
  /** Items of a unit. */
  grain: number;
  /** Position of the number of items; of a grid, of the first of its four bounds. */
  count: number;
  /** Position of the first item, where `count` is the end of them; or -1. */
  first: number;
  grid: boolean;
  /** True if a grid has no blocks left of the diagonal. */
  upper: boolean;
  /** Position of the scratch, or -1. */
  scratchAt: number;
  /** Scratch of the workers, one after the other. */
  scratch: number;
  scratchBytes: number;
  args: readonly number[];
  /** Pairs: position of a parameter, and bytes from one item to the next. */
  strides: readonly number[];
}

export type Kernel = (...args: number[]) => unknown;

/** The block of shared memory, as words and as numbers. */
export class Block {
  readonly words: Int32Array;
  readonly #numbers: Float64Array;

  constructor(readonly shared: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.words = new Int32Array(shared);
    this.#numbers = new Float64Array(shared, 8 * NUMBERS, MAX_NUMBERS);
  }

  write(job: Job): void {
    const { args, strides } = job;
    const numbers = this.#numbers;
    numbers[0] = job.kernel;
    numbers[1] = job.items;
    numbers[2] = job.grain;
    numbers[3] = job.count;
    numbers[4] = job.first;
    numbers[5] = Number(job.grid);
    numbers[6] = Number(job.upper);
    numbers[7] = job.scratchAt;
    numbers[8] = job.scratch;
    numbers[9] = job.scratchBytes;
    numbers[10] = args.length;
    numbers[11] = strides.length;
    for (let i = 0; i < args.length; i++) numbers[LISTS + i] = args[i] as number;
    const stridesAt = LISTS + args.length;
    for (let i = 0; i < strides.length; i++) numbers[stridesAt + i] = strides[i] as number;
    if (job.grid) this.words.fill(0, PROGRESS, PROGRESS + Math.ceil(job.items / job.grain));
  }

  read(): Job {
    const numbers = this.#numbers;
    const stridesAt = LISTS + (numbers[10] as number);
    return {
      kernel: numbers[0] as number,
      items: numbers[1] as number,
      grain: numbers[2] as number,
      count: numbers[3] as number,
      first: numbers[4] as number,
      grid: numbers[5] === 1,
      upper: numbers[6] === 1,
      scratchAt: numbers[7] as number,
      scratch: numbers[8] as number,
      scratchBytes: numbers[9] as number,
      args: Array.from(numbers.subarray(LISTS, stridesAt)),
      strides: Array.from(numbers.subarray(stridesAt, stridesAt + (numbers[11] as number))),
    };
  }
}

/** Waits until a word has reached a number. */
export type Wait = (words: Int32Array, at: number, target: number) => void;

/** The first unit of a range. */
function startOf(range: number, units: number, ranges: number): number {
  return Math.floor((range * units) / ranges);
}

/** Takes a unit of a job's range, or returns -1 if none remains, or there is another job. */
function claim(words: Int32Array, id: number, range: number): number {
  const at = CLAIMS + LINE * range;
  for (;;) {
    const word = Atomics.load(words, at);
    const unit = word & MAX_UNITS;
    if (word >> UNIT_BITS !== id) return -1;
    const end = startOf(range + 1, Atomics.load(words, UNITS), Atomics.load(words, RANGES));
    if (unit >= end) return -1;
    if (Atomics.compareExchange(words, at, word, word + 1) === word) return unit;
  }
}

/** Opens a job's units to claims, which `close` had stopped. */
export function open(words: Int32Array, id: number, units: number, ranges: number): void {
  Atomics.store(words, UNITS, units);
  Atomics.store(words, RANGES, ranges);
  for (let range = 0; range < ranges; range++) {
    const next = (id << UNIT_BITS) | startOf(range, units, ranges);
    Atomics.store(words, CLAIMS + LINE * range, next);
  }
}

/** Stops claims, so that a job can be written. */
export function close(words: Int32Array, id: number): void {
  const ranges = Atomics.load(words, RANGES);
  for (let range = 0; range < ranges; range++) {
    Atomics.store(words, CLAIMS + LINE * range, (id << UNIT_BITS) | MAX_UNITS);
  }
}

/**
 * Runs units of a job as long as there are any.
 * @param thread 0 is the one that calls, and has the scratch that the call came with
 * @param job for those who know it, so that they need not read it
 */
export function work(
  block: Block,
  id: number,
  kernels: readonly Kernel[],
  thread: number,
  wait: Wait,
  job?: Job,
): void {
  const { words } = block;
  const ranges = Atomics.load(words, RANGES);
  for (let i = 0; i < ranges; i++) {
    const range = (thread + i) % ranges;
    for (let unit = claim(words, id, range); unit >= 0; unit = claim(words, id, range)) {
      // Only now: a unit that is taken keeps its job from ending.
      job ??= block.read();
      runUnit(job, unit, kernels, thread, words, wait);
      // The calling thread waits for the last one.
      const done = Atomics.add(words, DONE, 1) + 1;
      if (done === Atomics.load(words, UNITS)) Atomics.notify(words, DONE);
    }
  }
}

function runUnit(
  job: Job,
  unit: number,
  kernels: readonly Kernel[],
  thread: number,
  words: Int32Array,
  wait: Wait,
): void {
  const call = job.args.slice();
  if (thread > 0 && job.scratchAt >= 0) {
    call[job.scratchAt] = job.scratch + (thread - 1) * job.scratchBytes;
  }
  const kernel = kernels[job.kernel] as Kernel;
  if (job.grid) runRow(job, unit, kernel, call, words, wait);
  else runPart(job, unit, kernel, call);
}

function runPart(job: Job, unit: number, kernel: Kernel, call: number[]): void {
  const { items, grain, count: position, strides } = job;
  const first = unit * grain;
  const count = Math.min(grain, items - first);
  call[position] = count;
  if (job.first >= 0) {
    call[job.first] = first;
    call[position] = first + count;
  }
  for (let i = 0; i < strides.length; i += 2) {
    const at = strides[i] as number;
    call[at] = (call[at] as number) + first * (strides[i + 1] as number);
  }
  kernel(...call);
}

function runRow(
  { items, grain, count: at, upper, args }: Job,
  unit: number,
  kernel: Kernel,
  call: number[],
  words: Int32Array,
  wait: Wait,
): void {
  const width = args[at + 3] as number;
  call[at] = unit * grain;
  call[at + 1] = Math.min((unit + 1) * grain, items);
  for (let column = upper ? unit : 0; column * grain < width; column++) {
    if (unit > 0) wait(words, PROGRESS + unit - 1, column + 1);
    call[at + 2] = column * grain;
    call[at + 3] = Math.min((column + 1) * grain, width);
    kernel(...call);
    Atomics.store(words, PROGRESS + unit, column + 1);
    Atomics.notify(words, PROGRESS + unit);
  }
}

const pause: () => void = (Atomics as unknown as { pause?: () => void }).pause ?? (() => {});
/** Milliseconds of a nap, which ends earlier if the word changes. */
const NAP = 1;

/**
 * Makes a way to wait: for a while at full speed, then in naps.
 * @param maxNaps gives the number of naps that may pass, asked for when they begin
 * @param timeout is called when they have
 */
export function waiting(maxNaps: () => number, timeout: () => never): Wait {
  let naps = true;
  const nap = (words: Int32Array, at: number, seen: number): void => {
    if (naps) {
      try {
        Atomics.wait(words, at, seen, NAP);
        return;
      } catch {
        // A page's own thread may not sleep.
        naps = false;
      }
    }
    for (const end = Date.now() + NAP; Date.now() < end && Atomics.load(words, at) === seen; );
  };
  return (words, at, target) => {
    for (let spins = words[SPINS] as number; spins > 0; spins--) {
      if (Atomics.load(words, at) >= target) return;
      pause();
    }
    const limit = maxNaps();
    for (let taken = 0; ; taken++) {
      const seen = Atomics.load(words, at);
      if (seen >= target) return;
      if (taken > limit) timeout();
      nap(words, at, seen);
    }
  };
}
