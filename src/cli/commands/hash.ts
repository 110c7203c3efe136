/** `nearfar hash`: one hash for each operation and trained model, to compare with any machine's. */

import { hashes } from '../../../bench/operations/hash.js';
import { sourcePackage } from '../../../bench/source-package.js';
import { loadEnglish } from '../../english.js';
import { type Command, JSON_OPTION } from '../command.js';

/** Prints hashes of all results. */
export const hash: Command = {
  name: 'hash',
  summary: 'print one hash for each operation and trained model: equal hashes mean equal bits',
  options: [JSON_OPTION],
  examples: ['nearfar hash > hashes.txt'],
  async run({ terminal }) {
    for await (const { name, hash } of hashes(sourcePackage.api, loadEnglish)) {
      terminal.event('hash', { name, hash });
      terminal.line(`${hash}  ${name}`);
    }
    const { BITS } = sourcePackage.api;
    terminal.event('done', { bits: BITS });
    terminal.line(`BITS ${BITS}`);
  },
};
