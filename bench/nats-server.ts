/** A NATS server of the tests' own, which they can kill and start again. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PATHS = ['/usr/sbin/nats-server', '/usr/local/bin/nats-server', '/usr/bin/nats-server'];

/** Path of the program, or undefined. */
export function findServer(): string | undefined {
  const { stdout } = spawnSync('sh', ['-c', 'command -v nats-server'], { encoding: 'utf8' });
  const found = stdout.trim();
  return found !== '' ? found : PATHS.find((path) => existsSync(path));
}

/** Reason to skip the tests that need a server; a missing one fails where it is required. */
export function missingServer(): string | undefined {
  if (findServer() !== undefined) return undefined;
  const reason = 'nats-server is not installed (apt install nats-server)';
  if (process.env.CI === 'true') throw new Error(reason);
  return reason;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class NatsServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'nearfar-nats-'));
  port = -1;
  /** Port for pages, where the configuration has WebSockets. */
  webSocketPort = -1;
  readonly #host: string;
  #config: string;
  #child: ChildProcess | undefined;

  readonly #remove = (): void => {
    this.#child?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };

  /**
   * @param config further lines of the configuration
   * @param host address that it listens at
   */
  constructor(config = '', host = '127.0.0.1') {
    this.#config = config;
    this.#host = host;
    process.once('exit', this.#remove);
  }

  /** Number of its process. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Gives it JetStream, with its own folder. */
  storeStreams(): this {
    this.#config += `\njetstream { store_dir: "${join(this.folder, 'streams')}" }`;
    return this;
  }

  get url(): string {
    return `nats://${this.#host}:${this.port}`;
  }

  /** Lets pages connect, too. */
  openWebSockets(): this {
    this.#config += '\nwebsocket { listen: "127.0.0.1:-1", no_tls: true }';
    return this;
  }

  /** Starts it, at the port that it had before. */
  async start(): Promise<this> {
    const file = join(this.folder, 'server.conf');
    writeFileSync(file, `listen: ${this.#host}:${this.port}\n${this.#config}\n`);
    for (const name of this.#portFiles()) rmSync(join(this.folder, name));
    const args = ['-c', file, '--ports_file_dir', this.folder];
    const child = spawn(findServer() as string, args, { stdio: 'ignore' });
    this.#child = child;
    for (let tries = 0; tries < 200; tries++) {
      const [name] = this.#portFiles();
      if (name !== undefined) {
        const { nats, websocket } = JSON.parse(
          readFileSync(join(this.folder, name), 'utf8') || '{}',
        ) as Record<'nats' | 'websocket', string[] | undefined>;
        const portOf = (urls: string[] | undefined): number => Number(urls?.[0]?.split(':').at(-1));
        const port = portOf(nats);
        if (port > 0) {
          this.port = port;
          this.webSocketPort = portOf(websocket);
          return this;
        }
      }
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
      await pause(25);
    }
    throw new Error('nats-server did not start');
  }

  #portFiles(): string[] {
    return readdirSync(this.folder).filter((name) => name.endsWith('.ports'));
  }

  /** Kills it. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Stops it for good. */
  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.#remove);
    this.#remove();
  }
}
