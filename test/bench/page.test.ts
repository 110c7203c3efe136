/** The page that `nearfar bench` writes, run in browsers: it measures there and shows what it found. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, run } from '../cli/program.js';
import { check, same, suite } from '../harness.js';
import { windows } from '../runtimes/browsers.js';
import { withCleanup } from '../runtimes/cleanup.js';
import { servePage } from '../runtimes/page.js';
import { within } from '../runtimes/process.js';
import { fromDebian, makeFolder, missingFile } from '../runtimes/runtime.js';

const test = suite('bench page');

/** Acts as a visitor: asks for one operation, small, and waits until it is measured. */
const VISIT = `
const element = (id) => document.getElementById(id);
const send = (path, body) => fetch(path, { method: 'POST', body });
element('bench-name').value = 'dotMatrix';
element('bench-largest').value = element('bench-largest').options[0].value;
element('bench').requestSubmit();
const waiting = setInterval(async () => {
  if (element('bench-run').disabled) return;
  clearInterval(waiting);
  const json = await (await fetch(element('bench-json').href)).text();
  const { textContent: text } = element('bench-here');
  const tables = element('bench-here').querySelectorAll('table').length;
  send('/result', JSON.stringify({ state: element('bench-state').value, text, tables, json }));
}, 100);
addEventListener('error', ({ message }) => send('/error', message));
`;

/** A folder with a page that visits itself, written once for all browsers. */
async function writePage(): Promise<string> {
  const cwd = folder();
  const args = ['bench', 'dotMatrix', '--largest', '64', '--out', 'out'];
  same((await run(cwd, args)).status, 0, 'status');
  const page = join(cwd, 'out/index.html');
  writeFileSync(page, `${readFileSync(page, 'utf8')}<script type="module">${VISIT}</script>`);
  return join(cwd, 'out');
}

let written: Promise<string> | undefined;

for (const { name, open, needs } of windows) {
  const missing = missingFile(needs, fromDebian);
  if (missing && process.env.CI !== 'true') {
    test.skip(name, missing);
    continue;
  }
  test(name, async () => {
    written ??= writePage();
    const built = await written;
    const home = await makeFolder(folder(), 'home', {});
    const seen = await withCleanup(async (defer) => {
      const { address, result } = await servePage(built, defer);
      await open(address, home, defer);
      return JSON.parse(await within(120, name, result));
    });
    same(seen.state, 'done', 'what the page says');
    const [measured] = JSON.parse(seen.json);
    const [{ operation, timings }] = measured.results;
    same([measured.results.length > 0, operation], [true, 'dotMatrix']);
    same(
      timings.map((each: { name: string }) => each.name),
      ['nearfar', 'plain JavaScript'],
    );
    check(measured.machine.runtime.toLowerCase().includes(name), measured.machine.runtime);
    check(seen.text.includes('dotMatrix'), `drawn: ${seen.text.slice(0, 200)}`);
    // Charts leave out what the noise spoilt, which may be all.
    check(seen.tables > 0, 'no table was drawn');
  });
}
