/**
 * One request: redirects, which the runtime's own `fetch` follows with all headers; a time-out where
 * nothing arrives; and an end at once when the caller aborts, whatever the runtime does with it.
 */

import { showUrl } from './fetch-source.js';

/** A runtime's answer, as far as it is used. */
export interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly headers: { get(name: string): string | null };
  readonly body: {
    getReader(): {
      read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
      cancel(): Promise<unknown>;
    };
    cancel(): Promise<unknown>;
  } | null;
}

/** A runtime's `fetch`. */
export type FetchFunction = (
  url: string,
  init: {
    method: string;
    headers: Record<string, string>;
    redirect: 'manual' | 'follow';
    signal: AbortSignal;
  },
) => Promise<Answer>;

/** Something that another try may mend. */
export class Retriable extends Error {
  /** Milliseconds after which the server wants to be asked again. */
  readonly after: number | undefined;

  constructor(message: string, after?: number) {
    super(message);
    this.after = after;
  }
}

/** Settings of all requests of a call. */
export interface RequestContext {
  fetch: FetchFunction;
  /** The caller's headers, which go to no other host than this. */
  headers: Readonly<Record<string, string>>;
  origin: string;
  /** Ends all requests, with a reason. */
  signal: AbortSignal;
  /** Milliseconds without a byte after which a try ends. */
  timeout: number;
}

/** Limits one try in time and ends it at the signal. */
export class Attempt {
  readonly #controller = new AbortController();
  readonly #context: RequestContext;
  readonly #failed: Promise<never>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fail!: (error: unknown) => void;
  readonly #onAbort = (): void => this.#stop(this.#context.signal.reason);

  constructor(context: RequestContext) {
    this.#context = context;
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Without a listener, a rejection that comes between two waits would end the process.
    this.#failed.catch(() => {});
    context.signal.addEventListener('abort', this.#onAbort);
    if (context.signal.aborted) this.#onAbort();
    this.touch();
  }

  #stop(reason: unknown): void {
    this.#fail(reason);
    this.#controller.abort(reason);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins the time-out again: something has arrived. */
  touch(): void {
    clearTimeout(this.#timer);
    const { timeout } = this.#context;
    this.#timer = setTimeout(() => {
      this.#stop(new Retriable(`nothing arrived for ${timeout / 1000} s`));
    }, timeout);
  }

  /** Waits for something, or for the end of the try. */
  async wait<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    try {
      return await Promise.race([this.#failed, work]);
    } catch (error) {
      const { signal } = this.#context;
      if (signal.aborted) throw signal.reason;
      if (error instanceof Retriable) throw error;
      throw new Retriable(`the connection failed (${reasonOf(error)})`);
    }
  }

  /** Ends the try, and the connection if it is still open. */
  end(): void {
    clearTimeout(this.#timer);
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#controller.abort();
  }
}

/** Why a connection failed: runtimes say "fetch failed" and put the reason behind it. */
function reasonOf(error: unknown): string {
  const { message, cause } = (error ?? {}) as { message?: unknown; cause?: unknown };
  const { code, message: inner } = (cause ?? {}) as { code?: unknown; message?: unknown };
  // Some messages repeat the whole URL, and what is secret in it.
  const text = String(inner || code || message || error);
  return text.replace(/\w+:\/\/\S+/g, 'the URL').slice(0, 200);
}

/** Size and hash of a file, from a hub's headers. */
export interface Linked {
  /** SHA-256 of the file, if the hub says it. */
  sha256: string | undefined;
  size: number | undefined;
  /** Changes with the file. */
  etag: string | undefined;
}

/** An answer, and what redirects on the way have said of the file. */
export interface Response {
  answer: Answer;
  linked: Linked;
  /** True if headers of the answer may be hidden, as those of other hosts are in a page. */
  hidden: boolean;
}

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 10;
const SHA256 = /^"?([0-9a-f]{64})"?$/i;

/** A number in a header. */
export function headerNumber(answer: Answer, name: string): number | undefined {
  const text = answer.headers.get(name)?.trim();
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readLinked(answer: Answer, before: Linked): Linked {
  const etag = answer.headers.get('x-linked-etag') ?? undefined;
  return {
    sha256: SHA256.exec(etag ?? '')?.[1]?.toLowerCase() ?? before.sha256,
    size: headerNumber(answer, 'x-linked-size') ?? before.size,
    etag: etag ?? before.etag,
  };
}

/** Reads the address of a redirect. */
function redirectOf(answer: Answer, at: URL): URL {
  const location = answer.headers.get('location');
  let next: URL;
  try {
    if (location === null) throw new Error();
    next = new URL(location, at.href);
  } catch {
    throw new Error(`it answers ${answer.status} without a valid location`);
  }
  if (!/^https?:$/.test(next.protocol) || (at.protocol === 'https:' && next.protocol === 'http:')) {
    throw new Error(`it redirects to ${showUrl(next)}, which is not safe`);
  }
  return next;
}

/**
 * Sends a request and follows its redirects.
 *
 * @param extra headers besides the caller's
 * @throws {Retriable} if the connection fails, {Error} if its redirects lead nowhere
 */
export async function request(
  context: RequestContext,
  attempt: Attempt,
  url: URL,
  method: 'GET' | 'HEAD',
  extra: Readonly<Record<string, string>>,
): Promise<Response> {
  let linked: Linked = { sha256: undefined, size: undefined, etag: undefined };
  let at = url;
  const send = (redirect: 'manual' | 'follow'): Promise<Answer> => {
    const own = at.origin === context.origin ? context.headers : {};
    const init = { method, headers: { ...own, ...extra }, redirect, signal: attempt.signal };
    return attempt.wait(context.fetch(at.href, init));
  };
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    let answer = await send('manual');
    attempt.touch();
    // A page may not see where it is sent.
    if (answer.type === 'opaqueredirect') answer = await send('follow');
    linked = readLinked(answer, linked);
    if (!REDIRECTS.includes(answer.status)) {
      return { answer, linked, hidden: answer.type === 'cors' };
    }
    answer.body?.cancel().catch(() => {});
    // A hub has said all there is to say of a file.
    if (method === 'HEAD' && linked.etag !== undefined) return { answer, linked, hidden: false };
    at = redirectOf(answer, at);
  }
  throw new Error(`it redirects more than ${MAX_REDIRECTS} times`);
}

/** Tells whether a file is the one that it was: its hash, its tag or its date and length. */
export function validatorOf({ answer, linked }: Response): string | undefined {
  if (linked.etag !== undefined) return linked.etag;
  const etag = answer.headers.get('etag');
  // Weak where the answer was compressed on the way.
  if (etag !== null) return etag.replace(/^W\//, '');
  const modified = answer.headers.get('last-modified');
  return modified === null ? undefined : modified;
}
