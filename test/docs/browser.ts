/** Opens pages in Chromium: examples that are for pages, and the built documentation. */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fromDebian, importTool, missingFile, toolFile } from '../runtimes/runtime.js';

const CHROMIUM = '/usr/bin/chromium';
const PUPPETEER = 'puppeteer-core/lib/esm/puppeteer/puppeteer-core.js';

/** Methods of Puppeteer's page that are used. */
export interface BrowserPage {
  goto(address: string, options?: { waitUntil: 'load' | 'networkidle0' }): Promise<unknown>;
  on(event: 'console', listener: (message: { text(): string }) => void): void;
  on(event: 'pageerror', listener: (error: Error) => void): void;
  on(event: 'request', listener: (request: { url(): string }) => void): void;
  evaluate<T>(body: string): Promise<T>;
  setViewport(size: { width: number; height: number }): Promise<void>;
  emulateMediaFeatures(features: { name: string; value: string }[]): Promise<void>;
  screenshot(options: { path: string; fullPage?: boolean }): Promise<unknown>;
  close(): Promise<void>;
}
interface Puppeteer {
  launch(options: object): Promise<{ newPage(): Promise<BrowserPage>; close(): Promise<void> }>;
}

/** Says why no page can be opened here; undefined if one can. */
export const missingBrowser = (): string | undefined =>
  missingFile([CHROMIUM, toolFile(PUPPETEER)], fromDebian);

/** Opens Chromium for the time of a function. */
export async function withBrowser<T>(
  body: (open: () => Promise<BrowserPage>) => Promise<T>,
): Promise<T> {
  const { default: puppeteer } = await importTool<{ default: Puppeteer }>(PUPPETEER);
  const browser = await puppeteer.launch({
    browser: 'chrome',
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    return await body(() => browser.newPage());
  } finally {
    await browser.close();
  }
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

/** Serves a folder on this machine for the time of a function, which gets its address. */
export async function withServer<T>(
  folder: string,
  body: (address: string) => Promise<T>,
): Promise<T> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    try {
      const contents = await readFile(join(folder, decodeURIComponent(path)));
      response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
      response.end(contents);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    return await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
