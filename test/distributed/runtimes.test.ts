/**
 * Ranks of other runtimes: Deno, Bun and a tab of Chromium, each together with a rank of Node, give the
 * weights of one rank.
 */

import { join, resolve } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { build } from 'esbuild';
import { missingServer, NatsServer } from '../../bench/nats-server.js';
import { same, suite } from '../harness.js';
import { windows } from '../runtimes/browsers.js';
import { withCleanup } from '../runtimes/cleanup.js';
import { servePage } from '../runtimes/page.js';
import { execute, within } from '../runtimes/process.js';
import { fromDebian, fromNpm, makeFolder, missingFile, toolFile } from '../runtimes/runtime.js';
import { temporaryFolder } from '../temporary.js';
import { trainRank, type Weights } from './runtime-rank.js';

const test = suite('distributed runtimes');
const SECONDS = 120;

/** Bundles a rank, with what it needs of NATS, for a runtime. */
async function bundle(folder: string, source: string, platform: 'node' | 'browser'): Promise<void> {
  await build({
    stdin: { contents: source, resolveDir: 'test/distributed', loader: 'ts' },
    outfile: join(folder, 'main.js'),
    bundle: true,
    format: 'esm',
    platform,
    target: 'es2022',
    alias: Object.fromEntries(
      ['distributed', 'models', 'nn'].map((name) => [
        `nearfar/${name}`,
        resolve(`dist/${name}.js`),
      ]),
    ),
    // The client of NATS asks for modules of Node as CommonJS does.
    ...(platform === 'node' && {
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    }),
    logLevel: 'error',
  });
}

/** Runs the rank of another runtime; gives its weights. */
type Rank = (server: NatsServer) => Promise<Weights>;

const command =
  (name: string, program: string, ...args: string[]): Rank =>
  async ({ url }) => {
    const folder = await makeFolder(temporaryFolder(`rank-${name}`), name, {
      'package.json': '{ "type": "module" }',
    });
    const source = `import { connect } from '@nats-io/transport-node';
import { trainRank } from './runtime-rank.js';
const connection = await connect({ servers: '${url}' });
console.log(JSON.stringify(await trainRank(connection)));
await connection.close();
`;
    await bundle(folder, source, 'node');
    const env = { DENO_DIR: join(folder, 'cache'), DENO_NO_UPDATE_CHECK: '1' };
    return JSON.parse(
      await execute(program, [...args, 'main.js'], { folder, seconds: SECONDS, env }),
    );
  };

const page: Rank = async ({ webSocketPort }) => {
  const folder = await makeFolder(temporaryFolder('rank-page'), 'page', {
    'index.html':
      '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>',
  });
  const source = `import { wsconnect } from '@nats-io/nats-core';
import { trainRank } from './runtime-rank.js';
const send = (path: string, body: string) => fetch(path, { method: 'POST', body });
wsconnect({ servers: 'ws://127.0.0.1:${webSocketPort}' })
  .then((connection) => trainRank(connection))
  .then((weights) => send('/result', JSON.stringify(weights)))
  .catch((error) => send('/error', String(error.stack ?? error)));
`;
  await bundle(folder, source, 'browser');
  const home = await makeFolder(folder, 'home', {});
  const [chromium] = windows;
  return withCleanup(async (defer) => {
    const { address, result } = await servePage(folder, defer);
    const visit = async (): Promise<string> => {
      await chromium?.open(address, home, defer);
      return result;
    };
    return JSON.parse(await within(SECONDS, 'the page', visit()));
  });
};

const [deno, bun] = ['deno', 'bun'].map((name) => toolFile(`.bin/${name}`)) as [string, string];
const RUNTIMES: readonly { name: string; needs: readonly string[]; install: string; rank: Rank }[] =
  [
    {
      ...{ name: 'deno', needs: [deno], install: fromNpm },
      rank: command('deno', deno, 'run', '--allow-all', '--no-config'),
    },
    {
      ...{ name: 'bun', needs: [bun], install: fromNpm },
      rank: command('bun', bun, '--no-install'),
    },
    {
      ...{ name: 'a tab of Chromium', needs: windows[0]?.needs ?? [], install: fromDebian },
      rank: page,
    },
  ];

for (const { name, needs, install, rank } of RUNTIMES) {
  const title = `Node and ${name}: the weights of one rank`;
  const missing =
    missingServer() ?? (process.env.CI === 'true' ? undefined : missingFile([...needs], install));
  if (missing !== undefined) {
    test.skip(title, missing);
    continue;
  }
  test(title, async () => {
    const server = await new NatsServer().openWebSockets().start();
    const connection = await connect({ servers: server.url });
    try {
      const expected = await trainRank();
      const [there, here] = await Promise.all([
        rank(server),
        within(SECONDS, 'the rank of Node', trainRank(connection)),
      ]);
      same(here, expected, 'Node');
      same(there, expected, name);
    } finally {
      await connection.close();
      await server.stop();
    }
  });
}
