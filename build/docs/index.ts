/**
 * Builds the documentation, a folder that any static host serves: the pages of src/docs, and the
 * reference from the doc comments.
 *
 *   npm run docs                          writes nearfar-docs/
 *   npm run docs -- --base /nearfar/      for a site below a host's root
 *   npm run docs -- --serve               shows it, and changed pages at once
 *   npm run docs -- --if-changed          does nothing if no source is newer
 *   npm run docs -- --fill                writes the numbers of bench/results/ into README
 */

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { drawArchitecture } from './architecture.js';
import { DOCS, writeReference } from './reference.js';
import { fillReadme } from './results.js';
import { BUILT, changed, isStale } from './stale.js';

const USAGE = 'npm run docs -- [--base <path>] [--serve] [--if-changed] [--fill]';

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: '/' },
    serve: { type: 'boolean', default: false },
    fill: { type: 'boolean', default: false },
    'if-changed': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Runs a program and ends with its status if it fails. */
function run(command: string, args: readonly string[]): void {
  const env = { ...process.env, NEARFAR_DOCS_BASE: values.base };
  const { status } = spawnSync(command, args, { stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
}

/** Installs VitePress and TypeDoc if they are missing or older than their lock file. */
function install(): void {
  const [done, lock] = [`${DOCS}/node_modules/.package-lock.json`, `${DOCS}/package-lock.json`];
  if (changed(done) >= changed(lock)) return;
  process.stderr.write('installing VitePress and TypeDoc (once)\n');
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  run('npm', ['ci', '--prefix', DOCS, ...quiet]);
}

if (values.help) {
  process.stdout.write(`${USAGE}\n`);
} else if (values.fill) {
  writeFileSync('README.md', fillReadme(readFileSync('README.md', 'utf8')));
} else if (!values['if-changed'] || isStale()) {
  install();
  writeFileSync(`${DOCS}/public/architecture.svg`, drawArchitecture());
  await writeReference();
  const command = values.serve ? 'dev' : 'build';
  run(process.execPath, [`${DOCS}/node_modules/vitepress/bin/vitepress.js`, command, DOCS]);
  writeFileSync(BUILT, '');
  process.stderr.write(
    'nearfar-docs/ is for any static host; npm run docs -- --serve shows it here\n',
  );
}
