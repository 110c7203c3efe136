/** `fetchSentenceEncoder` against a server of our own that does what servers do. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type FetchProgress, fetchSentenceEncoder } from 'nearfar/models';
import { check, same, suite } from '../harness.js';
import {
  bert,
  bertRows,
  encodeFiles,
  fails,
  fetchRows,
  serving,
  WEIGHTS,
  weights,
} from './fetch-rows.js';
import { type Behavior, breakOff, serveBytes, tagOf } from './fetch-server.js';
import { FIXTURES, fixtureFolder, fixtureNames, inShards, withFiles } from './sentence-folders.js';

const test = suite('fetch');

test('a folder of every kind gives the rows of its files, and no other file is asked for', async () => {
  for (const name of fixtureNames) {
    const folder = fixtureFolder(name);
    const extra = withFiles(folder, {
      'onnx/model.onnx': {},
      'pytorch_model.bin': {},
      'README.md': {},
    });
    await serving(extra, async (server, url) => {
      same(await fetchRows(url), encodeFiles(folder), name);
      const foreign = server.paths.filter((path) => /onnx|bin$|README|merges|vocab/.test(path));
      same(foreign, [], name);
    });
  }
});

test('addresses: slashes, queries, hashes, URL objects', async () => {
  await serving(bert, async (server, url) => {
    for (const each of [`${url}/`, new URL(url), `${url}/?token=hidden#part`]) {
      server.seen.splice(0);
      same(await fetchRows(each), bertRows, String(each));
      const query = String(each).includes('?') ? '?token=hidden' : '';
      check(
        server.seen.every((request) => request.query === query),
        `queries of ${each}`,
      );
      check(
        server.paths.every((path) => path.startsWith('folder/') && !path.includes('//')),
        `paths ${server.paths}`,
      );
    }
  });
  same(await fetchRows(pathToFileURL(join(FIXTURES, 'bert-v2'))), bertRows, 'file');
  await fails(
    fetchRows(pathToFileURL(join(FIXTURES, 'no such folder'))),
    /config\.json \(file:\/\/.*no%20such%20folder\/config\.json\): cannot read it \(ENOENT\)/,
  );
});

test('progress counts up to the size of each file and of all', async () => {
  await serving(bert, async (_, url) => {
    const last = new Map<string, FetchProgress>();
    let received = 0;
    await fetchRows(url, {
      onProgress(progress) {
        const before = last.get(progress.file)?.received ?? 0;
        check(progress.received >= before, `${progress.file} shrinks`);
        received = progress.receivedOfAll;
        last.set(progress.file, progress);
      },
    });
    for (const [file, { received, total }] of last) {
      same([received, total], [bert.get(file)?.length, bert.get(file)?.length], file);
    }
    same(
      received,
      [...last.values()].reduce((sum, each) => sum + each.received, 0),
    );
    check(last.has(WEIGHTS), 'weights');
    const thrown = new Error('mine');
    const error = await fails(
      fetchRows(url, {
        onProgress() {
          throw thrown;
        },
      }),
      'mine',
    );
    check(error === thrown, "a callback's own error comes out");
  });
});

test('a connection that breaks goes on where it ended', async () => {
  const end = 5000;
  const behavior: Behavior = (response, bytes, request, count) => {
    if (count < 2) {
      const from = Number(/\d+/.exec(request.headers.range ?? '0'));
      if (from === 0) return breakOff(response, bytes, end);
      response.writeHead(206, {
        etag: tagOf(bytes),
        'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
        'content-length': String(bytes.length - from),
      });
      response.write(bytes.subarray(from, from + end), () =>
        setImmediate(() => response.destroy()),
      );
      return undefined;
    }
    return serveBytes(response, bytes, request);
  };
  await serving(
    bert,
    async (server, url) => {
      same(await fetchRows(url), bertRows);
      const asked = server.seen.filter(({ path }) => path.endsWith(WEIGHTS));
      same(
        asked.map(({ headers }) => headers.range ?? ''),
        ['', `bytes=${end}-`, `bytes=${2 * end}-`],
      );
      same(asked[1]?.headers['if-range'], tagOf(weights));
    },
    { [WEIGHTS]: behavior },
  );
});

test('a server that knows no parts sends all of it again', async () => {
  await serving(
    bert,
    async (server, url) => {
      same(await fetchRows(url), bertRows);
      same(server.seen.filter(({ path }) => path.endsWith(WEIGHTS)).length, 2);
    },
    {
      [WEIGHTS]: (response, bytes, _, count) => {
        if (count === 0) return breakOff(response, bytes, 5000);
        response.writeHead(200, { etag: tagOf(bytes) }).end(bytes);
        return undefined;
      },
    },
  );
});

test('without a tag nothing is put together', async () => {
  await serving(
    bert,
    async (server, url) => {
      same(await fetchRows(url), bertRows);
      const asked = server.seen.filter(({ path }) => path.endsWith(WEIGHTS));
      same(asked[1]?.headers.range, undefined);
    },
    {
      [WEIGHTS]: (response, bytes, _, count) => {
        response.writeHead(200, { 'content-length': String(bytes.length) });
        if (count > 0) response.end(bytes);
        else response.write(bytes.subarray(0, 5000), () => setImmediate(() => response.destroy()));
      },
    },
  );
});

test('a file that changes between two tries is never a mixture', async () => {
  const other = weights.slice();
  // The last number of the file: another one, finite.
  other.set([0, 0, 0x80, 0x3f], other.length - 4);
  const changedRows = encodeFiles(withFiles(bert, { [WEIGHTS]: other }));
  for (const heedsIfRange of [true, false]) {
    await serving(
      bert,
      async (_, url) => {
        same(await fetchRows(url), changedRows, `If-Range ${heedsIfRange}`);
      },
      {
        [WEIGHTS]: (response, bytes, request, count) => {
          if (count === 0) return breakOff(response, bytes, 5000);
          if (!heedsIfRange) delete request.headers['if-range'];
          return serveBytes(response, other, request);
        },
      },
    );
  }
});

test('what is longer, shorter or other than announced is refused', async () => {
  const cases: readonly (readonly [string, Behavior, RegExp])[] = [
    [
      'a length that its header contradicts',
      (response, bytes) => {
        response.writeHead(200, { 'content-length': '9000' }).end(bytes.subarray(0, 9000));
      },
      /model\.safetensors \(http.*folder\/model\.safetensors\): its own header says \d+ bytes, where 9000 were announced/,
    ],
    [
      'more than its header says',
      (response, bytes) => {
        response.writeHead(200);
        response.write(bytes);
        response.end(new Uint8Array(70000));
      },
      /the server sends more than the \d+ bytes that it announced/,
    ],
    [
      'less than its header says',
      (response, bytes) => void response.writeHead(200).end(bytes.subarray(0, -9)),
      /it ended after \d+ of \d+ bytes, at the last of 5 tries; try again later/,
    ],
    [
      'a header without end',
      (response) => {
        response.writeHead(200);
        response.end(Uint8Array.of(255, 255, 255, 255, 255, 0, 0, 0, 1));
      },
      /the folder is larger than maxBytes, 2147483648/,
    ],
    [
      'a page',
      (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      /the server answers with a page of HTML: check the address/,
    ],
    [
      'a redirect in a circle',
      (response) => void response.writeHead(302, { location: '/folder/model.safetensors' }).end(),
      /it redirects more than 10 times/,
    ],
    [
      'a redirect to nowhere',
      (response) => void response.writeHead(302).end(),
      /it answers 302 without a valid location/,
    ],
    [
      'a redirect to a file',
      (response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      /it redirects to file:\/\/\/etc\/passwd, which is not safe/,
    ],
    ...([404, 403, 401, 410, 451, 204] as const).map(
      (status) =>
        [
          String(status),
          (response) => void response.writeHead(status).end(),
          new RegExp(`model\\.safetensors .*the server answers ${status}: `),
        ] as const satisfies readonly [string, Behavior, RegExp],
    ),
    ...([500, 503, 429] as const).map(
      (status) =>
        [
          String(status),
          (response) => void response.writeHead(status, { 'retry-after': '0' }).end(),
          new RegExp(`the server answers ${status}, at the last of 5 tries; try again later`),
        ] as const satisfies readonly [string, Behavior, RegExp],
    ),
    [
      'a server that is busy for an hour',
      (response) => void response.writeHead(429, { 'retry-after': '3600' }).end(),
      /the server answers 429 and wants to be asked in 3600 s/,
    ],
  ];
  for (const [what, behavior, message] of cases) {
    await serving(
      bert,
      async (_, url) => {
        await fails(fetchRows(url), message).catch((error) => {
          throw new Error(`${what}: ${error}`);
        });
      },
      { [WEIGHTS]: behavior },
    );
  }
});

test('a server that fails at first is asked again', async () => {
  const failing =
    (status: number): Behavior =>
    (response, bytes, request, count) => {
      if (count > 1) return serveBytes(response, bytes, request);
      response.writeHead(status, { 'retry-after': '0' }).end();
      return undefined;
    };
  await serving(
    bert,
    async (server, url) => {
      same(await fetchRows(url), bertRows);
      const asked = server.seen.filter(({ path }) => path.endsWith('tokenizer.json'));
      same(asked.length, 3);
    },
    { 'tokenizer.json': failing(503), [WEIGHTS]: failing(429), 'config.json': failing(500) },
  );
});

test('what is missing and may be is not needed, whatever the server says of it', async () => {
  const plain = fixtureFolder('bert-v2');
  for (const path of [
    'modules.json',
    '1_Pooling/config.json',
    'config_sentence_transformers.json',
  ]) {
    plain.delete(path);
  }
  const answers: readonly Behavior[] = [
    (response) => void response.writeHead(404).end(),
    (response) => void response.writeHead(403).end(),
    (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  ];
  for (const answer of answers) {
    await serving(
      plain,
      async (_, url) => {
        same(await fetchRows(url), encodeFiles(plain));
      },
      { 'modules.json': answer, 'config_sentence_transformers.json': answer },
    );
  }
  await serving(new Map(), async (_, url) => {
    await fails(fetchRows(url), /config\.json \(http.*\): the server answers 404: it is not there/);
  });
});

test('compressed answers are files', async () => {
  await serving(
    bert,
    async (_, url) => {
      same(await fetchRows(url), bertRows);
    },
    Object.fromEntries(
      ['tokenizer.json', 'config.json', WEIGHTS].map((path) => [
        path,
        (response, bytes) => {
          const body = gzipSync(bytes);
          response.writeHead(200, {
            'content-encoding': 'gzip',
            'content-length': String(body.length),
          });
          response.end(body);
        },
      ]),
    ),
  );
});

test('a stalled server is given up, an aborted call ends at once', async () => {
  const stall: Behavior = (response, bytes) => {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(0, 4000));
  };
  await serving(
    bert,
    async (server, url) => {
      await fails(
        fetchRows(url, { timeout: 0.05, retries: 1 }),
        /model\.safetensors .*: nothing arrived for 0\.05 s, at the last of 2 tries/,
      );
      const reason = new Error('enough');
      for (const [what, options, when] of [
        ['while bytes are awaited', {}, WEIGHTS],
        ['between two tries', { timeout: 0.05, retryDelay: 1000 }, undefined],
      ] as const) {
        const controller = new AbortController();
        const work = fetchRows(url, {
          ...options,
          signal: controller.signal,
          onProgress({ file, received }) {
            if (file === when && received > 0) controller.abort(reason);
          },
        });
        if (when === undefined) setTimeout(() => controller.abort(reason), 150);
        check((await fails(work, 'enough')) === reason, what);
      }
      const asked = server.seen.length;
      const error = await fails(fetchRows(url, { signal: AbortSignal.abort() }), /abort/i);
      same([error.name, server.seen.length], ['AbortError', asked]);
      // A runtime that does not heed the signal ends no later.
      const controller = new AbortController();
      const deaf = fetchRows(url, {
        signal: controller.signal,
        fetch: () => new Promise(() => controller.abort(reason)),
      });
      check((await fails(deaf, 'enough')) === reason, 'a deaf fetch');
    },
    { [WEIGHTS]: stall },
  );
});

test('bytes without end are refused at the limit', async () => {
  await serving(
    bert,
    async (_, url) => {
      await fails(
        fetchRows(url, { maxBytes: 200_000 }),
        /tokenizer\.json .*: the folder is larger than maxBytes, 200000: give a larger one/,
      );
      await fails(fetchRows(url, { maxBytes: 1000 }), /larger than maxBytes, 1000/);
    },
    {
      'tokenizer.json': (response) => {
        response.writeHead(200);
        const piece = new Uint8Array(20_000).fill(32);
        const more = (): void => {
          if (!response.destroyed) response.write(piece, () => setImmediate(more));
        };
        more();
      },
    },
  );
});

test('weights in shards are fetched by their index, from within the folder', async () => {
  for (const [name, at] of [
    ['bert-v6', ''],
    ['static-v5', '0_StaticEmbedding/'],
  ] as const) {
    const files = fixtureFolder(name);
    const { replaced, shards } = inShards(files, at);
    await serving(withFiles(files, replaced), async (server, url) => {
      same(await fetchRows(url), encodeFiles(files), name);
      check(server.paths.includes(`folder/${at}${shards[0]}`), `${server.paths}`);
    });
    const index = { weight_map: { a: '../../secret' } };
    const hostile = { ...replaced, [`${at}model.safetensors.index.json`]: index };
    await serving(withFiles(files, hostile), async (server, url) => {
      await fails(fetchRows(url), /secret" is not within the folder/);
      check(!server.paths.some((path) => path.includes('secret')), `${server.paths}`);
    });
  }
});

test('folders that no encoder reads are refused before their weights are fetched', async () => {
  const files = withFiles(bert, {
    'modules.json': [{ idx: 0, path: '', type: 'sentence_transformers.models.CLIPModel' }],
  });
  await serving(files, async (server, url) => {
    await fails(fetchRows(url), /CLIPModel", which is not supported/);
    check(!server.paths.includes(`folder/${WEIGHTS}`), `${server.paths}`);
  });
  const damaged = withFiles(bert, { 'tokenizer.json': { model: { type: 'Markov' } } });
  await serving(damaged, async (_, url) => {
    const error = await fails(
      fetchRows(url),
      /^fetchSentenceEncoder: http:.*\/folder\/: tokenizer/,
    );
    check(error instanceof RangeError, error.name);
  });
});

test('arguments that mean no folder are refused', async () => {
  for (const [given, options, message] of [
    [7, {}, /url must be the URL of a folder/],
    ['', {}, /url must be the URL of a folder/],
    ['minilm', {}, /url must be the URL of a folder/],
    ['a/b/c', {}, /owner\/name of a model/],
    ['./minilm', {}, /in a page also/],
    ['C:\\models\\minilm', {}, /url must be/],
    ['../up', {}, /url must be/],
    ['ftp://host/x', {}, /of http, https or file, got "ftp:"/],
    ['http://', {}, /url must be a valid URL/],
    ['https://host/x', { revision: 'main' }, /revision is for models on a hub/],
    ['a/b@one', { revision: 'two' }, /revision must be one, as the id says/],
    ['a/b', { revision: '' }, /revision must be a branch/],
    ['a/b', { hub: 'nowhere' }, /hub must be a valid URL/],
    ['a/b', { hub: 'file:///x' }, /hub must be a URL of http or https/],
    ['a/b', { headers: [] }, /headers must be an object of strings/],
    ['a/b', { headers: { a: 1 } }, /headers\.a must be a string/],
    ['a/b', { headers: { a: 'b\nc' } }, /headers\.a must be a valid header/],
    ['a/b', { signal: { aborted: false } }, /signal must be an AbortSignal/],
    ['a/b', { cache: 1 }, /cache must be true, false/],
    ['a/b', { timeout: 0 }, /timeout must be greater than 0/],
    ['a/b', { retries: -1 }, /retries must be a whole number/],
    ['a/b', { maxBytes: 0.5 }, /maxBytes must be a whole number/],
    ['a/b', { precision: 'int4' }, /precision must be 'float32' or 'int8'/],
    ['a/b', { onprogress: () => {} }, /unknown option "onprogress"/],
  ] as const) {
    await fails(
      fetchSentenceEncoder(given as string, { cache: false, ...options } as object),
      message,
    );
  }
  const error = await fails(fetchRows('https://me:word@host/x'), /user name and password/);
  check(!error.message.includes('word@'), error.message);
});
