/** Files that come with the package: samples of data, scripts, and its version. */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** The folder of the running program, which holds `samples/` and, one level up, `package.json`. */
const HERE = dirname(fileURLToPath(import.meta.url));

/** Reads a file below `samples/`, and unpacks it if it is gzipped. */
export function readSample(path: string): Uint8Array {
  const bytes = readFileSync(join(HERE, 'samples', path));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** Reads the text of a script of the package. */
export function readProgram(name: string): string {
  return readFileSync(join(HERE, name), 'utf8');
}

/** Returns the URL that a script of the package can be imported from. */
export function programAddress(name: string): string {
  return pathToFileURL(join(HERE, name)).href;
}

/** Returns the version of the package. */
export function version(): string {
  return JSON.parse(readFileSync(join(HERE, '..', 'package.json'), 'utf8')).version;
}
