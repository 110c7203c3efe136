/**
 * Defines a runtime for the tests: a name, the reason why it cannot run here, and a way to run the
 * program; and helpers that every row needs: where the tools are, and a folder of its own inside
 * the project, so that two rows never write the same file.
 */

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface Runtime {
  name: string;
  /** Why this runtime cannot run on this machine; undefined when it can. */
  available(): string | undefined;
  /** Runs the program of a project that `makeProject` made, and returns its result as JSON. */
  run(project: string): Promise<string>;
}

const here = dirname(fileURLToPath(import.meta.url));

/** A file of a package that `install.mjs` put into `tools`. */
export const toolFile = (path: string): string => join(here, 'tools/node_modules', path);

/** A Node of another version or processor, as `install.mjs` put it at the root. */
export const nodeFile = (target: string): string =>
  join(here, '../../.runtimes/node_modules', `node-${target}`, 'bin/node');

/**
 * Imports an installed tool. The caller says what it uses of it, since the tool's own types are
 * only there once it is installed, and the project must compile before.
 */
export async function importTool<T>(path: string): Promise<T> {
  return (await import(pathToFileURL(toolFile(path)).href)) as T;
}

/** `available()` of a row that needs these files. */
export function missingFile(files: string[], howToInstall: string): string | undefined {
  const missing = files.find((file) => !existsSync(file));
  return missing && `${missing} is missing (${howToInstall})`;
}

export const fromNpm = 'npm run runtimes';
export const fromDebian = 'npm run runtimes -- --apt';

/** A folder in the project for one row, holding the given files. */
export async function makeFolder(
  project: string,
  name: string,
  files: Record<string, string>,
): Promise<string> {
  const folder = join(project, name);
  await mkdir(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}
