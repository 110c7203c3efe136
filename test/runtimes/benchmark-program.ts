/** The benchmark as each runtime runs it, through the installed package. */

import { setThreads } from 'nearfar/threads';
import { api } from '../../bench/built-package.js';
import { measureAll } from '../../bench/measure.js';
import { plain } from '../../bench/peers/plain.js';
import type { Run } from '../../bench/results.js';

/** The operations to measure; benchmark.ts defines it when it bundles this file. */
declare const SELECTION: { name: string; largest: number };

export default function program(): Promise<Run> {
  const options = { ...SELECTION, growth: false, threads: 1, peers: [plain] };
  return measureAll({ api, setThreads }, options, {});
}
