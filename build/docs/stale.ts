/** Tells whether the built documentation is older than what it is made of. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DOCS, REFERENCE } from './reference.js';

/** Folder of the built site. */
export const SITE = 'nearfar-docs';
/** File whose time is that of the last build. */
export const BUILT = `${SITE}/.built`;

/** Milliseconds of a file's last change, 0 if it does not exist. */
export const changed = (path: string): number => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** Files that the build makes among the sources. */
const MADE = [REFERENCE, `${DOCS}/public/architecture.svg`];

/** The latest change below a folder. */
function newest(folder: string): number {
  if (!existsSync(folder)) return 0;
  const times = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return MADE.includes(path) ? 0 : changed(path);
    return entry.name === 'node_modules' || MADE.includes(path) ? 0 : newest(path);
  });
  return Math.max(0, ...times);
}

/** Tells whether a source, a page or a file of results is newer than the site. */
export function isStale(): boolean {
  const sources = ['src', 'assembly', 'build', 'bench'].map(newest);
  return changed(BUILT) < Math.max(...sources, changed('package.json'));
}
