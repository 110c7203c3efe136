/**
 * Ranks that are processes, on one machine or several, connected by a NATS server. The client is an
 * optional peer dependency, imported when it is asked for.
 */

import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { connectRanks, type NatsConnection, RankLostError } from '../../distributed/index.js';
import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';
import type { Terminal } from '../../terminal/progress.js';
import type { Ranks } from './threads.js';

/** Milliseconds for which a server that is not there is tried again, and from one time to the next. */
const CONNECT_MS = 10_000;
const RETRY_MS = 300;

/** Package of the client. */
export const NATS_PACKAGE = '@nats-io/transport-node';

/** The part of `@nats-io/transport-node` that is used. */
interface Transport {
  connect(options: object): Promise<NatsConnection & { close(): Promise<void> }>;
  credsAuthenticator(creds: Uint8Array): unknown;
  nkeyAuthenticator(seed: Uint8Array): unknown;
}

/** A connection to a server, and how to end it. */
export type Connection = Awaited<ReturnType<Transport['connect']>>;

/** Imports a package that is next to this program, or in the folder where it runs; undefined if it is not. */
async function tryImport<Module>(name: string): Promise<Module | undefined> {
  try {
    return (await import(name)) as Module;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
  }
  try {
    const path = createRequire(join(process.cwd(), 'package.json')).resolve(name);
    return (await import(pathToFileURL(path).href)) as Module;
  } catch {
    return undefined;
  }
}

/**
 * Imports an optional package.
 *
 * @param others further packages that will be needed: those that are missing are named with it
 * @throws {InputError} if there is none
 */
export async function importOptional<Module>(
  name: string,
  others: readonly string[] = [],
): Promise<Module> {
  const found = await tryImport<Module>(name);
  if (found !== undefined) return found;
  const missing = [name];
  for (const other of others) if ((await tryImport(other)) === undefined) missing.push(other);
  const noun = missing.length === 1 ? 'the package' : 'the packages';
  throw new InputError(`--nats needs ${noun} ${missing.join(' and ')}: npm i ${missing.join(' ')}`);
}

/** Reads a variable, by default one that the program `nats` reads too. */
export function environment(name: string, program = 'NATS'): string | undefined {
  const value = process.env[`${program}_${name}`];
  return value === undefined || value === '' ? undefined : value;
}

/** Options of the connection: the server, and what it may demand of a client. */
function connectionOptions(url: string, transport: Transport): object {
  let parsed: URL;
  try {
    parsed = new URL(url.includes('://') ? url : `nats://${url}`);
  } catch {
    throw new InputError(`--nats ${url}: is not the URL of a server, such as nats://host:4222`);
  }
  const { protocol, host, username, password } = parsed;
  if (protocol !== 'nats:' && protocol !== 'tls:') {
    throw new InputError(`--nats ${url}: has to begin with nats:// or tls://`);
  }
  const file = (name: string): string | undefined => environment(name);
  const [creds, nkey] = [file('CREDS'), file('NKEY')];
  const user = username ? decodeURIComponent(username) : undefined;
  const token = environment('TOKEN') ?? (user !== undefined && password === '' ? user : undefined);
  const tls = {
    ...(file('CA') && { caFile: file('CA') }),
    ...(file('CERT') && { certFile: file('CERT') }),
    ...(file('KEY') && { keyFile: file('KEY') }),
  };
  const name = environment('USER') ?? (password === '' ? undefined : user);
  const pass =
    environment('PASSWORD') ?? (password === '' ? undefined : decodeURIComponent(password));
  return {
    servers: host,
    name: `nearfar ${hostname()}:${process.pid}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    noEcho: true,
    ...(token !== undefined && { token }),
    ...(name !== undefined && { user: name }),
    ...(pass !== undefined && { pass }),
    ...(protocol === 'tls:' || Object.keys(tls).length > 0 ? { tls } : {}),
    ...(creds !== undefined && { authenticator: transport.credsAuthenticator(readBytes(creds)) }),
    ...(nkey !== undefined && { authenticator: transport.nkeyAuthenticator(readSeed(nkey)) }),
  };
}

/** The seed of an NKey, from a file that may have lines around it. */
function readSeed(path: string): Uint8Array {
  const text = new TextDecoder().decode(readBytes(path));
  const seed = /\bS[A-Z2-7]{57}\b/.exec(text)?.[0];
  if (seed === undefined) throw new InputError(`NATS_NKEY ${path}: holds no seed of an NKey`);
  return new TextEncoder().encode(seed);
}

/**
 * Connects to a server.
 *
 * @throws {InputError} if it is not there, or does not let this client in
 */
export async function connectNats(url: string): Promise<Connection> {
  const transport = await importOptional<Transport>(NATS_PACKAGE);
  const options = connectionOptions(url, transport);
  for (const end = Date.now() + CONNECT_MS; ; ) {
    try {
      return await transport.connect(options);
    } catch (error) {
      const { message, cause } = error as Error;
      const reason = cause instanceof Error && cause.message !== '' ? cause.message : message;
      // A server that is being started again will be there soon.
      if (Date.now() < end && /ECONNREFUSED|ECONNRESET/.test(reason)) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      const shown = url.replace(/\/\/[^@/]*@/, '//…@');
      throw new InputError(`--nats ${shown}: cannot connect (${reason})`);
    }
  }
}

/** A job that ranks share. */
export interface Job {
  url: string;
  /** Hash of all that changes its bits. */
  job: string;
  ranks: number;
  /** Steps that this process has done. */
  step: number;
}

/** Joins a job, and waits for the other ranks. */
export async function joinJob({ url, ...job }: Job, terminal: Terminal): Promise<Ranks> {
  const connection = await connectNats(url);
  const say = (message: string): void => {
    terminal.line(message);
    terminal.event('waiting', { message });
  };
  try {
    const name = `${hostname()}:${process.pid}`;
    const secret = environment('SECRET', 'NEARFAR');
    const communicator = await connectRanks(connection, { ...job, name, secret, onWait: say });
    say(`rank ${communicator.rank} of ${job.ranks}, job ${job.job}`);
    return {
      communicator,
      onLost: ({ message }) => say(message),
      explain: (error) => (error instanceof RankLostError ? new InputError(error.message) : error),
      async end() {
        await communicator.close();
        await connection.close();
      },
    };
  } catch (error) {
    await connection.close();
    if (error instanceof RangeError)
      throw new InputError(error.message.replace('connectRanks: ', ''));
    throw error;
  }
}
