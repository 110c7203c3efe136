/**
 * Brings a checkout to where the package can run: installs the development dependencies if they
 * are missing or older than the lock file, and builds dist/ if a source is newer. Needs nothing
 * but Node and npm, so that `npm start` and `npm test` work on a fresh machine.
 *
 *   node build/setup.mjs [--force] [--program]
 *
 * --force builds even if nothing has changed. --program is content with what the command line runs
 * on, which is built in a third of the time; a dist/ that was built as a whole is kept whole.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`nearfar needs Node 20.19 or later, this is ${process.version}`);
}

/** @param {string} path */
function changed(path) {
  const full = join(root, path);
  return existsSync(full) ? statSync(full).mtimeMs : 0;
}

/**
 * The newest change below a folder.
 * @param {string} folder
 * @returns {number}
 */
function newest(folder) {
  let latest = changed(folder);
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === 'node_modules' || path === join('src', 'docs')) continue;
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : changed(path));
  }
  return latest;
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) fail(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
if (changed('node_modules/.package-lock.json') < changed('package-lock.json')) {
  process.stderr.write('installing the development dependencies (once)\n');
  run(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

const sources = ['assembly', 'src', 'build', 'bench'].map(newest);
const latest = Math.max(...sources, changed('package.json'), changed('package-lock.json'));
const built = changed('dist/built') === 0 ? '' : readFileSync(join(root, 'dist/built'), 'utf8');
const part = process.argv.includes('--program') && built !== 'all' ? ['--program'] : [];
const isEnough = built === 'all' || (built === 'program' && part.length > 0);
if (process.argv.includes('--force') || !isEnough || changed('dist/built') < latest) {
  process.stderr.write('building dist/\n');
  run(process.execPath, ['--import', 'tsx', 'build/index.ts', ...part]);
}
