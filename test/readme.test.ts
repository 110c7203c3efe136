/**
 * Runs the README: every snippet of JavaScript against the output in its comments, and checks its
 * length, its names of commands and files, its numbers and its figure.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fitsLine, promisedOutput, readExamples } from '../build/docs/examples.js';
import { allPages } from '../build/docs/pages.js';
import { readmeGaps, readResults } from '../build/docs/results.js';
import { gzippedOf, sizes } from '../build/size.js';
import { drawFigures, FIGURES, storedFigure } from './golden/figure.js';
import { check, close, same, suite } from './harness.js';

const test = suite('readme');
const readme = readFileSync('README.md', 'utf8');

test('it is short enough to be read', () => {
  const lines = readme.split('\n').length;
  check(lines <= 260, `${lines} lines: what is long goes into src/docs`);
});

const snippets = readExamples(readme).filter(({ language }) => language === 'js');

test('there are snippets, and most of them print', () => {
  const printing = snippets.filter(({ code }) => promisedOutput(code).length > 0);
  check(printing.length >= 5, `${printing.length} of ${snippets.length} snippets print`);
});

for (const { code, line } of snippets) {
  test(`the snippet in line ${line} prints what it says`, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module'], {
      input: code,
      encoding: 'utf8',
    });
    check(status === 0, stderr);
    const printed = stdout.split('\n').slice(0, -1);
    const promised = promisedOutput(code);
    const fits = printed.length === promised.length;
    check(
      fits && promised.every((each, i) => fitsLine(printed[i] ?? '', each)),
      `it printed\n${printed.join('\n')}\nREADME says\n${promised.join('\n')}`,
    );
  });
}

// Names and numbers.

test('every number comes from a file of results', () => {
  same(readmeGaps(readme, readResults()), [], 'numbers (npm run docs -- --fill writes them)');
});

const pages = allPages();

test('commands exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const texts = [readme, ...pages.map(({ text }) => text)].join('\n');
  const named = [...texts.matchAll(/`npm (?:run )?([\w:-]+)/g)].map((match) => match[1] as string);
  const missing = named.filter((name) => name !== 'i' && scripts[name] === undefined);
  same(missing, [], 'scripts that package.json has not');
});

test('commands of the program and their options exist', () => {
  const page = pages.find(({ path }) => path === 'start/command-line.md')?.text ?? '';
  const usage = /```text\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const help = spawnSync(process.execPath, ['dist/cli.js', '--help'], { encoding: 'utf8' }).stdout;
  const lines = usage.trim().split('\n');
  check(lines.length > 5, `${lines.length} commands`);
  for (const line of lines) {
    const [, name = '', ...options] = line.match(/[\w-]+/g) ?? [];
    check(new RegExp(`^ +${name}\\b`, 'm').test(help), `nearfar has no command ${name}`);
    const more = spawnSync(process.execPath, ['dist/cli.js', name, '--help'], { encoding: 'utf8' });
    const flags = options.filter((option) => option.startsWith('--'));
    same(
      flags.filter((flag) => !more.stdout.includes(flag)),
      [],
      `options that ${name} has not`,
    );
  }
});

test('files exist', () => {
  const links = [...readme.matchAll(/\]\((?!#|https?:)([^)]+)\)/g)].map((match) => match[1]);
  const contribute = pages.filter(({ path }) => path === 'how/contribute.md');
  const paths = contribute
    .flatMap(({ text }) => [...text.matchAll(/`([\w./-]+\/[\w./-]*)`/g)])
    .map((match) => match[1] as string)
    .filter((path) => !path.includes('NAME') && /^(assembly|src|build|bench|test)\//.test(path));
  check(links.length > 20 && paths.length > 8, 'links and paths are found');
  same(
    [...links, ...paths].filter((path) => !existsSync(path as string)),
    [],
    'missing',
  );
});

test('every page is linked from it', () => {
  const missing = pages.filter(({ path }) => !readme.includes(`](src/docs/${path})`));
  same(
    missing.map(({ path }) => path),
    [],
    'pages',
  );
});

test('sizes are as measured, to a kilobyte', async () => {
  const { results } = readResults().get('sizes') ?? { results: undefined };
  const said = results as { ntXent: number; nearfar: number };
  const found = await sizes();
  const one = gzippedOf(found, 'import { ntXent }');
  const all = gzippedOf(found, 'import * as nearfar');
  const remedy = '(npm run sizes:keep)';
  close(said.ntXent, one, { atol: 1000, what: `bytes of ntXent ${remedy}` });
  close(said.nearfar, all, { atol: 1000, what: `bytes in all ${remedy}` });
});

test('the figures are what the demo draws', async () => {
  const drawn = await drawFigures();
  const differ = FIGURES.filter((name) => drawn[name] !== storedFigure(name));
  same(differ, [], 'figures that differ (npm run golden -- --figures draws them again)');
});

test('its images are in the package, so that npm shows them', () => {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8'));
  const images = [...readme.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map((match) => match[1] as string);
  check(images.length > 0, 'no image');
  const missing = images.filter((image) => !/^https:/.test(image) && !files.includes(image));
  same(missing, [], 'images that package.json does not pack');
});
