/**
 * The program of a worker: it takes units of the jobs that the calling thread publishes, and sleeps
 * in between. The build makes one script of it, which workers are started from as text.
 */

import { builtin } from '../core/builtin.js';
import { Block, END, GO, type Kernel, SLEEPERS, SPINS, waiting, work } from './job.js';
import type { Start } from './start.js';

interface Port {
  postMessage(message: unknown): void;
  onmessage: (event: { data: Start }) => void;
}

function begin({ memory, codes, names, shared, thread }: Start, ready: () => void): void {
  const exports = codes.map((code) => {
    const module = new WebAssembly.Module(code);
    return new WebAssembly.Instance(module, { env: { memory } }).exports;
  });
  const kernels = names.map((name) => exports.find((table) => name in table)?.[name] as Kernel);
  const block = new Block(shared);
  const { words } = block;
  const never = waiting(
    () => Number.POSITIVE_INFINITY,
    () => {
      throw new Error('a thread waits forever');
    },
  );
  ready();
  for (let id = 0; ; ) {
    id = nextJob(words, id);
    if (id === END) return;
    work(block, id, kernels, thread, never);
  }
}

/** Waits for another job than the last. */
function nextJob(words: Int32Array, last: number): number {
  for (let spins = words[SPINS] as number; spins > 0; spins--) {
    const id = Atomics.load(words, GO);
    if (id !== last) return id;
  }
  Atomics.add(words, SLEEPERS, 1);
  Atomics.wait(words, GO, last);
  Atomics.sub(words, SLEEPERS, 1);
  return Atomics.load(words, GO);
}

type Listener = (start: Start) => void;
const threads = builtin<{
  parentPort: {
    once(event: 'message', listener: Listener): void;
    postMessage: Port['postMessage'];
  };
}>('node:worker_threads');
if (threads) {
  const { parentPort } = threads;
  parentPort.once('message', (start) => begin(start, () => parentPort.postMessage('ready')));
} else {
  const port = globalThis as unknown as Port;
  port.onmessage = ({ data }) => begin(data, () => port.postMessage('ready'));
}
