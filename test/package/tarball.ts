/** The package as it is published: packed once for all tests that want it. */

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary.js';

let packed: string | undefined;

/** Path of the tarball, in a folder that goes when the process ends. */
export function tarball(): string {
  if (packed !== undefined) return packed;
  const folder = temporaryFolder('pack');
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [{ filename }] = JSON.parse(
    execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  packed = join(folder, filename);
  return packed;
}
