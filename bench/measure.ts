/** All that is measured in one process, in the order in which it must be. */

import { type Growth, measureGrowth } from './growth.js';
import { runtimeName } from './machine.js';
import { measurePeak } from './peak.js';
import {
  formatSizes,
  measureWorkload,
  type Package,
  type Plan,
  type Result,
  type Run,
  type StartUp,
  selectWorkloads,
} from './run.js';

export interface MeasureOptions extends Plan {
  /** Whether to measure growth and the border, too. */
  growth: boolean;
  /** The processor, where somebody knows it. */
  cpu?: string | undefined;
  startUp?: (() => StartUp) | undefined;
  /** What calls cost beside their kernels, where the kernels can be reached. */
  callOverhead?: ((own: Package) => AsyncIterable<Result>) | undefined;
}

/** Who wants to hear of what is measured as it is. */
export interface Listener {
  start?(what: string): Promise<void> | void;
  peak?(peak: number): void;
  result?(result: Result): void;
  growth?(growth: Growth): void;
  startUp?(time: StartUp): void;
  callOverhead?(result: Result): void;
}

export async function measureAll(
  own: Package,
  options: MeasureOptions,
  listener: Listener,
): Promise<Run> {
  const { cpu, threads } = options;
  const build = `nearfar with BITS ${own.api.BITS}`;
  const machine = { runtime: runtimeName(), ...(cpu === undefined ? {} : { cpu }), build, threads };
  const run: Run = { machine, results: [] };
  await listener.start?.('peak');
  const peak = await measurePeak();
  if (peak !== undefined) {
    run.peak = peak;
    listener.peak?.(peak);
  }
  // On one thread up to where the work asks for more.
  await own.setThreads(1);
  if (options.growth) {
    // First, while the memory is small: see there.
    run.growth = [];
    await listener.start?.('growth');
    for await (const growth of measureGrowth(own)) {
      run.growth.push(growth);
      listener.growth?.(growth);
    }
  }
  if (options.growth && options.startUp !== undefined) {
    await listener.start?.('start-up');
    run.startUp = options.startUp();
    listener.startUp?.(run.startUp);
  }
  if (options.growth && options.callOverhead !== undefined) {
    run.callOverhead = [];
    await listener.start?.('call overhead');
    for await (const result of options.callOverhead(own)) {
      run.callOverhead.push(result);
      listener.callOverhead?.(result);
    }
  }
  const works = selectWorkloads(own, options);
  for (const [i, work] of works.entries()) {
    const place = `${i + 1} of ${works.length}`;
    await listener.start?.(`${place}: ${work.name}, ${formatSizes(work.sizes)}`);
    const result = await measureWorkload(own, options, work);
    run.results.push(result);
    listener.result?.(result);
  }
  return run;
}
