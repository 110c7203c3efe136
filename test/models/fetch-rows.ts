/** A folder, its rows and a server of it, for the tests of fetching. */

import { createHash } from 'node:crypto';
import {
  type FetchSentenceOptions,
  type Files,
  fetchSentenceEncoder,
  loadSentenceEncoder,
} from 'nearfar/models';
import { bytesInUse } from 'nearfar/nn';
import { check } from '../harness.js';
import { type Behavior, below, FolderServer } from './fetch-server.js';
import { fixtureFolder } from './sentence-folders.js';

export const WEIGHTS = 'model.safetensors';
const TEXTS = ['near', 'far and near', 'what is near is pulled together'];
export const COMMIT = '0123456789abcdef0123456789abcdef01234567';
/** No waiting in tests. */
const QUICK: FetchSentenceOptions = { cache: false, retryDelay: 0.001 };

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** Rows of an encoder that is loaded from files. */
export function encodeFiles(files: Files): number[] {
  const encoder = loadSentenceEncoder(files);
  const rows = [...encoder.encode(TEXTS).data];
  encoder.dispose();
  return rows;
}

/** Fetches, encodes and frees. */
export async function fetchRows(
  url: string | URL,
  options: FetchSentenceOptions = {},
): Promise<number[]> {
  const encoder = await fetchSentenceEncoder(url, { ...QUICK, ...options });
  const rows = [...encoder.encode(TEXTS).data];
  encoder.dispose();
  return rows;
}

export async function fails(work: Promise<unknown>, message: RegExp | string): Promise<Error> {
  let error: unknown;
  try {
    await work;
  } catch (reason) {
    error = reason;
  }
  check(error instanceof Error, `expected an error, got ${error}`);
  const fits =
    typeof message === 'string' ? error.message.includes(message) : message.test(error.message);
  check(fits, `expected ${message}, got ${error.message}`);
  return error;
}

/** Runs something with a server of a folder, whose weights behave in some way. */
export async function serving(
  files: Files,
  body: (server: FolderServer, url: string) => Promise<void>,
  behaviors: Readonly<Record<string, Behavior>> = {},
): Promise<void> {
  const served = below('folder', files);
  const server = await FolderServer.start(served);
  for (const [path, behavior] of Object.entries(behaviors)) {
    server.behaviors.set(`folder/${path}`, behavior);
  }
  const before = bytesInUse();
  try {
    await body(server, `${server.address}/folder`);
    // Encoders of earlier tests may be collected meanwhile.
    check(bytesInUse() <= before, `${bytesInUse()} bytes in use, ${before} before`);
  } finally {
    await server.stop();
  }
}

export const bert = fixtureFolder('bert-v2');
export const bertRows = encodeFiles(bert);
export const weights = bert.get(WEIGHTS) as Uint8Array;
