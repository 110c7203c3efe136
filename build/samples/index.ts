/** The samples of real data that come with the package, under dist/samples/, each with its license. */

import { mkdirSync } from 'node:fs';
import { packDigits } from './digits.js';
import { packEmoji } from './emoji.js';
import { packMails } from './mails.js';
import { packMobyDick } from './moby-dick.js';
import { packSentences } from './sentences.js';

const SAMPLES: Readonly<Record<string, (folder: string) => void | Promise<void>>> = {
  digits: packDigits,
  emoji: packEmoji,
  mails: packMails,
  'moby-dick': packMobyDick,
  sentences: packSentences,
};

/** Writes all samples below a folder of built files, each into a folder of its own. */
export async function packSamples(dist: string): Promise<void> {
  for (const [name, pack] of Object.entries(SAMPLES)) {
    const folder = `${dist}/samples/${name}`;
    mkdirSync(folder, { recursive: true });
    await pack(folder);
  }
}
