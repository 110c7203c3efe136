/** `fetchSentenceEncoder` from a hub of our own, and its caches. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FetchCache } from 'nearfar/models';
import { bytesInUse } from 'nearfar/nn';
import { collectGarbage } from '../garbage.js';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';
import {
  bert,
  bertRows,
  COMMIT,
  encodeFiles,
  fails,
  fetchRows,
  serving,
  sha256,
  WEIGHTS,
  weights,
} from './fetch-rows.js';
import { below, breakOff, FolderServer, serveBytes, tagOf } from './fetch-server.js';
import { fixtureFolder, json, withFiles } from './sentence-folders.js';

const test = suite('fetch from a hub');

/** A hub: files at its addresses, its list of them, and large files on another host. */
async function hub(
  body: (server: FolderServer, cdn: FolderServer) => Promise<void>,
  change: { list?: object | null; linked?: Record<string, string> } = {},
): Promise<void> {
  const id = 'owner/model';
  const served = new Map<string, Uint8Array>();
  for (const revision of [COMMIT, 'main', 'refs/pr/1']) {
    for (const [path, bytes] of bert) served.set(`${id}/resolve/${revision}/${path}`, bytes);
  }
  const siblings = [...bert].map(([rfilename, bytes]) => ({
    rfilename,
    size: bytes.length,
    ...(rfilename === WEIGHTS ? { lfs: { sha256: sha256(bytes), size: bytes.length } } : {}),
  }));
  const list = change.list === undefined ? { sha: COMMIT, siblings } : change.list;
  if (list !== null) {
    for (const revision of ['main', COMMIT, 'refs/pr/1']) {
      served.set(`api/models/${id}/revision/${revision}`, json(list));
    }
  }
  const server = await FolderServer.start(served);
  const cdn = await FolderServer.start(new Map([['blob', weights]]));
  for (const path of served.keys()) {
    if (!path.endsWith(WEIGHTS)) continue;
    server.behaviors.set(path, (response) => {
      response.writeHead(302, {
        location: `${cdn.address}/blob?signature=secret`,
        'x-linked-size': String(weights.length),
        'x-linked-etag': `"${sha256(weights)}"`,
        ...change.linked,
      });
      response.end();
    });
  }
  await collectGarbage();
  const before = bytesInUse();
  try {
    await body(server, cdn);
    same(bytesInUse(), before, 'bytes in use');
  } finally {
    await server.stop();
    await cdn.stop();
  }
}

test("a model of a hub comes from one commit, and the hub's token stays there", async () => {
  await hub(async (server, cdn) => {
    const options = {
      hub: server.address,
      headers: { Authorization: 'Bearer secret', 'x-key': 'k' },
    };
    for (const [name, revision] of [
      ['owner/model', undefined],
      ['owner/model@refs/pr/1', undefined],
      ['owner/model', 'refs/pr/1'],
      [`owner/model@${COMMIT}`, undefined],
      [`${server.address}/owner/model`, undefined],
      [`${server.address}/owner/model/tree/refs%2Fpr%2F1`, undefined],
    ] as const) {
      server.seen.splice(0);
      same(await fetchRows(name, { ...options, revision }), bertRows, name);
      for (const { path, headers } of server.seen) {
        const expected =
          path.startsWith('api/') || path.startsWith(`owner/model/resolve/${COMMIT}/`);
        check(expected, `${name}: ${path}`);
        same([headers.authorization, headers['x-key']], ['Bearer secret', 'k']);
      }
      // Nothing that the list lacks is asked for.
      const known = server.paths.filter((path) => !path.startsWith('api/'));
      check(
        known.every((path) => bert.has(path.split(COMMIT)[1]?.slice(1) ?? '')),
        `${known}`,
      );
    }
    check(cdn.seen.length > 0, 'the other host');
    for (const { headers } of cdn.seen) {
      same([headers.authorization, headers['x-key']], [undefined, undefined]);
    }
  });
  // A server that has a hub's addresses and none of its lists.
  await hub(
    async (server) => {
      same(await fetchRows('owner/model', { hub: server.address }), bertRows);
      check(server.paths.includes(`owner/model/resolve/main/${WEIGHTS}`), `${server.paths}`);
    },
    { list: null },
  );
});

test('sizes and hashes of a hub are compared', async () => {
  const wrong = 'f'.repeat(64);
  const list = (change: object): object => ({
    sha: COMMIT,
    siblings: [...bert].map(([rfilename, bytes]) => ({
      ...{ rfilename, size: bytes.length },
      ...(rfilename === WEIGHTS ? change : {}),
    })),
  });
  const name = `model.safetensors \\(http.*/model\\.safetensors\\)`;
  for (const [change, message] of [
    [
      { list: null, linked: { 'x-linked-etag': `"${wrong}"` } },
      new RegExp(`${name}: its SHA-256 is [0-9a-f]{64}, where ${wrong} was announced`),
    ],
    [
      { list: null, linked: { 'x-linked-size': '100' } },
      new RegExp(`${name}: content-length says ${weights.length} bytes, where 100 were announced`),
    ],
    [
      { list: list({ lfs: { sha256: wrong } }) },
      new RegExp(`${name}: its hub says two SHA-256, ${wrong} and [0-9a-f]{64}`),
    ],
    [{ list: list({ size: 7 }) }, new RegExp(`${name}: x-linked-size says`)],
    [{ list: { sha: COMMIT, siblings: [] } }, /config\.json \(.*\): it is not there/],
  ] as const) {
    await hub(async (server) => {
      const error = await fails(fetchRows('owner/model', { hub: server.address }), message);
      check(!error.message.includes('secret'), error.message);
    }, change);
  }
});

test('damage on the way is found by the hash, and mended by another try', async () => {
  await hub(async (server, cdn) => {
    cdn.behaviors.set('blob', (response, bytes, request, count) => {
      if (count === 0) return breakOff(response, bytes, 5000);
      const from = Number(/\d+/.exec(request.headers.range ?? '0'));
      if (from === 0) return serveBytes(response, bytes, request);
      const damaged = bytes.slice();
      damaged.fill(1, -40);
      // The tag of the whole, and other bytes.
      return serveBytes(response, damaged, request, { etag: tagOf(bytes) });
    });
    same(await fetchRows('owner/model', { hub: server.address }), bertRows);
    same(
      cdn.seen.map(({ headers }) => headers.range ?? ''),
      ['', 'bytes=5000-', ''],
    );
  });
});

test('a cache asks whether files changed, and is used when no server answers', async () => {
  const folder = temporaryFolder('fetch');
  const files = fixtureFolder('bert-v2');
  const served = below('folder', files);
  const server = await FolderServer.start(served);
  const url = `${server.address}/folder/?key=hidden`;
  const options = { cache: folder, retries: 0 };
  same(await fetchRows(url, options), bertRows);
  const names = readdirSync(folder).join(' ');
  check(!names.includes('hidden') && !names.includes('partial'), names);
  server.seen.splice(0);
  same(await fetchRows(url, options), bertRows);
  const gets = server.seen.filter(({ method }) => method === 'GET').map(({ path }) => path);
  // What was not there is looked for again.
  check(
    gets.every((path) => !served.has(path)),
    `asked again for ${gets}`,
  );
  const changed = weights.slice();
  changed.set([0, 0, 0x80, 0x3f], changed.length - 4);
  served.set(`folder/${WEIGHTS}`, changed);
  const changedRows = encodeFiles(withFiles(bert, { [WEIGHTS]: changed }));
  same(await fetchRows(url, options), changedRows, 'changed');
  // Kept files that were damaged are fetched again.
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(WEIGHTS.replace(/.*\./, '.')) && !name.includes('safetensors')) continue;
    const path = join(folder, name);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(path, bytes);
  }
  same(await fetchRows(url, options), changedRows, 'damaged');
  await server.stop();
  same(await fetchRows(url, options), changedRows, 'offline');
  await fails(fetchRows(url, { cache: false, retries: 0 }), /the connection failed/);
});

test('a commit in a cache is asked for no more', async () => {
  const kept = new Map<string, Uint8Array>();
  const cache: FetchCache = {
    match: async (key) => kept.get(key),
    put: async (key, bytes) => kept.set(key, bytes.slice()),
  };
  let address = '';
  await hub(async (server, cdn) => {
    address = server.address;
    const options = { hub: address, cache };
    same(await fetchRows('owner/model', options), bertRows);
    const asked = [server.seen.splice(0).length, cdn.seen.splice(0).length];
    check((asked[0] as number) > 3 && asked[1] === 1, `${asked}`);
    same(await fetchRows('owner/model', options), bertRows);
    same([server.paths, cdn.seen.length], [['api/models/owner/model/revision/main'], 0]);
    server.seen.splice(0);
    same(await fetchRows(`owner/model@${COMMIT}`, options), bertRows);
    same(await fetchRows(`owner/model@${COMMIT}`, options), bertRows);
    same(server.seen.length, 1, 'requests of a commit');
  });
  same(await fetchRows('owner/model', { hub: address, cache, retries: 0 }), bertRows, 'offline');
  // A store that fails is a store without it.
  const broken: FetchCache = {
    match: () => Promise.reject(new Error('no')),
    put: () => Promise.reject(new Error('no')),
  };
  await hub(async (server) => {
    same(await fetchRows('owner/model', { hub: server.address, cache: broken }), bertRows);
  });
});

test('the Cache API keeps files where there is one', async () => {
  const kept = new Map<string, Response>();
  const fake = {
    open: async () => ({
      match: async (key: string) => kept.get(new Request(key).url)?.clone(),
      put: async (key: string, response: Response) => {
        kept.set(new Request(key).url, response);
      },
    }),
  };
  const global = globalThis as { caches?: unknown };
  const before = global.caches;
  global.caches = fake;
  try {
    await serving(bert, async (server, url) => {
      same(await fetchRows(`${url}?q=1`, { cache: true }), bertRows);
      server.seen.splice(0);
      same(await fetchRows(`${url}?q=1`, { cache: true }), bertRows);
      check(
        server.seen.every(({ method, path }) => method === 'HEAD' || !/safetensors/.test(path)),
        'weights were fetched again',
      );
    });
  } finally {
    if (before === undefined) delete global.caches;
    else global.caches = before;
  }
});
