/** Runs an example in a page: bundled as an application would be, opened in Chromium. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Example, promisedOutput } from '../../build/docs/examples.js';
import { withBrowser, withServer } from './browser.js';
import { compare } from './run-examples.js';

const SECONDS = 60;
const DONE = '(the example has ended)';

/** Runs an example for pages, and compares what it prints. */
export async function runInPage(example: Example, folder: string, where: string): Promise<void> {
  const output = join(folder, `page-${example.line}`);
  mkdirSync(output);
  writeFileSync(join(folder, 'page.js'), `${example.code}\nconsole.log('${DONE}');`);
  // Modules that a page starts by URL, such as workers, are bundled next to it.
  const workers = readdirSync(folder).filter((file) => /worker\w*\.js$/.test(file));
  await build({
    entryPoints: ['page.js', ...workers].map((file) => join(folder, file)),
    outdir: output,
    bundle: true,
    format: 'esm',
    logLevel: 'error',
  });
  const html = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body></body>';
  writeFileSync(
    join(output, 'index.html'),
    `${html}<script type="module" src="./page.js"></script>`,
  );
  const lines = await withServer(output, (address) =>
    withBrowser(async (open) => {
      const page = await open();
      const printed: string[] = [];
      await new Promise<void>((done, fail) => {
        const timer = setTimeout(
          () => fail(new Error(`${where}:${example.line} took over ${SECONDS} s`)),
          SECONDS * 1000,
        );
        page.on('console', (message) => {
          if (message.text() === DONE) {
            clearTimeout(timer);
            done();
          } else printed.push(message.text());
        });
        page.on('pageerror', (error) => {
          clearTimeout(timer);
          fail(new Error(`${where}:${example.line}: ${error.message}`));
        });
        page.goto(address).catch(fail);
      });
      return printed;
    }),
  );
  compare(lines.join('\n'), promisedOutput(example.code), `${where}:${example.line}`);
}
