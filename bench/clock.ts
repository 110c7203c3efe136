/**
 * Reads the time on any runtime. Hosts round it, or let it pass only between turns of the event
 * loop, as a defense against timing attacks; the resolution decides how long a round must be.
 */

export interface Clock {
  /** Milliseconds since some moment. */
  now(): number | Promise<number>;
  /** Shortest time that it tells apart, in milliseconds. */
  resolution: number;
}

/** Iterations that take longer than any clock's resolution. */
const SOME_WORK = 5e6;
const SAMPLES = 5;

/** Waits for the next task of the event loop. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

const read = (): number => performance.now();
const readInNextTask = async (): Promise<number> => {
  await nextTask();
  return read();
};

/** Tells whether time stands still during a computation, as in workerd. */
function freezesDuringWork(): boolean {
  const start = read();
  let sum = 0;
  for (let i = 0; i < SOME_WORK; i++) sum += i & 1;
  return sum > 0 && read() === start;
}

async function measureResolution(now: Clock['now']): Promise<number> {
  const steps: number[] = [];
  let last = await now();
  while (steps.length < SAMPLES) {
    const time = await now();
    if (time > last) steps.push(time - last);
    last = time;
  }
  return Math.min(...steps);
}

async function createClock(): Promise<Clock> {
  const now = freezesDuringWork() ? readInNextTask : read;
  return { now, resolution: await measureResolution(now) };
}

let clock: Promise<Clock> | undefined;

/** Returns the clock of this process. */
export function getClock(): Promise<Clock> {
  clock ??= createClock();
  return clock;
}
