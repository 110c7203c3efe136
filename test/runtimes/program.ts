/**
 * The program that every runtime runs, through the installed package: all hashes, on one thread
 * and on several where there are any, sentence encoders, and how training behaves in an event loop.
 */

import { loadEnglish } from 'nearfar/english';
import { setThreads } from 'nearfar/threads';
import { api } from '../../bench/built-package.js';
import { type Hash, hashes, hashOperation } from '../../bench/operations/hash.js';
import { operations } from '../../bench/operations/index.js';
import { systems } from '../../bench/operations/models.js';
import { observeSentence, type SentenceResult } from './sentence.js';

export interface Result {
  hashes: Hash[];
  training: TrainingBehavior[];
  sentence: SentenceResult;
  threads: Threads[];
}

/** Results of the operations on several threads, all of them partitioned, however small. */
interface Threads {
  asked: number;
  running: number;
  /** Operations with other bits than on one thread. */
  different: string[];
}

/** Behavior of a model's training in an event loop that has other work. */
interface TrainingBehavior {
  name: string;
  /** A timer ticked during training. */
  ticks: boolean;
  /** The step that was the last because a signal fired after it. */
  lastStep: number;
  /** Bytes in use after the loop ended and the model was disposed of, minus those before. */
  leakedBytes: number;
}

async function observeTraining({
  name,
  start,
}: (typeof systems)[number]): Promise<TrainingBehavior> {
  const before = api.nn.bytesInUse();
  const { model, train } = start(api);
  const abort = new AbortController();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  let lastStep = 0;
  for await (const { step } of train({ steps: 40, signal: abort.signal })) {
    lastStep = step;
    if (step === 20) abort.abort();
  }
  clearInterval(timer);
  for await (const { step } of train({ steps: 40 })) if (step === 3) break;
  model.dispose();
  return { name, ticks: ticks > 2, lastStep, leakedBytes: api.nn.bytesInUse() - before };
}

async function onThreads(asked: number, one: readonly Hash[]): Promise<Threads> {
  const running = await setThreads(asked, { minWorkNs: 0 });
  const different = operations
    .filter((row, i) => hashOperation(api, row).hash !== one[i]?.hash)
    .map(({ name }) => name);
  await setThreads(1);
  return { asked, running, different };
}

export default async function program(): Promise<Result> {
  const sentence = await observeSentence();
  const result: Result = { hashes: [], training: [], sentence, threads: [] };
  for (const system of systems) result.training.push(await observeTraining(system));
  for await (const hash of hashes(api, loadEnglish)) result.hashes.push(hash);
  for (const asked of [2, 5]) result.threads.push(await onThreads(asked, result.hashes));
  return result;
}
