/** The benchmark as it runs on every runtime, through the installed package. */

import { setThreads } from 'nearfar/threads';
import { api } from './built-package.js';
import { measureAll } from './measure.js';
import { plain } from './peers/plain.js';
import type { Run } from './run.js';

/** What to measure, which whoever bundles this puts here. */
declare const SELECTION: { name: string; largest: number };

export default function program(): Promise<Run> {
  const options = { ...SELECTION, growth: false, threads: 1, peers: [plain] };
  return measureAll({ api, setThreads }, options, {});
}
