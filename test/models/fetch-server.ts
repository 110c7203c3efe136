/** A server of folders that does what servers do: slow, wrong, broken off, moved, and right. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Files } from 'nearfar/models';

/** One request that came. */
export interface Seen {
  method: string;
  path: string;
  query: string;
  headers: IncomingMessage['headers'];
}

/** Answers a request of a file in another way than by its bytes. */
export type Behavior = (
  response: ServerResponse,
  bytes: Uint8Array,
  request: IncomingMessage,
  /** Number of the request of this file, from 0 on. */
  count: number,
) => void;

/** Tag of some bytes. */
export const tagOf = (bytes: Uint8Array): string =>
  `"${bytes.length}-${bytes.reduce((sum, byte, i) => (sum * 31 + byte * (i + 1)) % 0x7fffffff, 7)}"`;

/** Answers as a good server does, with tags and parts. */
export function serveBytes(
  response: ServerResponse,
  bytes: Uint8Array,
  request: IncomingMessage,
  headers: Record<string, string> = {},
): void {
  const etag = tagOf(bytes);
  const all: Record<string, string> = { etag, 'accept-ranges': 'bytes', ...headers };
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const wanted = request.headers['if-range'];
  if (range !== null && (wanted === undefined || wanted === all.etag)) {
    const from = Number(range[1]);
    if (from >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const part = bytes.subarray(from);
    const contentRange = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(206, {
      ...all,
      'content-range': contentRange,
      'content-length': String(part.length),
    });
    response.end(part);
    return;
  }
  response.writeHead(200, { ...all, 'content-length': String(bytes.length) });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** Sends some bytes of a file and breaks the connection. */
export function breakOff(response: ServerResponse, bytes: Uint8Array, end: number): void {
  response.writeHead(200, { etag: tagOf(bytes), 'content-length': String(bytes.length) });
  response.write(bytes.subarray(0, end), () => setImmediate(() => response.destroy()));
}

/** A running server. */
export class FolderServer {
  readonly seen: Seen[] = [];
  readonly behaviors = new Map<string, Behavior>();
  readonly #counts = new Map<string, number>();
  readonly #server: Server;

  private constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#server = createServer((request, response) => {
      const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
      const path = decodeURIComponent(pathname.slice(1));
      const { method = '', headers } = request;
      this.seen.push({ method, path, query: search, headers });
      const count = this.#counts.get(path) ?? 0;
      if (method === 'GET') this.#counts.set(path, count + 1);
      const bytes = files.get(path);
      const behavior = this.behaviors.get(path);
      if (behavior !== undefined && method === 'GET') {
        behavior(response, bytes ?? new Uint8Array(), request, count);
      } else if (bytes === undefined) {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
      } else {
        serveBytes(response, bytes, request);
      }
    });
  }

  /** Starts a server of files by path, on this machine alone. */
  static async start(files: ReadonlyMap<string, Uint8Array>): Promise<FolderServer> {
    const server = new FolderServer(files);
    await new Promise<void>((done) => server.#server.listen(0, '127.0.0.1', done));
    return server;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Paths that were asked for, each once, in the order of their names. */
  get paths(): string[] {
    return [...new Set(this.seen.map(({ path }) => path))].sort();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

/** Files below a folder. */
export function below(folder: string, files: Files): Map<string, Uint8Array> {
  return new Map([...files].map(([path, bytes]) => [`${folder}/${path}`, bytes]));
}
