/** The name of a job that ranks share: a hash of all that changes its bits. */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BITS } from '../../index.js';
import { readBytes } from '../../terminal/files.js';
import type { Settings } from '../models/options.js';

/** Settings and sizes of a run. */
export interface JobRun {
  settings: Settings;
  /** Hash of the data. */
  data: string;
  steps: number;
  batchSize: number;
  warmup: number;
  evalEvery: number;
}

/**
 * Names a job by all that changes its bits, with the content of files instead of their paths: equal
 * commands on several machines are one job.
 */
export function jobOf(run: JobRun, name: string | undefined): string {
  const { settings, data, steps, batchSize, warmup, evalEvery } = run;
  const content = (value: unknown): unknown =>
    typeof value === 'string' && existsSync(value) ? hashPath(value) : value;
  const all = Object.entries({ ...settings, steps, batchSize, warmup, evalEvery })
    .map(([setting, value]) => [setting, content(value)])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  const text = JSON.stringify({ bits: BITS, data, all, name });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Hash of a file, or of the files of a folder. */
function hashPath(path: string): string {
  const hash = createHash('sha256');
  if (!statSync(path).isDirectory()) return hash.update(readBytes(path)).digest('hex');
  for (const entry of readdirSync(path).sort()) {
    const at = join(path, entry);
    if (statSync(at).isFile()) hash.update(entry).update(readBytes(at));
  }
  return hash.digest('hex');
}
