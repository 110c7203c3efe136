/** Number of cores that the machine has. */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * Cores that this process may use, those that two threads of the processor share counted once.
 * Only Linux says which ones do; elsewhere all count.
 */
export function physicalCores(cpuInfo: string | undefined = readCpuInfo()): number {
  const usable = availableParallelism();
  const cores = (cpuInfo ?? '').split('\n\n').map((processor) => {
    const [socket, core] = ['physical id', 'core id'].map((field) => {
      return new RegExp(`^${field}\\s*: (\\d+)$`, 'm').exec(processor)?.[1];
    });
    return core && `${socket} ${core}`;
  });
  const distinct = new Set(cores.filter((core) => core !== undefined)).size;
  return distinct > 0 ? Math.min(usable, distinct) : usable;
}

function readCpuInfo(): string | undefined {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return undefined;
  }
}
