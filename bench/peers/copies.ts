/**
 * The control for several threads: so many copies of ours, each in a worker with its own memory, on
 * one thread, all at the same time. They share nothing but the machine, so no operation that is
 * partitioned among as many threads can gain more than they do.
 */

import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Candidate } from '../interleave.js';
import { selectWorkloads } from '../measure-workload.js';
import { sourcePackage } from '../source-package.js';
import type { Peer } from './peer.js';

/** Data of the worker of a copy. */
const COPY = { nearfarCopy: true };

/** Requests to a copy: prepare a workload, run it, return its results. */
type Request =
  | { prepare: string; sizes: Readonly<Record<string, number>> }
  | { run: number }
  | { outputs: true };

/**
 * Starts the copies.
 *
 * @param program URL of the file that calls `runCopy` when it is started as a worker
 */
export function copiesPeer(count: number, program: string): Peer {
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL(program), { workerData: COPY }),
  );
  const ask = async (request: Request): Promise<unknown[]> => {
    const answers = workers.map((worker) => once(worker, 'message'));
    for (const worker of workers) worker.postMessage(request);
    return (await Promise.all(answers)).flat();
  };
  const name = `${count} copies that share nothing`;
  return {
    name,
    async prepare(operation, sizes): Promise<Candidate | undefined> {
      const prepared = await ask({ prepare: operation, sizes });
      // Sentence encoders are known in the first process alone.
      if (!prepared.every(Boolean)) return undefined;
      return {
        name,
        async run(times) {
          const start = performance.now();
          await ask({ run: times });
          return (performance.now() - start) / count;
        },
        outputs: async () => (await ask({ outputs: true }))[0] as ReturnType<Candidate['outputs']>,
      };
    },
    close() {
      for (const worker of workers) void worker.terminate();
    },
  };
}

/** True in the worker of a copy; other threads of the program have other data. */
export const isCopy =
  !isMainThread && (workerData as Partial<typeof COPY> | null | undefined)?.nearfarCopy === true;

/** Runs a copy: answers one request after the other until the worker is terminated. */
export function runCopy(): void {
  let candidate: Candidate | undefined;
  const answer = async (request: Request): Promise<unknown> => {
    if ('prepare' in request) {
      const wanted = selectWorkloads(sourcePackage, {
        name: request.prepare,
        largest: Number.POSITIVE_INFINITY,
      });
      const sizes = JSON.stringify(request.sizes);
      const work = wanted.find(
        (each) => each.name === request.prepare && JSON.stringify(each.sizes) === sizes,
      );
      candidate = work?.ours(work.inputs());
      return candidate !== undefined;
    }
    return 'run' in request ? candidate?.run(request.run) : candidate?.outputs();
  };
  parentPort?.on('message', async (request: Request) => {
    parentPort?.postMessage(await answer(request));
  });
}
