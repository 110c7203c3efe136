/** Copies the examples, which import the built files next to them, into the package. */

import { cpSync } from 'node:fs';

export function copyExamples(dist: string): void {
  cpSync('src/examples', `${dist}/examples`, { recursive: true });
}
