/** `nearfar hash`: one hash for each operation and trained system, to compare with any machine's. */

import { hashes } from '../../bench/operations/hash.js';
import * as nearfar from '../index.js';
import * as models from '../models/index.js';
import * as nn from '../nn/index.js';
import { type Command, JSON_OPTION } from './command.js';

export const hash: Command = {
  name: 'hash',
  summary: 'print one hash for each operation and trained system: equal hashes mean equal bits',
  options: [JSON_OPTION],
  async run({ terminal }) {
    for await (const { name, hash } of hashes({ ...nearfar, nn, models })) {
      terminal.event('hash', { name, hash });
      terminal.line(`${hash}  ${name}`);
    }
    terminal.event('done', { bits: nearfar.BITS });
    terminal.line(`BITS ${nearfar.BITS}`);
  },
};
