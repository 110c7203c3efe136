/**
 * Runs a command to its end, within a time limit, and hands back what it printed. A command that
 * fails or hangs is killed and becomes an error that shows its last words.
 */

import { execFile } from 'node:child_process';

interface Options {
  folder: string;
  seconds?: number | undefined;
  env?: Record<string, string>;
}

export function execute(command: string, args: string[], options: Options): Promise<string> {
  const { folder, seconds = 60, env } = options;
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      {
        cwd: folder,
        env: { ...process.env, NO_COLOR: '1', ...env },
        timeout: seconds * 1000,
        killSignal: 'SIGKILL',
        maxBuffer: 2 ** 26,
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout.trim());
        const end = error.killed ? `did not end within ${seconds} s` : `failed (${error.code})`;
        const words = `${stdout}\n${stderr}`.trim().slice(-4000);
        reject(new Error(`${command} ${args.join(' ')} ${end}\n${words}`));
      },
    );
  });
}

/** Rejects when the work takes longer than that. What it holds must be released by the caller. */
export async function within<T>(seconds: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`${what} did not end within ${seconds} s`);
    timer = setTimeout(() => reject(error), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
