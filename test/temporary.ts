/** Folders that are gone when the tests end. */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** A new empty folder outside the repository. */
export function temporaryFolder(purpose: string): string {
  if (made.length === 0) {
    process.once('exit', () => {
      for (const folder of made) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    });
  }
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `nearfar-${purpose}-`));
  made.push(folder);
  return folder;
}
