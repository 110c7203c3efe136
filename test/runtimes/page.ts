/**
 * The page that runs the program in a browser, and the server that the browser loads it from. The
 * page sends the result, or the error that stopped it, back to the server, so that a browser has
 * to do no more than open an address.
 */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Defer } from './cleanup.js';

const html = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<script>
  const send = (path, body) => fetch(path, { method: 'POST', body });
  const fail = (reason) => send('/error', [reason, reason?.stack].join('\\n'));
  addEventListener('error', (event) => fail(event.error ?? event.message ?? 'no script'), true);
</script>
<script type="module" src="./main.js"></script>
`;

/** Source files of a page as a user writes them; a bundler turns them into a folder to serve. */
export const pageFiles = {
  'index.html': html,
  'main.js': `import program from '../program.mjs';
Promise.resolve()
  .then(program)
  .then((result) => send('/result', JSON.stringify(result)), fail);
`,
};

/** Source files of a page that runs the program in a worker. */
export const workerPageFiles = {
  'index.html': html,
  'main.js': `const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
worker.onmessage = ({ data }) => send(data.path, data.body);
worker.onerror = (event) => fail(event.message);
`,
  'worker.js': `import program from '../program.mjs';
Promise.resolve()
  .then(program)
  .then(
    (result) => ({ path: '/result', body: JSON.stringify(result) }),
    (reason) => ({ path: '/error', body: [reason, reason?.stack].join('\\n') }),
  )
  .then((message) => postMessage(message));
`,
};

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Opens an address in a browser whose own files go into `home`. */
export type Open = (address: string, home: string, defer: Defer) => Promise<void>;

export interface Page {
  address: string;
  /** The message that the page sends back. */
  result: Promise<string>;
}

/** Serves a built page on this machine alone. */
export async function servePage(folder: string, defer: Defer): Promise<Page> {
  const { promise: result, resolve, reject } = deferred<string>();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    if (request.method === 'POST') {
      const body = await text(request);
      response.end();
      if (pathname === '/result') resolve(body);
      else reject(new Error(`the page failed: ${body}`));
      return;
    }
    const path = pathname === '/' ? '/index.html' : pathname;
    try {
      const contents = await readFile(join(folder, path));
      response.setHeader('Content-Type', types[extname(path)] ?? 'application/octet-stream');
      response.end(contents);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, result };
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // The page may fail before anybody waits for it.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
