/**
 * Ranks that are threads of this process. The main thread is rank 0; the others run the same command in
 * worker threads, write nothing and print nothing.
 */

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import {
  type Communicator,
  failRank,
  joinRanks,
  RankLostError,
  type RankShare,
  shareRanks,
} from '../../distributed/index.js';
import { InputError } from '../../terminal/errors.js';

/** Milliseconds that a rank may take for a step, as none is lost without a sign. */
const TIMEOUT_MS = 24 * 3600 * 1000;

/** Message to a thread that is a rank. */
interface ThreadRank {
  nearfarRank: number;
  share: RankShare;
}

/** This thread's rank, if it is one of a run in another thread. */
export function threadRank(): ThreadRank | undefined {
  if (isMainThread) return undefined;
  const data = workerData as Partial<ThreadRank> | null | undefined;
  return data?.nearfarRank === undefined ? undefined : (data as ThreadRank);
}

/** Tells the main thread why this rank has failed. */
export function reportFailure(message: string): void {
  parentPort?.postMessage({ failed: message });
}

/** Ranks of one run. */
export interface Ranks {
  communicator: Communicator;
  /** Is told of ranks that were lost and may come back. */
  onLost?(error: RankLostError): void;
  /** Describes the failure of a rank for people, if the error is one. */
  explain(error: unknown): unknown;
  /** Ends the other ranks. */
  end(): Promise<void>;
}

/** Joins a run that has begun in another thread. */
export function joinThread({ share, nearfarRank }: ThreadRank): Ranks {
  return {
    communicator: joinRanks(share, nearfarRank, { timeoutMs: TIMEOUT_MS }),
    explain: (error) => error,
    end: async () => undefined,
  };
}

/** Starts the other ranks, with the arguments of this process. */
export function startThreads(size: number): Ranks {
  const share = shareRanks(size);
  const failures = new Map<number, string>();
  let ended = false;
  const workers = Array.from({ length: size - 1 }, (_, i) => {
    const rank = i + 1;
    const worker = new Worker(process.argv[1] as string, {
      argv: process.argv.slice(2),
      workerData: { nearfarRank: rank, share },
    });
    worker.on('message', (message: { failed?: string }) => {
      if (message.failed === undefined) return;
      failures.set(rank, message.failed);
      if (!ended) failRank(share, rank);
    });
    worker.on('error', (error) => {
      failures.set(rank, (error as Error).message);
      if (!ended) failRank(share, rank);
    });
    worker.on('exit', (status) => {
      if (status !== 0 && !ended) failRank(share, rank);
    });
    return worker;
  });
  return {
    communicator: joinRanks(share, 0, { timeoutMs: TIMEOUT_MS }),
    explain(error) {
      if (!(error instanceof RankLostError)) return error;
      const reasons = error.ranks.flatMap((rank) => failures.get(rank) ?? []);
      return new InputError([error.message, ...reasons].join(': '));
    },
    async end() {
      ended = true;
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
