/**
 * The time, on any runtime. Hosts round it, or let it pass only between turns of the event loop, so
 * that nobody spies by it; how fine it is decides how long a round must be.
 */

export interface Clock {
  /** Milliseconds since some moment. */
  now(): number | Promise<number>;
  /** The shortest time that it tells apart, in milliseconds. */
  resolution: number;
}

const SOME_WORK = 5e6;
const SAMPLES = 5;

/** A turn for whatever else there is to do. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

const read = (): number => performance.now();
const readLater = async (): Promise<number> => {
  await nextTask();
  return read();
};

/** Whether time stands still while something is computed. */
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

async function start(): Promise<Clock> {
  const now = freezesDuringWork() ? readLater : read;
  return { now, resolution: await measureResolution(now) };
}

let clock: Promise<Clock> | undefined;

/** The one clock of this process. */
export function getClock(): Promise<Clock> {
  clock ??= start();
  return clock;
}
