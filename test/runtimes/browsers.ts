/**
 * The browsers, each with the bundlers that its users have: Chromium driven by Puppeteer, Firefox
 * told to open the page, WebKit by webkit.ts.
 */

import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { withCleanup } from './cleanup.js';
import { type Open, pageFiles, servePage, workerPageFiles } from './page.js';
import { execute, within } from './process.js';
import {
  fromDebian,
  importTool,
  makeFolder,
  missingFile,
  type Runtime,
  toolFile,
} from './runtime.js';
import { guard, start } from './start.js';
import { openWebKit, webKitFiles } from './webkit.js';

type Bundler = (folder: string) => Promise<string>;

interface Puppeteer {
  launch(options: {
    browser: 'chrome';
    executablePath: string;
    userDataDir: string;
    args: string[];
    env: Record<string, string | undefined>;
  }): Promise<{
    newPage(): Promise<{ goto(address: string): Promise<unknown> }>;
    process(): { kill(signal: 'SIGKILL'): boolean } | null;
    close(): Promise<void>;
  }>;
}

const puppeteerFile = 'puppeteer-core/lib/esm/puppeteer/puppeteer-core.js';
const viteFile = 'vite/bin/vite.js';
const chromium = '/usr/bin/chromium';
const firefox = '/usr/bin/firefox-esr';

const inChromium: Open = async (address, home, defer) => {
  const { default: puppeteer } = await importTool<{ default: Puppeteer }>(puppeteerFile);
  const window = await puppeteer.launch({
    browser: 'chrome',
    executablePath: chromium,
    userDataDir: join(home, 'profile'),
    // Chromium refuses its sandbox to root, and containers give little shared memory.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    env: { ...process.env, HOME: home },
  });
  defer(() => window.process()?.kill('SIGKILL'));
  defer(() => window.close());
  await (await window.newPage()).goto(address);
};

/**
 * Firefox without a driver: under one, `new Worker` in a worker may never return, as it waits there
 * for the debugger's consent, and its wake-up can go to the new thread instead.
 */
const inFirefox: Open = async (address, home, defer) => {
  const profile = await makeFolder(home, 'profile', {
    // No page about privacy next to ours, and no question whether to stop a long script.
    'user.js': `user_pref('datareporting.policy.dataSubmissionEnabled', false);
user_pref('dom.max_script_run_time', 0);
`,
  });
  const args = ['--headless', '--no-remote', '--profile', profile, address];
  start(firefox, args, { stdio: 'ignore', env: { ...process.env, HOME: home } }, defer);
};

const esbuild: Bundler = async (folder) => {
  const output = join(folder, 'output');
  const scripts = (await readdir(folder)).filter((file) => file.endsWith('.js'));
  await build({
    entryPoints: scripts.map((file) => join(folder, file)),
    outdir: output,
    bundle: true,
    minify: true,
    format: 'esm',
    logLevel: 'error',
  });
  await cp(join(folder, 'index.html'), join(output, 'index.html'));
  return output;
};

const vite: Bundler = async (folder) => {
  await execute(process.execPath, [toolFile(viteFile), 'build'], { folder });
  return join(folder, 'dist');
};

function browserRow(
  name: string,
  bundle: Bundler,
  open: Open,
  needs: string[],
  files: Record<string, string> = pageFiles,
): Runtime {
  return {
    name,
    available: () => missingFile(needs, fromDebian),
    async run(project) {
      const folder = await makeFolder(project, name, files);
      const home = await makeFolder(folder, 'home', {});
      const built = await bundle(folder);
      return withCleanup(async (defer) => {
        const page = await servePage(built, defer);
        const visit = async () => {
          await open(page.address, home, defer);
          return page.result;
        };
        return within(400, name, visit());
      });
    },
  };
}

const driver = toolFile(puppeteerFile);

/** Browsers that open any page, and what has to be there for them. */
export const windows: readonly { name: string; open: Open; needs: string[] }[] = [
  { name: 'chromium', open: inChromium, needs: [chromium, driver] },
  { name: 'firefox', open: inFirefox, needs: [guard, firefox] },
];

export const browsers: Runtime[] = [
  ...windows.flatMap(({ name, open, needs }) => [
    browserRow(name, esbuild, open, needs),
    browserRow(`${name}-worker`, esbuild, open, needs, workerPageFiles),
  ]),
  browserRow('chromium-vite', vite, inChromium, [chromium, driver, toolFile(viteFile)]),
  browserRow('webkit', esbuild, openWebKit, webKitFiles),
];
