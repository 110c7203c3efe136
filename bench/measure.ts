/** All that is measured in one process, in the order in which it must be. */

import { type Growth, measureGrowth } from './growth.js';
import { runtimeName } from './machine.js';
import { measureLimit } from './peak.js';
import {
  chosenWork,
  measureWork,
  type Package,
  type Plan,
  type Result,
  type Run,
  type StartUp,
  showSizes,
} from './run.js';

export interface Wish extends Plan {
  /** Whether to measure growth and the border, too. */
  growth: boolean;
  /** The processor, where somebody knows it. */
  cpu?: string | undefined;
  startUp?: (() => StartUp) | undefined;
  /** What calls cost beside their kernels, where the kernels can be reached. */
  border?: ((own: Package) => AsyncIterable<Result>) | undefined;
}

/** Who wants to hear of what is measured as it is. */
export interface Listener {
  begins?(what: string): Promise<void> | void;
  limit?(limit: number): void;
  result?(result: Result): void;
  growth?(growth: Growth): void;
  startUp?(time: StartUp): void;
  border?(result: Result): void;
}

export async function measureAll(own: Package, wish: Wish, listener: Listener): Promise<Run> {
  const { cpu, threads } = wish;
  const build = `nearfar with BITS ${own.api.BITS}`;
  const machine = { runtime: runtimeName(), ...(cpu === undefined ? {} : { cpu }), build, threads };
  const run: Run = { machine, results: [] };
  await listener.begins?.('limit');
  const limit = await measureLimit();
  if (limit !== undefined) {
    run.limit = limit;
    listener.limit?.(limit);
  }
  // On one thread up to where the work asks for more.
  await own.setThreads(1);
  if (wish.growth) {
    // First, while the memory is small: see there.
    run.growth = [];
    await listener.begins?.('growth');
    for await (const growth of measureGrowth(own)) {
      run.growth.push(growth);
      listener.growth?.(growth);
    }
  }
  if (wish.growth && wish.startUp !== undefined) {
    await listener.begins?.('start-up');
    run.startUp = wish.startUp();
    listener.startUp?.(run.startUp);
  }
  if (wish.growth && wish.border !== undefined) {
    run.border = [];
    await listener.begins?.('border');
    for await (const result of wish.border(own)) {
      run.border.push(result);
      listener.border?.(result);
    }
  }
  const works = chosenWork(own, wish);
  for (const [i, work] of works.entries()) {
    const place = `${i + 1} of ${works.length}`;
    await listener.begins?.(`${place}: ${work.name}, ${showSizes(work.sizes)}`);
    const result = await measureWork(own, wish, work);
    run.results.push(result);
    listener.result?.(result);
  }
  return run;
}
