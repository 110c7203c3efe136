/** `nearfar hash`: one hash for each operation, to compare with any other machine's. */

import { hashOperations } from '../../bench/operations/hash.js';
import * as nearfar from '../index.js';
import { type Command, JSON_OPTION } from './command.js';

export const hash: Command = {
  name: 'hash',
  summary: 'print one hash for each operation: equal hashes mean equal bits',
  options: [JSON_OPTION],
  async run({ terminal }) {
    for (const { name, hash } of hashOperations(nearfar)) {
      terminal.event('hash', { name, hash });
      terminal.line(`${hash}  ${name}`);
    }
    terminal.event('done', { bits: nearfar.BITS });
    terminal.line(`BITS ${nearfar.BITS}`);
  },
};
