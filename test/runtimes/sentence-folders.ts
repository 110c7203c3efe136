/** The folders of sentence encoders under test/golden, for the bundle that every runtime runs. */

import { fixtureCases, fixtureFolder, fixtureNames } from '../models/sentence-folders.js';
import type { EmbeddedFolder } from './sentence.js';

export function embeddedFolders(): EmbeddedFolder[] {
  return fixtureNames.map((name) => ({
    name,
    files: Object.fromEntries(
      [...fixtureFolder(name)].map(([path, bytes]) => [
        path,
        Buffer.from(bytes).toString('base64'),
      ]),
    ),
    texts: fixtureCases(name)[0]?.texts ?? [],
  }));
}
