/** Files of what takes long to make: whole folders, hashes, and files that are never half written. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Files } from 'nearfar/models';

/** All files under a folder, by path. */
export function readFolder(folder: string): Files {
  const files: Files = new Map();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(folder.length + 1), new Uint8Array(readFileSync(path)));
  }
  return files;
}

/** SHA-256 of bytes and texts, in hex. */
export function digest(...parts: (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** SHA-256 of the names, sizes and bytes of files, in hex. */
export function digestFiles(files: Files): string {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  return digest(...sorted.flatMap(([path, bytes]) => [`${path}\0${bytes.length}\0`, bytes]));
}

/** Writes a file at once, so that there is never half of one. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.part`, bytes);
  renameSync(`${path}.part`, path);
}
