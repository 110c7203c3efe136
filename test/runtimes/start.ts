/** Starts a program that opens windows, and makes sure that it and its children end. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Defer } from './cleanup.js';

/** Program that ends another one with this one. */
export const guard = '/usr/bin/setpriv';

/** Starts a process that ends, with all that it started, at the latest when this one does. */
export function start(
  command: string,
  args: string[],
  options: SpawnOptions,
  defer: Defer,
): ChildProcess {
  const bound = ['--pdeathsig', 'KILL', command, ...args];
  const child = spawn(guard, bound, { ...options, detached: true });
  const ended = once(child, 'exit');
  ended.catch(() => {});
  defer(async () => {
    child.kill('SIGTERM');
    await ended;
    // A page that hangs would outlive its browser: the whole group goes.
    if (child.pid) killGroup(child.pid);
  });
  return child;
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // The group has ended already.
  }
}
