/** Files that come with the package: samples of data, scripts, and its version. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

/** The folder of the running program, which holds `samples/` and, one level up, `package.json`. */
const HERE = dirname(fileURLToPath(import.meta.url));

/** Reads a file below `samples/`, and unpacks it if it is compressed. */
export function readSample(path: string): Uint8Array {
  const bytes = readFileSync(join(HERE, 'samples', path));
  if (path.endsWith('.br')) return brotliDecompressSync(bytes);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** Reads the files of a pre-trained model, a folder below `weights/`, by name. */
export function readWeights(name: string): Map<string, Uint8Array> {
  const folder = join(HERE, 'weights', name);
  return new Map(
    readdirSync(folder).map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))]),
  );
}

/** Reads a file below `weights/`. */
export function readWeightFile(path: string): Uint8Array {
  return readFileSync(join(HERE, 'weights', path));
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
