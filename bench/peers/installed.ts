/** Imports packages from npm out of any folder. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Resolves packages as a file in a folder would. */
export class PackageFolder {
  readonly #folder: string;
  readonly #require: NodeJS.Require;

  constructor(folder: string) {
    this.#folder = folder;
    this.#require = createRequire(join(resolve(folder), 'package.json'));
  }

  path(name: string): string {
    try {
      return this.#require.resolve(name);
    } catch {
      throw new Error(`${name} is not installed in ${this.#folder}`);
    }
  }

  require<T>(name: string): T {
    return this.#require(this.path(name)) as T;
  }

  /** Imports an ES module or CommonJS module. */
  async import<T extends object>(name: string): Promise<T> {
    const module = await import(pathToFileURL(this.path(name)).href);
    return module.default ?? module;
  }

  version(name: string): string {
    const path = this.path(name);
    const folder = join('node_modules', name);
    const root = path.slice(0, path.lastIndexOf(folder) + folder.length);
    return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
  }
}
