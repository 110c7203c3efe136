/**
 * WebKit without a browser around it: WebKitGTK's MiniBrowser, driven by its WebDriver over plain
 * HTTP, on a display that exists only in memory.
 */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Defer } from './cleanup.js';
import type { Open } from './page.js';
import { guard, start } from './start.js';

const display = '/usr/bin/Xvfb';
const driver = '/usr/bin/WebKitWebDriver';
const architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const browser = `/usr/lib/${architecture}-linux-gnu/webkit2gtk-4.1/MiniBrowser`;

export const webKitFiles = [guard, display, driver, browser];

export const openWebKit: Open = async (address, home, defer) => {
  const env = {
    ...process.env,
    HOME: home,
    DISPLAY: await startDisplay(defer),
    GDK_BACKEND: 'x11',
    WEBKIT_DISABLE_COMPOSITING_MODE: '1',
    LIBGL_ALWAYS_SOFTWARE: '1',
  };
  const port = await freePort();
  start(driver, [`--port=${port}`, '--host=127.0.0.1'], { stdio: 'ignore', env }, defer);

  const root = `http://127.0.0.1:${port}`;
  await ready(root);
  const options = { binary: browser, args: ['--automation'] };
  const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } };
  const { sessionId } = await send<{ sessionId: string }>('POST', `${root}/session`, {
    capabilities,
  });
  const session = `${root}/session/${sessionId}`;
  defer(() => send('DELETE', session));
  await send('POST', `${session}/url`, { url: address });
};

/** Starts Xvfb on a free display; it says which one on the pipe it is given, once it is up. */
async function startDisplay(defer: Defer): Promise<string> {
  const args = ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp'];
  const server = start(display, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }, defer);
  for await (const line of createInterface(server.stdio[3] as Readable)) return `:${line}`;
  throw new Error(`${display} did not start`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function ready(root: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await send('GET', `${root}/status`);
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(50);
    }
  }
}

async function send<T>(method: string, address: string, body?: object): Promise<T> {
  const signal = AbortSignal.timeout(20_000);
  const response = await fetch(address, {
    method,
    body: body ? JSON.stringify(body) : null,
    signal,
  });
  const { value } = (await response.json()) as { value: T };
  if (!response.ok) throw new Error(`${method} ${address}: ${JSON.stringify(value)}`);
  return value;
}
