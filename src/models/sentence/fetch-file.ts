/** One file: tries that go on where the last one ended, and checks of what arrives. */

import { sha256Hex } from './fetch-cache.js';
import {
  type Answer,
  Attempt,
  headerNumber,
  type RequestContext,
  type Response,
  Retriable,
  request,
  validatorOf,
} from './fetch-request.js';
import { showUrl } from './fetch-source.js';

/** A file to fetch. */
export interface FileRequest {
  path: string;
  url: URL;
  /** True if the folder may be without it. */
  optional: boolean;
  /** Its size and hash, if a hub's list has them. */
  size: number | undefined;
  sha256: string | undefined;
}

/** A file that has arrived. */
export interface FetchedFile {
  bytes: Uint8Array;
  validator: string | undefined;
}

/** Settings of all files of a call. */
export interface FileContext extends RequestContext {
  /** Function that messages name. */
  name: string;
  /** Tries that may follow one that failed. */
  retries: number;
  /** Milliseconds before the first of them; each waits twice as long as the one before. */
  retryDelay: number;
  /** Bytes that all files may have. */
  maxBytes: number;
  /** Tells how much of a file is there. */
  onBytes(path: string, received: number, total: number | undefined): void;
  /** Bytes of other files that are there. */
  others(path: string): number;
}

/** Longest time that a server may ask to wait, in milliseconds. */
const MAX_WAIT = 60_000;
/** Progress after which a failure counts as the first one again, in bytes. */
const PROGRESS = 2 ** 20;
const FIRST_BUFFER = 2 ** 16;
/** Longest header of a safetensors file that is read while the file arrives. */
const MAX_HEADER = 2 ** 24;

/** Bytes that have arrived, in memory that grows with them: an announced size alone takes none. */
class Received {
  #bytes = new Uint8Array(FIRST_BUFFER);
  length = 0;

  /** @param end size of the whole, if it is known */
  append(chunk: Uint8Array, end: number | undefined): void {
    const needed = this.length + chunk.length;
    if (needed > this.#bytes.length) {
      const doubled = Math.max(needed, 2 * this.#bytes.length);
      const grown = new Uint8Array(end === undefined ? doubled : Math.min(doubled, end));
      grown.set(this.#bytes.subarray(0, this.length));
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.length);
    this.length = needed;
  }

  clear(): void {
    this.length = 0;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}

/**
 * Length of a safetensors file as its header says.
 *
 * @returns undefined as long as the header has not arrived, or where it is not valid, which the
 * reader of the whole file says better
 */
function safetensorsLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = Number(view.getBigUint64(0, true));
  if (header > MAX_HEADER) return 8 + header;
  if (bytes.length < 8 + header) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + header));
    const { __metadata__: _, ...arrays } = JSON.parse(text) as Record<
      string,
      { data_offsets?: unknown }
    >;
    const ends = Object.values(arrays).map(({ data_offsets: offsets }) => {
      return Array.isArray(offsets) && Number.isSafeInteger(offsets[1]) ? offsets[1] : Number.NaN;
    });
    const end = ends.reduce((a, b) => Math.max(a, b), 0);
    return Number.isNaN(end) ? undefined : 8 + header + end;
  } catch {
    return undefined;
  }
}

/** Milliseconds after which a busy server wants to be asked again. */
function retryAfter(answer: Answer): number | undefined {
  const text = answer.headers.get('retry-after');
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/** Advice about an answer of a status. */
function adviceOf(status: number): string {
  if (status === 401 || status === 403) {
    return 'it is private or not there; if it needs a token, give headers: { authorization: … }';
  }
  if (status === 404 || status === 410) return 'it is not there: check the address';
  return 'try again later';
}

/** A file on its way. */
class Download {
  readonly #context: FileContext;
  readonly #file: FileRequest;
  readonly #received = new Received();
  /** Tag of the file that the bytes are of; undefined if the server gives none. */
  #tag: string | undefined;
  #size: number | undefined;
  #sha256: string | undefined;
  /** True if the bytes are of more than one try. */
  #resumed = false;
  #headerRead = false;
  /** Tries to go on that got no answer: a page may not be allowed to ask for a part. */
  #unanswered = 0;
  #hidden = false;

  constructor(context: FileContext, file: FileRequest) {
    this.#context = context;
    this.#file = file;
    this.#restart();
  }

  #restart(): void {
    this.#received.clear();
    this.#tag = undefined;
    this.#size = this.#file.size;
    this.#sha256 = this.#file.sha256;
    this.#resumed = false;
    this.#headerRead = false;
    this.#unanswered = 0;
  }

  get received(): number {
    return this.#received.length;
  }

  /** Notes a size that something says; two that differ are a lie. */
  #announce(size: number | undefined, source: string): void {
    if (size === undefined) return;
    if (this.#size !== undefined && this.#size !== size) {
      throw new Error(`${source} says ${size} bytes, where ${this.#size} were announced`);
    }
    this.#size = size;
    this.#checkLimit(size);
  }

  #checkLimit(size: number): void {
    const { maxBytes, others } = this.#context;
    if (size + others(this.#file.path) <= maxBytes) return;
    throw new Error(
      `the folder is larger than maxBytes, ${maxBytes}: give a larger one if it may be`,
    );
  }

  /** One try; undefined if the file is not there and may be missing. */
  async run(): Promise<FetchedFile | undefined> {
    const attempt = new Attempt(this.#context);
    try {
      const response = await this.#open(attempt);
      if (response === undefined) return undefined;
      await this.#read(attempt, response.answer);
      const bytes = this.#received.bytes;
      if (this.#size !== undefined && bytes.length < this.#size) {
        throw new Retriable(`it ended after ${bytes.length} of ${this.#size} bytes`);
      }
      await this.#checkHash(bytes);
      return { bytes, validator: validatorOf(response) };
    } finally {
      attempt.end();
    }
  }

  async #checkHash(bytes: Uint8Array): Promise<void> {
    if (this.#sha256 === undefined) return;
    const hash = await sha256Hex(bytes);
    if (hash === this.#sha256) return;
    const problem = `its SHA-256 is ${hash}, where ${this.#sha256} was announced`;
    if (!this.#resumed) throw new Error(`${problem}: it is damaged on the server or on the way`);
    this.#restart();
    throw new Retriable(problem);
  }

  /** Headers that ask for what is missing. */
  #partHeaders(): Record<string, string> {
    if (this.received === 0) {
      // Weights don't get smaller, and the length of what is compressed says nothing.
      return this.#file.path.endsWith('.safetensors') ? { 'accept-encoding': 'identity' } : {};
    }
    const known = this.#tag === undefined ? {} : { 'if-range': this.#tag };
    return { range: `bytes=${this.received}-`, 'accept-encoding': 'identity', ...known };
  }

  /** Asks for the file, or for what is missing of it. */
  async #open(attempt: Attempt): Promise<Response | undefined> {
    // Without a tag or a hash, parts of two versions could not be told from one file.
    const canResume = this.#tag !== undefined || this.#sha256 !== undefined;
    if (!canResume || (this.#hidden && this.#unanswered > 1)) this.#restart();
    const from = this.received;
    if (from > 0) this.#unanswered++;
    const { url } = this.#file;
    const response = await request(this.#context, attempt, url, 'GET', this.#partHeaders());
    const { answer, linked, hidden } = response;
    this.#unanswered = 0;
    this.#hidden = hidden;
    if (!this.#checkStatus(answer, from)) return undefined;
    if (answer.status === 200) this.#restart();
    else this.#checkPart(response, from);
    if (linked.sha256 !== undefined && linked.sha256 !== (this.#sha256 ?? linked.sha256)) {
      throw new Error(`its hub says two SHA-256, ${this.#sha256} and ${linked.sha256}`);
    }
    this.#sha256 ??= linked.sha256;
    this.#announce(linked.size, 'x-linked-size');
    const length = headerNumber(answer, 'content-length');
    const encoding = answer.headers.get('content-encoding');
    const plain = encoding === null || encoding === 'identity';
    if (answer.status === 206) {
      this.#resumed = true;
      if (plain && !hidden && length !== undefined) this.#announce(from + length, 'content-length');
      return response;
    }
    const etag = answer.headers.get('etag');
    this.#tag =
      (etag?.startsWith('W/') ? null : etag) ?? answer.headers.get('last-modified') ?? undefined;
    // In a page, an answer of another host may hide that it was compressed.
    if (plain && !hidden) this.#announce(length, 'content-length');
    return response;
  }

  /** False if the file is missing and may be. */
  #checkStatus(answer: Answer, from: number): boolean {
    const { status } = answer;
    const { optional } = this.#file;
    const isPage = /^text\/html\b/i.test(answer.headers.get('content-type') ?? '');
    if (status === 200 || (status === 206 && from > 0)) {
      if (!isPage) return true;
      // Servers of single-page apps give their page for whatever they don't have.
      if (optional) return false;
      throw new Error('the server answers with a page of HTML: check the address');
    }
    // Stores of objects say 403 of what is not there, unless one may list them.
    if (optional && [403, 404, 410].includes(status)) return false;
    if (status === 416) {
      this.#restart();
      throw new Retriable('the server has no such part');
    }
    if ([408, 425, 429].includes(status) || status >= 500) {
      throw new Retriable(`the server answers ${status}`, retryAfter(answer));
    }
    throw new Error(`the server answers ${status}: ${adviceOf(status)}`);
  }

  /** Checks that a part is of the same file and begins where the last one ended. */
  #checkPart({ answer, linked }: Response, from: number): void {
    const etag = answer.headers.get('etag');
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers.get('content-range') ?? '');
    const other = etag !== null && this.#tag?.startsWith('"') && etag !== this.#tag;
    const total = range?.[2] === undefined || range[2] === '*' ? undefined : Number(range[2]);
    const moved = range !== null && Number(range[1]) !== from;
    const resized = total !== undefined && this.#size !== undefined && total !== this.#size;
    const differs =
      (linked.size !== undefined && this.#size !== undefined && linked.size !== this.#size) ||
      (linked.sha256 !== undefined && this.#sha256 !== undefined && linked.sha256 !== this.#sha256);
    if (answer.headers.get('content-encoding') !== null) {
      this.#restart();
      throw new Retriable('the server compresses a part of the file');
    }
    if (other || moved || resized || differs) {
      this.#restart();
      throw new Retriable('the file changed on the server');
    }
    this.#announce(total, 'content-range');
  }

  async #read(attempt: Attempt, answer: Answer): Promise<void> {
    const { path } = this.#file;
    const { onBytes } = this.#context;
    onBytes(path, this.received, this.#size);
    const reader = answer.body?.getReader();
    if (reader === undefined) return;
    try {
      for (;;) {
        const { done, value } = await attempt.wait(reader.read());
        if (done || value === undefined) return;
        attempt.touch();
        if (this.#size !== undefined && this.received + value.length > this.#size) {
          throw new Error(`the server sends more than the ${this.#size} bytes that it announced`);
        }
        this.#checkLimit(this.received + value.length);
        this.#received.append(value, this.#size);
        this.#checkHeader();
        onBytes(path, this.received, this.#size);
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** Compares the size that weights say themselves with the announced one, as soon as it is there. */
  #checkHeader(): void {
    if (this.#headerRead || !this.#file.path.endsWith('.safetensors')) return;
    const length = safetensorsLength(this.#received.bytes);
    if (length === undefined) return;
    this.#headerRead = true;
    this.#announce(length, 'its own header');
  }
}

/** Waits, or ends at the signal. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', onAbort);
  });
}

/** A file of a folder could not be had because the network failed, not because of what it is. */
export class Unreachable extends Error {}

/**
 * Fetches a file; what has arrived stays when a connection breaks.
 *
 * @returns undefined if it is not there and may be missing
 * @throws {Unreachable} if no try got through, {Error} if the file is not what was announced
 */
export async function fetchFile(
  context: FileContext,
  file: FileRequest,
): Promise<FetchedFile | undefined> {
  const download = new Download(context, file);
  const fail = (problem: string): string =>
    `${context.name}: ${file.path} (${showUrl(file.url)}): ${problem}`;
  let failures = 0;
  let best = 0;
  for (;;) {
    try {
      return await download.run();
    } catch (error) {
      const { signal } = context;
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof Retriable)) {
        throw new Error(fail((error as Error).message), { cause: error });
      }
      if (download.received >= best + PROGRESS) {
        best = download.received;
        failures = 0;
      }
      const { retries, retryDelay } = context;
      const tries = failures === 0 ? '' : `, at the last of ${failures + 1} tries`;
      const wait = error.after ?? Math.min(MAX_WAIT, retryDelay * 2 ** failures);
      if (failures >= retries) {
        throw new Unreachable(fail(`${error.message}${tries}; try again later`));
      }
      if (wait > MAX_WAIT) {
        const seconds = Math.ceil(wait / 1000);
        throw new Unreachable(fail(`${error.message} and wants to be asked in ${seconds} s`));
      }
      failures++;
      await pause(wait, signal);
    }
  }
}

/**
 * Asks whether a file has changed, without fetching it.
 *
 * @returns its tag, undefined if it has none or is not there; `reached` is false if the server does not answer
 */
export async function fetchValidator(
  context: FileContext,
  url: URL,
): Promise<{ reached: boolean; validator: string | undefined }> {
  const attempt = new Attempt(context);
  try {
    const response = await request(context, attempt, url, 'HEAD', {});
    const { status } = response.answer;
    const reached = status < 500 && status !== 429;
    return { reached, validator: status < 400 ? validatorOf(response) : undefined };
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    return { reached: !(error instanceof Retriable), validator: undefined };
  } finally {
    attempt.end();
  }
}
