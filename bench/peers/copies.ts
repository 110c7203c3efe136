/**
 * The control for several threads: so many copies of ours, each in a worker with a memory of its
 * own, on one thread, all at once. They share nothing but the machine, so no work that is cut among
 * as many threads can be expected to gain more than they do.
 */

import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { Candidate } from '../interleave.js';
import { selectWorkloads } from '../measure-workload.js';
import { sourcePackage } from '../source-package.js';
import type { Peer } from './peer.js';

/** What a copy is asked for, one at a time: to get some work ready, to do it, what that gave. */
type Request =
  | { prepare: string; sizes: Readonly<Record<string, number>> }
  | { run: number }
  | { outputs: true };

/** @param program the file that runs `serveCopy` when it is started as a worker */
export function copiesPeer(count: number, program: string): Peer {
  const workers = Array.from({ length: count }, () => new Worker(new URL(program)));
  const ask = async (request: Request): Promise<unknown[]> => {
    const answers = workers.map((worker) => once(worker, 'message'));
    for (const worker of workers) worker.postMessage(request);
    return (await Promise.all(answers)).flat();
  };
  const name = `${count} copies that share nothing`;
  return {
    name,
    async prepare(operation, sizes): Promise<Candidate> {
      await ask({ prepare: operation, sizes });
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

/** Whether this is the program of a copy. */
export const isCopy = !isMainThread;

/** What a copy does: it answers one request after the other until it is ended. */
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
