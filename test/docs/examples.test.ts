/**
 * Runs every example of the documentation: in Node and a shell, in a page where it is for pages, in
 * workerd where it is for workers. What they print must be what the page says.
 */

import { promisedOutput, readExamples, unrunBlocks } from '../../build/docs/examples.js';
import { allPages } from '../../build/docs/pages.js';
import { check, same, suite } from '../harness.js';
import { missingWorker } from '../runtimes/workers.js';
import { missingBrowser } from './browser.js';
import { exampleFolder, runExample } from './run-examples.js';
import { runInPage } from './run-in-page.js';
import { runInWorker } from './run-in-worker.js';

const test = suite('documentation examples');
const CI = process.env.CI === 'true';
const pages = allPages();

test('there are pages, and what looks like JavaScript is run', () => {
  check(pages.length > 0, 'no pages');
  for (const { path, text } of pages) {
    same(unrunBlocks(text), [], `${path}: blocks that no test runs (use js and sh)`);
  }
});

const missing: Readonly<Record<string, () => string | undefined>> = {
  page: missingBrowser,
  worker: missingWorker,
};

for (const { path, text } of pages) {
  const examples = readExamples(text);
  if (examples.length === 0) continue;
  const absent = [...new Set(examples.map(({ where }) => missing[where]?.()))].find(Boolean);
  if (absent !== undefined && !CI) test.skip(path, absent);
  else {
    test(path, async () => {
      const folder = exampleFolder();
      for (const example of examples) {
        const where = `src/docs/${path}`;
        if (example.where === 'page' && example.file === undefined) {
          await runInPage(example, folder, where);
        } else if (example.where === 'worker' && example.file === undefined) {
          await runInWorker(example, folder, where);
        } else await runExample(example, folder, where);
      }
    });
  }
}

test('output is compared line by line, where … stands for anything', async () => {
  const folder = exampleFolder();
  const run = (code: string, output?: string) =>
    runExample(
      { language: 'js', where: '', file: undefined, code, line: 1, output },
      folder,
      'here',
    ).then(
      () => 'ran',
      (error: Error) => error.message.split('\n')[0],
    );
  same(await run('console.log(1 + 1); // 2\n'), 'ran');
  same(await run('console.log(1 + 1); // 3\n'), 'here:1 printed');
  same(await run("console.log('took 3 ms'); // took … ms\n"), 'ran');
  same(promisedOutput('console.log(a);\n// 7\n'), ['7']);
});
