/** Measures everything that one process can, in the order in which it must be. */

import { measureGrowth } from './growth.js';
import { runtimeName } from './machine.js';
import { measureWorkload, type Plan, selectWorkloads } from './measure-workload.js';
import { measurePeak } from './peak.js';
import { formatSizes, type Growth, type Result, type Run, type StartUp } from './results.js';
import type { Package } from './workloads.js';

export interface MeasureOptions extends Plan {
  /** Measures growth, start-up and call overhead, too. */
  growth: boolean;
  /** Name of the processor, where it is known. */
  cpu?: string | undefined;
  /** Measures start-up, where processes can be started. */
  startUp?: (() => StartUp) | undefined;
  /** Measures the overhead of calls, where the kernels can be reached. */
  callOverhead?: ((nearfar: Package) => AsyncIterable<Result>) | undefined;
}

/** Callbacks that get each part of the result as soon as it is measured. */
export interface Listener {
  /** Called before a measurement with what is measured. */
  start?(what: string): Promise<void> | void;
  peak?(peak: number): void;
  result?(result: Result): void;
  growth?(growth: Growth): void;
  startUp?(time: StartUp): void;
  callOverhead?(result: Result): void;
}

/** Measures peak, growth, start-up, call overhead and the selected workloads. */
export async function measureAll(
  nearfar: Package,
  options: MeasureOptions,
  listener: Listener,
): Promise<Run> {
  const { cpu, threads } = options;
  const build = `nearfar with BITS ${nearfar.api.BITS}`;
  const machine = { runtime: runtimeName(), ...(cpu === undefined ? {} : { cpu }), build, threads };
  const run: Run = { machine, results: [] };
  await listener.start?.('peak');
  const peak = await measurePeak();
  if (peak !== undefined) {
    run.peak = peak;
    listener.peak?.(peak);
  }
  // On one thread until a workload asks for more.
  await nearfar.setThreads(1);
  if (options.growth) {
    // Growth comes first, while the memory is small: see measureGrowth.
    run.growth = [];
    await listener.start?.('growth');
    for await (const growth of measureGrowth(nearfar)) {
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
    for await (const result of options.callOverhead(nearfar)) {
      run.callOverhead.push(result);
      listener.callOverhead?.(result);
    }
  }
  const workloads = selectWorkloads(nearfar, options);
  for (const [i, work] of workloads.entries()) {
    const position = `${i + 1} of ${workloads.length}`;
    await listener.start?.(`${position}: ${work.name}, ${formatSizes(work.sizes)}`);
    const result = await measureWorkload(nearfar, options, work);
    run.results.push(result);
    listener.result?.(result);
  }
  return run;
}
