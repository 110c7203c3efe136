/** PyTorch and NumPy, each in a Python process that waits while other candidates run. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import type { Candidate } from '../interleave.js';
import type { Numbers, Outputs } from '../operations/operation.js';
import type { Inputs } from '../workloads.js';
import type { Missing, Peer } from './peer.js';
import program from './python.py';

/** Variables for the number of threads; which one counts depends on the BLAS library. */
const THREADS = ['OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS'];

interface Answer {
  peers?: Record<string, string>;
  ready?: true;
  ms?: number;
  outputs?: Record<string, string>;
}

class Python {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #gone: Promise<never>;

  constructor(command: string, threads: number) {
    const numbers = Object.fromEntries(THREADS.map((name) => [name, String(threads)]));
    this.#child = spawn(command, ['-c', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...numbers, TOKENIZERS_PARALLELISM: String(threads > 1) },
    });
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#gone = new Promise((_, reject) => {
      const end = (): void => reject(new Error('the Python process has ended'));
      this.#child.once('error', end).once('exit', end);
    });
    this.#gone.catch(() => {});
  }

  async ask(request: object): Promise<Answer> {
    const answer = once(this.#lines, 'line');
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const [line] = await Promise.race([answer, this.#gone]);
    return JSON.parse(line);
  }

  close(): void {
    this.#child.stdin?.end();
  }
}

/** Inputs that only this process can use. */
const LOCAL_ONLY = ['model', 'text', 'images'];

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

function sent(inputs: Inputs): Inputs {
  const entries = Object.entries(inputs).filter(([key]) => !LOCAL_ONLY.includes(key));
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (value instanceof Uint8Array) return [key, base64(value)];
      if (typeof value !== 'object' || value === null || !('rows' in value)) return [key, value];
      const { data, rows, cols, shape = [rows, cols] } = value as Numbers;
      return [key, { shape, data: base64(Float32Array.from(data)) }];
    }),
  );
}

function received(outputs: Record<string, string>): Outputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([key, data]) => {
      const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
      return [key, new Float32Array(bytes.buffer)];
    }),
  );
}

/** The interpreter: NEARFAR_PYTHON, or the system's. */
export const COMMAND = process.env.NEARFAR_PYTHON ?? 'python3';

/** Starts a Python process for a peer, or says why it can't. */
export async function pythonPeer(
  module: 'PyTorch' | 'PyTorch by rows' | 'NumPy' | 'model2vec',
  threads: number,
): Promise<Peer | Missing> {
  const python = new Python(COMMAND, threads);
  let version: string | undefined;
  try {
    version = (await python.ask({ peers: true })).peers?.[module];
  } catch {
    const missing = `${COMMAND} can't run it (NEARFAR_PYTHON names another interpreter)`;
    return { name: module, missing };
  }
  if (version === undefined) {
    python.close();
    return { name: module, missing: `${COMMAND} does not have it (NEARFAR_PYTHON names another)` };
  }
  const name = `${module} ${version}${threads > 1 ? `, ${threads} threads` : ''}`;
  return {
    name,
    async prepare(operation, sizes, inputs): Promise<Candidate | undefined> {
      const request = { peer: module, operation, sizes, inputs: sent(inputs) };
      if ((await python.ask(request)).ready !== true) return undefined;
      return {
        name,
        run: async (times) => (await python.ask({ run: times })).ms as number,
        outputs: async () => received((await python.ask({ outputs: true })).outputs ?? {}),
      };
    },
    close: () => python.close(),
  };
}
