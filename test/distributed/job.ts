/** The processes of a job, which are killed and started again. */

import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { NatsServer } from '../../bench/nats-server.js';
import type { Random } from '../../src/core/random.js';

/** One process, and what it printed. */
export class RankProcess {
  readonly args: readonly string[];
  readonly ended: Promise<number | null>;
  output = '';
  errors = '';
  status: number | null | undefined;
  readonly #child: ChildProcess;

  /**
   * @param args of nearfar
   * @param before a program, and its arguments, that runs it
   */
  constructor(
    args: readonly string[],
    env: Record<string, string> = {},
    before: readonly string[] = [],
  ) {
    this.args = args;
    const [program, ...more] = [...before, process.execPath, resolve('dist/cli.js'), ...args];
    this.#child = spawn(program as string, more, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (data) => {
      this.output += data;
    });
    this.#child.stderr?.on('data', (data) => {
      this.errors += data;
    });
    this.ended = new Promise((done) => {
      this.#child.on('close', (status) => {
        this.status = status;
        done(status);
      });
    });
  }

  get isRunning(): boolean {
    return this.status === undefined;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** Waits until something is printed. */
  async until(text: string, ms = 60_000): Promise<void> {
    const end = Date.now() + ms;
    while (!this.output.includes(text)) {
      if (!this.isRunning || Date.now() > end) {
        throw new Error(`no ${text} in:\n${this.output.slice(-2000)}\n${this.errors.slice(-2000)}`);
      }
      await pause(20);
    }
  }
}

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Milliseconds after the last disturbance within which a job ends, on a slow machine too. */
const END_MS = 600_000;

/** Kinds of disturbances, and how often each came. */
export type Disturbances = Record<'rank' | 'server' | 'stall', number>;

/**
 * Runs a job to its end, and disturbs it: kills ranks and the server, or has a rank stall. What was
 * killed is started again at once, by the same command.
 *
 * @param folders the `--out` of each process
 * @returns disturbances that came
 */
export async function disturbJob(
  server: NatsServer,
  command: (out: string) => string[],
  folders: readonly string[],
  random: Random,
  { kills, everyMs }: { kills: number; everyMs: number },
): Promise<Disturbances> {
  const done: Disturbances = { rank: 0, server: 0, stall: 0 };
  const processes = folders.map((out) => new RankProcess(command(out)));
  let last = Date.now();
  while (processes.some(({ isRunning }) => isRunning)) {
    // A step later, so that a fast machine and a slow one are disturbed alike.
    await stepOrEnd(processes);
    await pause(random.uniform(0.3, 1.7) * everyMs);
    if (Date.now() - last > END_MS) throw new Error(describe(processes));
    for (const { status, args, errors, output } of processes) {
      // Killed ones have no status.
      if (typeof status === 'number' && status !== 0) {
        throw new Error(`${args.join(' ')} ended with ${status}: ${errors}${output.slice(-1500)}`);
      }
    }
    dismissLate(processes);
    const running = processes.filter(({ isRunning }) => isRunning);
    // The end of the job is not disturbed: those that are through don't come back.
    if (running.length < processes.length) continue;
    if (done.rank + done.server >= kills) continue;
    last = Date.now();
    const kind = random.integer(10);
    const index = random.integer(processes.length);
    const chosen = processes[index] as RankProcess;
    if (kind < 7) {
      chosen.kill();
      if ((await chosen.ended) !== null) continue;
      done.rank++;
      processes[index] = new RankProcess(command(folders[index] as string));
    } else if (kind < 9) {
      await server.kill();
      done.server++;
      await pause(random.uniform(0, 300));
      await server.start();
    } else {
      chosen.kill('SIGSTOP');
      done.stall++;
      await pause(random.uniform(100, 1500));
      chosen.kill('SIGCONT');
    }
  }
  return done;
}

/**
 * Kills processes that wait for ranks of a job that is done: they were killed in its last moments, and
 * came back after it.
 */
function dismissLate(processes: readonly RankProcess[]): void {
  if (!processes.some(({ output }) => output.includes('"event":"done"'))) return;
  for (const each of processes) {
    const { isRunning, output } = each;
    const isWaiting = output.includes('"event":"waiting"') && !output.includes('"event":"step"');
    if (isRunning && isWaiting) each.kill();
  }
}

/**
 * Waits until every process has taken another step, or one has ended. A rank that is killed before could
 * be the only one that is as far as it is.
 */
async function stepOrEnd(processes: readonly RankProcess[]): Promise<void> {
  const counts = (): number[] =>
    processes.map(({ output }) => output.split('"event":"step"').length);
  const [before, end] = [counts(), Date.now() + END_MS];
  while (processes.every(({ isRunning }) => isRunning)) {
    if (counts().every((count, i) => count > (before[i] as number))) return;
    if (Date.now() > end) throw new Error(describe(processes));
    await pause(10);
  }
}

function describe(processes: readonly RankProcess[]): string {
  return processes
    .map(
      ({ args, output, errors }) => `${args.join(' ')}\n${output.slice(-800)}${errors.slice(-800)}`,
    )
    .join('\n---\n');
}
