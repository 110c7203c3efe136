/**
 * A user's project: a temporary folder outside the repository, with the packed tarball installed
 * and nothing else, and the program bundled to `program.mjs`. Only `nearfar` itself stays an
 * import, so that every runtime and bundler resolves it the way it does for its users.
 */

import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { temporaryFolder } from '../temporary.js';
import { execute } from './process.js';

/**
 * Makes a project for the runtimes and returns its folder, which is removed when this process ends.
 * The program is a module (JavaScript or TypeScript) whose default export is a function that
 * returns what JSON can hold, or a promise of it; `define` puts constants into it.
 */
export async function makeProject(
  tarballPath: string,
  programPath: string,
  define: Record<string, string> = {},
): Promise<string> {
  const project = temporaryFolder('runtimes');

  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  const quiet = ['--offline', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  await execute(npm, ['install', resolve(tarballPath), ...quiet], { folder: project });

  await build({
    entryPoints: [programPath],
    outfile: join(project, 'program.mjs'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    external: ['nearfar', 'nearfar/*'],
    define,
    // bench/peak.wasm, which measures a core's peak.
    loader: { '.wasm': 'base64' },
    logLevel: 'error',
  });
  return project;
}
