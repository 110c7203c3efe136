/**
 * Preloaded into the program: kills it at its KILL_AT-th change of the file system, which is half
 * done if it is a write.
 */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

let left = Number(process.env.KILL_AT);

for (const name of /** @type {const} */ ([
  'openSync',
  'writeSync',
  'fsyncSync',
  'renameSync',
  'rmSync',
])) {
  const original = /** @type {(...args: any[]) => any} */ (fs[name]);
  Object.assign(fs, {
    [name](/** @type {any[]} */ ...args) {
      left -= 1;
      if (left > 0) return original(...args);
      if (name === 'writeSync') original(args[0], args[1].subarray(0, args[1].length >> 1));
      return process.kill(process.pid, 'SIGKILL');
    },
  });
}
syncBuiltinESMExports();
