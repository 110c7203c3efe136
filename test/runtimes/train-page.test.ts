/**
 * The example page that trains a sentence encoder, in browsers: 2,000 pasted pairs, what the page
 * could do meanwhile, and the weights that it gives for download next to those of this process.
 */

import { createHash } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { unzipSync } from 'fflate';
import { loadEnglish } from 'nearfar/english';
import { type SentenceEncoder, saveSentenceEncoder } from 'nearfar/models';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';
import { windows } from './browsers.js';
import { withCleanup } from './cleanup.js';
import { type Open, servePage } from './page.js';
import { within } from './process.js';
import { fromDebian, makeFolder, missingFile } from './runtime.js';
import { openWebKit, webKitFiles } from './webkit.js';

const test = suite('train in a page');

/** Uses the page in a frame as a person does, and counts what the browser does meanwhile. */
const DRIVER = `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
<iframe src="examples/train-in-a-page/index.html" width="800" height="600"></iframe>
<script type="module">
const send = (path, body) => fetch(path, { method: 'POST', body });
const frame = document.querySelector('iframe');
try {
  const lines = (await (await fetch('pairs.tsv')).text());
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { document: page } = frame.contentWindow;
  const element = (id) => page.getElementById(id);
  while (page.readyState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 50));
  element('pairs').value = lines;
  let [frames, ticks] = [0, 0];
  const long = [];
  let last = performance.now();
  const training = () => element('state').value.startsWith('step');
  setInterval(() => {
    const now = performance.now();
    if (training()) {
      ticks++;
      long.push(now - last);
    }
    last = now;
  }, 0);
  const draw = () => {
    if (training()) frames++;
    requestAnimationFrame(draw);
  };
  draw();
  element('train').click();
  while (element('results').hidden) {
    if (!element('train').disabled) throw new Error(element('state').value);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const blob = await new Promise((resolve) => {
    frame.contentWindow.URL.createObjectURL = (object) => (resolve(object), 'blob:');
    frame.contentWindow.HTMLAnchorElement.prototype.click = () => {};
    element('download').click();
  });
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let zip = '';
  for (let i = 0; i < bytes.length; i += 30000) zip += String.fromCharCode(...bytes.subarray(i, i + 30000));
  send('/result', JSON.stringify({
    zip: btoa(zip), frames, ticks, state: element('state').value,
    longest: Math.max(...long), verdict: element('verdict').textContent,
    rows: [...element('scores').rows].map((row) => [...row.cells].map((cell) => cell.textContent)),
    found: element('found').querySelectorAll('li').length,
  }));
} catch (error) {
  send('/error', String(error.stack ?? error));
}
</script>
`;

interface Result {
  zip: string;
  frames: number;
  ticks: number;
  state: string;
  longest: number;
  verdict: string;
  rows: string[][];
  found: number;
}

/** The lines of 2,000 pairs, as they are pasted. */
function pastedPairs(): string {
  const lines = ['github', 'typescript'].flatMap((name) =>
    readFileSync(`dist/samples/sentences/${name}.jsonl`, 'utf8').trim().split('\n'),
  );
  const pairs = lines.slice(0, 2000).map((line) => JSON.parse(line));
  return pairs.map(({ query, document }) => `${query}\t${document}`).join('\n');
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let own: Promise<Map<string, string>> | undefined;

/** The part of the example that runs in Node, too. */
interface Example {
  parsePairs(text: string): [string, string][];
  splitPairs(pairs: [string, string][]): { training: [string, string][] };
  trainOnPairs(encoder: SentenceEncoder, pairs: [string, string][]): Promise<void>;
}

/** Trains in this process and hashes the files of the folder. */
function trainHere(): Promise<Map<string, string>> {
  own ??= (async () => {
    const file = resolve('dist/examples/train-in-a-page/train.js');
    const { parsePairs, splitPairs, trainOnPairs }: Example = await import(
      pathToFileURL(file).href
    );
    const encoder = await loadEnglish();
    await trainOnPairs(encoder, splitPairs(parsePairs(pastedPairs())).training);
    const files = saveSentenceEncoder(encoder);
    return new Map([...files].map(([path, bytes]) => [`encoder/${path}`, hashOf(bytes)]));
  })();
  return own;
}

async function trainThere(name: string, open: Open): Promise<Result> {
  const folder = await makeFolder(temporaryFolder(`train-${name}`), 'page', {
    'index.html': DRIVER,
    'pairs.tsv': pastedPairs(),
  });
  for (const entry of ['examples', 'samples/sentences']) {
    cpSync(join('dist', entry), join(folder, entry), { recursive: true });
  }
  cpSync('dist', folder, {
    recursive: true,
    filter: (file) => resolve(file) === resolve('dist') || /\.js$/.test(file),
  });
  const home = await makeFolder(folder, 'home', {});
  return withCleanup(async (defer) => {
    const page = await servePage(folder, defer);
    const visit = async () => {
      await open(page.address, home, defer);
      return page.result;
    };
    return JSON.parse(await within(240, name, visit()));
  });
}

test('pasted lines are pairs of two texts, or are refused', async () => {
  const file = resolve('dist/examples/train-in-a-page/train.js');
  const { parsePairs }: Example = await import(pathToFileURL(file).href);
  const read = (text: string): string => {
    try {
      return JSON.stringify(parsePairs(text));
    } catch (error) {
      return (error as Error).message;
    }
  };
  const expected = '[["near","far"]]';
  for (const text of [
    'near\tfar',
    'Query\tDocument\nnear\tfar\n\nnear\tfar\t\n',
    '["near","far"]',
    '{"x":"near","y":"far","n":1}',
    '{"id":"q1","query":"near","document":"far"}',
  ]) {
    same(read(text), expected, text);
  }
  same(read('near\tfar\nq1\tnear\tfar'), 'line 2 has 3 texts, not two with a tab between them');
  same(read('near,far'), 'line 1 has one text, not two with a tab between them');
  same(read('{"id":"q1","x":"near","y":"far"}').slice(0, 18), 'line 1 has 3 texts');
  same(read('{"near"'), 'line 1 is not JSON');
});

const browsers = [...windows, { name: 'webkit', open: openWebKit, needs: webKitFiles }];

for (const { name, open, needs } of browsers) {
  const missing = process.env.CI === 'true' ? undefined : missingFile(needs, fromDebian);
  if (missing !== undefined) {
    test.skip(name, missing);
    continue;
  }
  test(name, async () => {
    const result = await trainThere(name, open);
    const files = unzipSync(new Uint8Array(Buffer.from(result.zip, 'base64')));
    const there = new Map(Object.entries(files).map(([path, bytes]) => [path, hashOf(bytes)]));
    same([...there], [...(await trainHere())], 'files of the encoder');
    // A turn after each of 280 steps: timers ran, and frames were drawn.
    check(
      result.ticks >= 200 && result.frames >= 50,
      `${result.ticks} timers, ${result.frames} frames`,
    );
    same(
      result.rows.map(([row]) => row),
      ['BM25', 'the English encoder', 'trained on pairs'],
      'searches',
    );
    check(/^Training helps/.test(result.verdict), result.verdict);
    check(result.found >= 10, `${result.found} documents are shown`);
    process.stdout.write(
      `${name}: ${result.state}, ${result.frames} frames, ${result.ticks} timers, longest pause ${Math.round(result.longest)} ms\n`,
    );
  });
}
