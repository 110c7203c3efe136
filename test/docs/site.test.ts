/**
 * Builds the documentation, which fails at a dead link, and looks at it in Chromium: search, dark and
 * light, a phone's width, and no request to another host.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as nearfar from 'nearfar';
import * as nn from 'nearfar/nn';
import { allPages } from '../../build/docs/pages.js';
import { DOCS, entries } from '../../build/docs/reference.js';
import { SITE } from '../../build/docs/stale.js';
import { check, same, suite } from '../harness.js';
import { missingBrowser, withBrowser, withServer } from './browser.js';

const test = suite('documentation site');
const CI = process.env.CI === 'true';
const installed = existsSync(`${DOCS}/node_modules`) || CI;

const title = 'npm run docs builds every page, and no link is dead';
if (!installed) test.skip(title, 'npm run docs has never been run here');
else {
  test(title, () => {
    const args = ['--import', 'tsx', 'build/docs/index.ts', '--if-changed'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    check(status === 0, `${stdout}${stderr}`);
    const missing = allPages()
      .map(({ path }) => path.replace(/\.md$/, '.html'))
      .filter((path) => !existsSync(join(SITE, path)));
    same(missing, [], 'pages');
  });

  test('the reference has a page for every export', () => {
    for (const { name } of entries()) {
      check(existsSync(join(SITE, 'reference', name, 'index.html')), `no page of ${name}`);
    }
    const lacks = (entry: string, names: string[]): string[] =>
      names.filter((name) =>
        ['functions', 'classes', 'variables'].every(
          (kind) => !existsSync(join(SITE, 'reference', entry, kind, `${name}.html`)),
        ),
      );
    same(lacks('nearfar', Object.keys(nearfar)), [], 'nearfar');
    same(lacks('nearfar/nn', Object.keys(nn)), [], 'nearfar/nn');
    const page = readFileSync(join(SITE, 'reference/nearfar/functions/infoNce.html'), 'utf8');
    for (const text of ['temperature', '(n, d) f32', 'Throws', 'arxiv.org/abs/1807.03748']) {
      check(page.includes(text), `the page of infoNce lacks ${text}`);
    }
  });
}

const missing = installed ? missingBrowser() : 'the site is not built';
const look = 'in Chromium it searches, is dark and light, fits a phone and asks no other host';
if (missing !== undefined && !CI) test.skip(look, missing);
else {
  test(look, async () => {
    await withServer(SITE, (address) =>
      withBrowser(async (open) => {
        const page = await open();
        const requests: string[] = [];
        const errors: string[] = [];
        page.on('request', (request) => requests.push(request.url()));
        page.on('pageerror', (error) => errors.push(error.message));
        const paths = ['', ...allPages().map(({ path }) => path.replace(/\.md$/, '.html'))];
        await page.setViewport({ width: 360, height: 740 });
        for (const path of [...paths, 'reference/nearfar/functions/infoNce.html']) {
          await page.goto(`${address}${path}`, { waitUntil: 'networkidle0' });
          const width = await page.evaluate<number>('document.documentElement.scrollWidth');
          check(width <= 360, `${path} is ${width} pixels wide on a phone`);
        }
        for (const [scheme, dark] of [
          ['dark', true],
          ['light', false],
        ] as const) {
          await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
          await page.goto(`${address}guides/search.html`, { waitUntil: 'networkidle0' });
          same(
            await page.evaluate('document.documentElement.classList.contains("dark")'),
            dark,
            scheme,
          );
        }
        await page.setViewport({ width: 1440, height: 900 });
        await page.goto(`${address}guides/search.html`, { waitUntil: 'networkidle0' });
        const found = await page.evaluate<string>(`new Promise((done) => {
          document.querySelector('.DocSearch-Button').click();
          const type = setInterval(() => {
            const box = document.querySelector('#localsearch-input');
            if (box === null) return;
            box.value = 'infoNce';
            box.dispatchEvent(new Event('input'));
            const result = document.querySelector('.VPLocalSearchBox .result');
            if (result === null) return;
            clearInterval(type);
            done(result.textContent);
          }, 100);
        })`);
        check(/infoNce/i.test(found), `a search for infoNce finds ${found}`);
        same(errors, [], 'errors');
        const others = requests.filter(
          (url) => !url.startsWith(address) && !/^(data|blob):/.test(url),
        );
        same(others, [], 'requests to other hosts');
      }),
    );
  });
}
