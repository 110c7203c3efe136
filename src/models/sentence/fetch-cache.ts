/** Stores for fetched files: the Cache API of pages and workers, or a folder. */

import { builtin } from '../../core/builtin.js';
import { sha256 } from '../../core/sha256.js';
import { typeError } from '../../core/validation.js';

/** Bytes by key, kept between two runs. Keys are up to 300 characters long. */
export interface FetchCache {
  /**
   * Finds bytes.
   * @param key key that they were put under
   * @returns the bytes, or undefined if there are none
   */
  match(key: string): Promise<Uint8Array | undefined>;
  /**
   * Keeps bytes, in place of those that the key had.
   * @param key key to find them by
   * @param bytes the bytes, which may not be kept without a copy
   * @returns a promise that resolves when they are kept
   */
  put(key: string, bytes: Uint8Array): Promise<unknown>;
}

/** Name of the cache of a page, and of the folder in a user's folder of caches. */
const CACHE_NAME = 'nearfar';

interface CacheApi {
  open(name: string): Promise<{
    match(url: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | undefined>;
    put(url: string, response: object): Promise<void>;
  }>;
}

/** The Cache API takes keys that look like URLs; this host exists nowhere. */
const KEY_HOST = 'https://nearfar.invalid/';

function pageCache(caches: CacheApi): FetchCache {
  const { Response } = globalThis as unknown as {
    Response: new (body: Uint8Array, init: { headers: Record<string, string> }) => object;
  };
  return {
    async match(key) {
      const found = await (await caches.open(CACHE_NAME)).match(KEY_HOST + encodeURI(key));
      return found === undefined ? undefined : new Uint8Array(await found.arrayBuffer());
    },
    async put(key, bytes) {
      const headers = {
        'content-type': 'application/octet-stream',
        'content-length': String(bytes.length),
        // Without it, workerd keeps nothing.
        'cache-control': 'max-age=31536000',
      };
      const cache = await caches.open(CACHE_NAME);
      await cache.put(KEY_HOST + encodeURI(key), new Response(bytes, { headers }));
    },
  };
}

interface FileSystem {
  promises: {
    mkdir(path: string, options: { recursive: true }): Promise<unknown>;
    readFile(path: string): Promise<Uint8Array>;
    writeFile(path: string, bytes: Uint8Array): Promise<void>;
    rename(from: string, to: string): Promise<void>;
    rm(path: string, options: { force: true }): Promise<void>;
    stat(path: string): Promise<{ size: number; isFile(): boolean }>;
  };
}

/** The file system, where the runtime has one. */
export function fileSystem(): FileSystem['promises'] | undefined {
  return builtin<FileSystem>('node:fs')?.promises;
}

let writes = 0;

function folderCache(files: FileSystem['promises'], folder: string): FetchCache {
  // A hash, as a key holds what the names of files cannot; its end, for who looks into the folder.
  const pathOf = (key: string): string => {
    const end = key.slice(key.lastIndexOf('/') + 1).replace(/[^\w.-]/g, '_');
    return `${folder}/${hashText(key).slice(0, 32)}-${end.slice(-60)}`;
  };
  return {
    async match(key) {
      try {
        return new Uint8Array(await files.readFile(pathOf(key)));
      } catch {
        return undefined;
      }
    },
    async put(key, bytes) {
      await files.mkdir(folder, { recursive: true });
      const path = pathOf(key);
      // Another process reads the old file or the new one, whatever happens meanwhile.
      const pid = (globalThis as { process?: { pid?: number } }).process?.pid ?? 0;
      const partial = `${path}.${pid}-${writes++}.partial`;
      try {
        await files.writeFile(partial, bytes);
        await files.rename(partial, path);
      } catch (error) {
        await files.rm(partial, { force: true }).catch(() => {});
        throw error;
      }
    },
  };
}

/** The folder of caches of this user. */
function userFolder(): string | undefined {
  const { process } = globalThis as {
    process?: { env?: Record<string, string | undefined>; platform?: string };
  };
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process?.env ?? {};
  if (xdg) return `${xdg}/${CACHE_NAME}`;
  if (process?.platform === 'win32' && local) return `${local}/${CACHE_NAME}`;
  const home = builtin<{ homedir(): string }>('node:os')?.homedir();
  if (!home) return undefined;
  return `${home}/${process?.platform === 'darwin' ? 'Library/Caches' : '.cache'}/${CACHE_NAME}`;
}

/** The cache that is used where none is asked for. */
function defaultCache(): FetchCache | undefined {
  try {
    const { caches } = globalThis as unknown as { caches?: CacheApi };
    if (caches !== undefined) return pageCache(caches);
    const files = fileSystem();
    const folder = files && userFolder();
    return files && folder ? folderCache(files, folder) : undefined;
  } catch {
    // A page without the right to keep anything.
    return undefined;
  }
}

/** Reads the option `cache`: true, false, the path of a folder, or a store. */
export function readCache(
  name: string,
  argument: string,
  value: unknown,
): { cache: FetchCache | undefined } {
  if (value === undefined || value === true) return { cache: defaultCache() };
  if (value === false) return { cache: undefined };
  if (typeof value === 'string' && value !== '') {
    const files = fileSystem();
    if (files === undefined) {
      throw new RangeError(
        `${name}: ${argument} can be a folder only where there is a file system`,
      );
    }
    return { cache: folderCache(files, value.replace(/(?<=[^/\\])[/\\]+$/, '')) };
  }
  const { match, put } = (value ?? {}) as Partial<FetchCache>;
  if (typeof match !== 'function' || typeof put !== 'function') {
    typeError(name, argument, 'true, false, the path of a folder, or { match, put }', value);
  }
  return { cache: value as FetchCache };
}

/** SHA-256 of a text in UTF-8. */
function hashText(text: string): string {
  return sha256(new TextEncoder().encode(text));
}

/** SHA-256 of what may be large: by the runtime, where it has it. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const { crypto } = globalThis as {
    crypto?: { subtle?: { digest(name: string, bytes: Uint8Array): Promise<ArrayBuffer> } };
  };
  if (crypto?.subtle === undefined) return sha256(bytes);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A file that was kept. */
export interface CacheEntry {
  bytes: Uint8Array;
  /** Says whether the file on the server is still this one. */
  validator: string | undefined;
}

/** Parts of an address that its key is made of, as a URL object has them. */
export interface Address {
  readonly host: string;
  readonly pathname: string;
  readonly search: string;
}

/** Key of an address: what may be secret in its query is hashed. */
export function cacheKey(url: Address): string {
  const { host, pathname, search } = url;
  const query = search === '' ? '' : `?${hashText(search).slice(0, 32)}`;
  const path = `${host}${pathname}`;
  const short = path.length <= 200 ? path : `${hashText(path)}${path.slice(-100)}`;
  return short + query;
}

/** A kept file, if it is there and as it was written. A cache that fails is a cache without it. */
export async function readEntry(cache: FetchCache, url: Address): Promise<CacheEntry | undefined> {
  const key = cacheKey(url);
  try {
    const json = await cache.match(`${key}.json`);
    if (json === undefined) return undefined;
    const { sha256: hash, size, validator } = JSON.parse(decodeText(json));
    const bytes = await cache.match(key);
    if (bytes?.length !== size || (await sha256Hex(bytes as Uint8Array)) !== hash) return undefined;
    return {
      bytes: bytes as Uint8Array,
      validator: typeof validator === 'string' ? validator : undefined,
    };
  } catch {
    return undefined;
  }
}

/** Keeps a file; where that can't be done, it is not kept. */
export async function writeEntry(
  cache: FetchCache,
  url: Address,
  { bytes, validator }: CacheEntry,
): Promise<void> {
  const key = cacheKey(url);
  try {
    const entry = { size: bytes.length, sha256: await sha256Hex(bytes), validator };
    await cache.put(key, bytes);
    await cache.put(`${key}.json`, new TextEncoder().encode(JSON.stringify(entry)));
  } catch {
    // A full disk, a quota, no right to write.
  }
}

/** Text of bytes in UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
