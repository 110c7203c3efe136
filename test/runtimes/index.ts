/**
 * Lists every JavaScript runtime on which the package must give the same bits. To add one, write a row
 * ({ name, available, run }) and list it here. A test does:
 *
 *   const project = await makeProject('nearfar-0.1.0.tgz', 'test/program.ts');
 *   for (const { name, outcome } of startRuntimes(project)) {
 *     const { json, skipped } = await outcome;
 */

import { browsers } from './browsers.js';
import { commands } from './commands.js';
import type { Runtime } from './runtime.js';
import { workers } from './workers.js';

export { makeProject } from './project.js';
export type { Runtime };

export const runtimes: Runtime[] = [...commands, ...workers, ...browsers];

/** Result of the program as JSON, or the reason why the runtime was skipped. */
export interface Outcome {
  json?: string;
  skipped?: string;
}

export interface Run {
  name: string;
  /** Rejects when the program fails, and under CI=true also when the runtime is missing. */
  outcome: Promise<Outcome>;
}

/** Starts the program of a project on every runtime, two at a time, in the order of the rows. */
export function startRuntimes(project: string, rows: Runtime[] = runtimes): Run[] {
  const waiting: (() => Promise<void>)[] = [];
  const runs = rows.map((runtime): Run => {
    const outcome = new Promise<Outcome>((resolve) => {
      waiting.push(async () => {
        const running = runOne(runtime, project);
        resolve(running);
        await running.catch(() => {});
      });
    });
    // Awaiting it throws; until then the rejection must not end the process.
    outcome.catch(() => {});
    return { name: runtime.name, outcome };
  });
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next();
  };
  void work();
  void work();
  return runs;
}

async function runOne(runtime: Runtime, project: string): Promise<Outcome> {
  const reason = runtime.available();
  if (!reason) return { json: checked(runtime.name, await runtime.run(project)) };
  if (process.env.CI === 'true') throw new Error(`${runtime.name} must be there in CI: ${reason}`);
  return { skipped: reason };
}

function checked(name: string, json: string): string {
  try {
    JSON.parse(json);
    return json;
  } catch {
    throw new Error(`${name} ended without a result; it gave ${JSON.stringify(json)}`);
  }
}
