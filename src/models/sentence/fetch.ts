/** Sentence encoders from a URL or from a hub such as Hugging Face's. */

import { readOptions } from '../../core/options.js';
import {
  checkCallback,
  checkPositive,
  checkString,
  integerIn,
  oneOf,
  rangeError,
  tagOf,
  typeError,
} from '../../core/validation.js';
import { type FetchCache, readCache } from './fetch-cache.js';
import type { FileContext } from './fetch-file.js';
import { FolderFetcher, fetchFolder } from './fetch-folder.js';
import type { FetchFunction } from './fetch-request.js';
import { checkHub, readSource, showUrl } from './fetch-source.js';
import { type LoadSentenceOptions, loadSentenceEncoder, PRECISIONS } from './load.js';
import type { SentenceEncoder } from './sentence-encoder.js';

/** Number of bytes that have arrived. */
export interface FetchProgress {
  /** Path of the file that has grown. */
  file: string;
  /** Bytes of it that are there. */
  received: number;
  /** Bytes that it will have; undefined if it is not known. */
  total: number | undefined;
  /** Bytes of all files that are there. */
  receivedOfAll: number;
  /** Bytes of all files that are known so far; undefined if one of them has no known size. */
  totalOfAll: number | undefined;
}

/** An AbortSignal. */
export interface FetchSignal {
  /** True once it has fired. */
  readonly aborted: boolean;
  /** Error that the call rejects with. */
  readonly reason?: unknown;
  /**
   * Calls a function when it fires.
   * @param type `'abort'`
   * @param listener the function
   */
  addEventListener(type: 'abort', listener: () => void): void;
  /**
   * Calls the function no more.
   * @param type `'abort'`
   * @param listener the function
   */
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** A URL object. */
export interface UrlObject {
  /** The whole URL as text. */
  readonly href: string;
}

/** Options of `fetchSentenceEncoder`. */
export interface FetchSentenceOptions extends LoadSentenceOptions {
  /** Ends the call at once, with the signal's reason; what was in the cache stays. */
  signal?: FetchSignal | undefined;
  /** Called whenever bytes of a file have arrived. */
  onProgress?: ((progress: FetchProgress) => void) | undefined;
  /**
   * Store of the files: `true` for the Cache API where there is one, and else the user's folder
   * of caches; `false` for nowhere; the path of a folder; or a store of your own. Files of a commit
   * are taken from there; of others the server says whether they changed, and they are used as they
   * are if it can't be reached.
   * @default true
   */
  cache?: boolean | string | FetchCache | undefined;
  /**
   * Branch, tag or commit of a model on a hub.
   * @default 'main'
   */
  revision?: string | undefined;
  /**
   * Address of the hub.
   * @default 'https://huggingface.co'
   */
  hub?: string | UrlObject | undefined;
  /** Headers of requests to the folder's or hub's own host, such as `authorization`. */
  headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Seconds without a byte after which a try has failed.
   * @default 30
   */
  timeout?: number | undefined;
  /**
   * Tries after one that failed. They go on where it ended if the server can.
   * @default 4
   */
  retries?: number | undefined;
  /**
   * Seconds before the first of them; each waits twice as long as the one before.
   * @default 0.5
   */
  retryDelay?: number | undefined;
  /**
   * Bytes that all files may have together.
   * @default 2 ** 31
   */
  maxBytes?: number | undefined;
  /**
   * Sends the requests, in place of the runtime's own `fetch`: a worker's binding, a proxy.
   * @default globalThis.fetch
   */
  fetch?: ((url: string, init: never) => Promise<unknown>) | undefined;
}

const NAME = 'fetchSentenceEncoder';
const HUB = 'https://huggingface.co';

function checkFetchSignal(name: string, argument: string, value: unknown): FetchSignal {
  const { aborted, addEventListener } = (value ?? {}) as Partial<FetchSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') {
    return value as FetchSignal;
  }
  typeError(name, argument, 'an AbortSignal', value);
}

function checkHeaders(name: string, argument: string, value: unknown): Record<string, string> {
  if (tagOf(value) !== 'Object') {
    typeError(name, argument, 'an object of strings', value);
  }
  const headers: Record<string, string> = {};
  for (const [key, text] of Object.entries(value as object)) {
    const subject = `${argument}.${key}`;
    if (typeof text !== 'string') typeError(name, subject, 'a string', text);
    // Values are secret and stay out of messages.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text) || !/^[\w!#$%&'*+.^`|~-]+$/.test(key)) {
      throw new RangeError(`${name}: ${subject} must be a valid header, of one line`);
    }
    headers[key.toLowerCase()] = text;
  }
  return headers;
}

/** Counts the bytes of all files. */
class Counter {
  readonly #files = new Map<string, { received: number; total: number | undefined }>();

  set(file: string, received: number, total: number | undefined): FetchProgress {
    this.#files.set(file, { received, total });
    const all = [...this.#files.values()];
    const isKnown = all.every((each) => each.total !== undefined);
    return {
      ...{ file, received, total },
      receivedOfAll: all.reduce((sum, each) => sum + each.received, 0),
      totalOfAll: isKnown ? all.reduce((sum, each) => sum + (each.total ?? 0), 0) : undefined,
    };
  }

  /** Bytes of all files but one. */
  others(file: string): number {
    let sum = 0;
    for (const [path, { received, total }] of this.#files) {
      if (path !== file) sum += Math.max(received, total ?? 0);
    }
    return sum;
  }
}

/**
 * Fetches a sentence encoder: the files that its `modules.json` names and no others.
 *
 * Sizes are compared with what the server, the hub and the weights' own header say, and SHA-256
 * with what a hub says. A connection that breaks or stalls is made again and goes on where it ended,
 * unless the file has changed. Folders are those of `loadSentenceEncoder`.
 *
 * @param url URL of a folder (http, https, in Node also file; in a page also `./folder`), or owner/name of a model on
 * a hub, with `@revision` behind it or not
 * @param options signal, progress, cache, revision, hub, headers, limits, precision
 * @returns the encoder; `dispose()` frees its weights at once
 * @throws {RangeError} if the URL or an option is not valid, or a file is not of an encoder
 * @throws {Error} if a file is not there, not what was announced, or can't be had; the message says
 * which file and URL; the signal's reason if it aborts
 * @see https://huggingface.co/models?library=sentence-transformers
 * @example
 * const encoder = await fetchSentenceEncoder('sentence-transformers/all-MiniLM-L6-v2', {
 *   onProgress: ({ file, received, total }) => console.log(file, received, total),
 * });
 */
export async function fetchSentenceEncoder(
  url: string | UrlObject,
  options?: FetchSentenceOptions,
): Promise<SentenceEncoder> {
  const reader = readOptions(NAME, options);
  const signal = reader.optional('signal', checkFetchSignal);
  const onProgress = reader.optional(
    'onProgress',
    checkCallback<(progress: FetchProgress) => void>,
  );
  const { cache } = reader.read('cache', readCache);
  const revision = reader.optional('revision', checkString);
  if (revision === '') rangeError(NAME, 'revision', 'a branch, tag or commit', revision);
  const hub = reader.read('hub', checkHub, HUB);
  const headers = reader.read('headers', checkHeaders, {});
  const timeout = 1000 * reader.read('timeout', checkPositive, 30);
  const retries = reader.read('retries', integerIn(0, 100), 4);
  const retryDelay = 1000 * reader.read('retryDelay', checkPositive, 0.5);
  const maxBytes = reader.read('maxBytes', integerIn(1), 2 ** 31);
  const precision = reader.optional('precision', oneOf(PRECISIONS));
  const { fetch: own } = globalThis as { fetch?: FetchFunction };
  const send = reader.optional('fetch', checkCallback<FetchFunction>) ?? own;
  reader.done();
  if (send === undefined)
    throw new Error(`${NAME}: this runtime has no fetch; give one in options`);
  const source = readSource(NAME, url, hub, revision);

  const controller = new AbortController();
  const onAbort = (): void => {
    controller.abort(signal?.reason ?? new Error(`${NAME}: aborted`));
  };
  signal?.addEventListener('abort', onAbort);
  if (signal?.aborted) onAbort();
  const counter = new Counter();
  const context: FileContext = {
    name: NAME,
    // Runtimes refuse to be called as a method of another object.
    fetch: (at, init) => send(at, init),
    headers,
    origin: source.urlOf('').origin,
    signal: controller.signal,
    timeout: Math.min(timeout, 2 ** 31 - 1),
    ...{ retries, retryDelay, maxBytes },
    onBytes(file, received, total) {
      const progress = counter.set(file, received, total);
      try {
        onProgress?.(progress);
      } catch (error) {
        controller.abort(error);
        throw error;
      }
    },
    others: (file) => counter.others(file),
  };
  const fetcher = new FolderFetcher(context, cache, source);
  const aborted = new Promise<never>((_, reject) => {
    const end = (): void => reject(controller.signal.reason);
    controller.signal.addEventListener('abort', end);
    if (controller.signal.aborted) end();
  });
  aborted.catch(() => {});
  try {
    const folder = { name: NAME, files: fetcher.files };
    await Promise.race([aborted, fetchFolder(fetcher, folder)]);
    const encoder = load(folder.files, precision, showUrl(source.urlOf('')));
    try {
      await Promise.race([aborted, fetcher.keep()]);
    } catch (error) {
      encoder.dispose();
      throw error;
    }
    return encoder;
  } catch (error) {
    // Files that are still on their way are of no use.
    controller.abort(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Loads files; messages say where they came from. */
function load(
  files: Parameters<typeof loadSentenceEncoder>[0],
  precision: (typeof PRECISIONS)[number] | undefined,
  from: string,
): SentenceEncoder {
  try {
    return loadSentenceEncoder(files, { precision });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const problem = error.message.replace(/^loadSentenceEncoder: /, '');
    throw new RangeError(`${NAME}: ${from}: ${problem}`, { cause: error });
  }
}
