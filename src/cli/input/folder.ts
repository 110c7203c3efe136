/** Files below a folder that are data: hidden ones are not, and links are followed once. */

import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { InputError } from '../../terminal/errors.js';
import { errorText } from '../../terminal/files.js';

/** Tells of something that is left out, and why. */
export type OnSkip = (path: string, reason: string) => void;

/** Folders and files of tools, which are not data: `.git`, `.DS_Store`, `._x.jpg`, `__MACOSX`. */
function isHidden(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX' || name === 'Thumbs.db';
}

/** Names of data files, which a folder has by mistake. */
const DATA_FILE = /\.(png|jpe?g|jpe|jfif|gif|webp|bmp|tiff?|txt|csv|tsv|jsonl|ndjson|json)$/i;

/** Tells whether a folder is another one, or holds it. */
function holds(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/**
 * Lists all files below a folder, in the order of their names.
 *
 * @param onSkip called for what is neither file nor folder, and for links that lead nowhere or
 *   back to where they came from
 * @returns paths below the folder, with `/` between their parts
 * @throws {InputError} if the folder cannot be read
 */
export function listFiles(root: string, onSkip: OnSkip): string[] {
  const files: string[] = [];
  const visited: string[] = [];
  const links: string[] = [];
  /** Reads what is really in a folder, before any link. */
  const walk = (below: string): void => {
    const folder = join(root, below);
    let entries: Dirent[];
    try {
      visited.push(realpathSync(folder));
      entries = readdirSync(folder, { withFileTypes: true });
    } catch (error) {
      if (below === '') throw new InputError(`${root}: cannot read it (${errorText(error)})`);
      onSkip(folder, `cannot be read (${errorText(error)})`);
      return;
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (isHidden(entry.name)) continue;
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isSymbolicLink()) links.push(path);
      else if (entry.isDirectory() && DATA_FILE.test(path)) onSkip(join(root, path), 'is a folder');
      else if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) files.push(path);
      else onSkip(join(root, path), 'is not a file but a pipe or a device');
    }
  };
  walk('');
  // A link may lead to a folder with further links, which are added to the end of the list.
  for (const path of links) {
    const full = join(root, path);
    try {
      const kind = statSync(full);
      if (kind.isFile()) {
        files.push(path);
      } else if (kind.isDirectory()) {
        const real = realpathSync(full);
        if (visited.some((known) => holds(real, known))) {
          onSkip(full, 'is a link to a folder that has been read');
        } else {
          walk(path);
        }
      } else {
        onSkip(full, 'is not a file but a pipe or a device');
      }
    } catch (error) {
      onSkip(full, `is a link that leads nowhere (${errorText(error)})`);
    }
  }
  return files.sort();
}

/** Returns a function that tells of what is left out on standard error, and counts it. */
export function reportSkipped(write: (line: string) => void): OnSkip {
  let count = 0;
  return (path, reason) => {
    count++;
    write(`skipped ${count}: ${path}: ${reason}`);
  };
}
