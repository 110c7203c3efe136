/** The program's manners: exit codes, one-line errors, help, JSON, interrupts. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, same, suite } from '../harness.js';
import { events, folder, run } from './program.js';

const test = suite('cli');

/** Bad usage, and what the one line has to name. */
const REFUSED: [args: string[], says: string][] = [
  [['bogus'], "unknown command 'bogus'"],
  [['dmo'], 'Did you mean demo?'],
  [['--bogus'], "unknown option '--bogus'"],
  [
    ['demo', 'poetry'],
    'demo: unknown section "poetry", expected one of experiment, bert, gpt, simclr, clip, mae',
  ],
  [['demo', ''], 'demo: unknown section ""'],
  [['demo', '--ful'], 'Did you mean --full?'],
  [['demo', '--out'], "option '--out <dir>' argument missing"],
  [['demo', '--out', ''], 'demo: --out must name a folder'],
  [
    ['demo', '--out', 'file'],
    'demo: --out file: cannot write there (EEXIST: there is a file of that name)',
  ],
  [
    ['demo', '--out', 'file/below'],
    'demo: --out file/below: cannot write there (ENOTDIR: is not a folder)',
  ],
  [['help', 'trin'], 'unknown command "trin" (Did you mean train?)'],
  [['demo', '--seed', '1.5'], 'demo: --seed must be a whole number'],
  [['hash', '--threads', '0'], 'hash: --threads must be a whole number from 1 to 128, got "0"'],
  [['demo', '--seed', '-1'], '--seed'],
  [['demo', '--seed', '4294967296'], 'from 0 to 4294967295, got "4294967296"'],
];

for (const [args, says] of REFUSED) {
  test(`nearfar ${args.map((arg) => arg || "''").join(' ')}: one line, status 2`, async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'file'), '');
    const { status, stdout, stderr } = await run(cwd, args);
    same(status, 2, 'status');
    same(stdout, '', 'standard output');
    check(/^nearfar: [^\n]+\n$/.test(stderr), `more or less than a line: ${stderr}`);
    check(stderr.includes(says), `${JSON.stringify(stderr)} doesn't say ${JSON.stringify(says)}`);
    same(readdirSync(cwd), ['file'], 'files left behind');
  });
}

test('help and version', async () => {
  const cwd = folder();
  const help = await run(cwd, ['--help']);
  same([help.status, help.stderr], [0, '']);
  check(/^Usage: nearfar/.test(help.stdout) && /demo/.test(help.stdout), help.stdout);
  const demo = await run(cwd, ['demo', '--help']);
  for (const option of ['--full', '--out <dir>', '--json', 'experiment', 'nearfar-report']) {
    check(demo.stdout.includes(option), `the help of demo doesn't name ${option}`);
  }
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  same((await run(cwd, ['--version'])).stdout, `${version}\n`);
});

test('help of one model lists its options alone', async () => {
  for (const args of [
    ['train', 'gpt', '--help'],
    ['help', 'train', 'gpt'],
  ]) {
    const { status, stdout } = await run(folder(), args);
    same(status, 0, args.join(' '));
    check(/--context <n>/.test(stdout) && /default: 12\b/.test(stdout), stdout);
    check(!/--anchor|--mask-ratio|only /.test(stdout), stdout);
  }
});

test('help fits a window of 60 columns, examples included', async () => {
  for (const name of ['train', 'finetune', 'demo', 'bench', 'predict']) {
    const { stdout } = await run(folder(), ['help', name], { env: { COLUMNS: '60' } });
    const wide = stdout.split('\n').filter((line) => line.length > 60);
    same(wide, [], `help ${name}`);
    check(/^ {2}nearfar /m.test(stdout), `help ${name} has no example`);
  }
});

test('a section by name, into the default folder, and the same bytes again', async () => {
  const cwd = folder();
  const first = await run(cwd, ['demo', 'experiment']);
  same([first.status, first.stderr], [0, '']);
  check(first.stdout.includes('NumPy') && !first.stdout.includes('\u001B'), first.stdout);
  const report = join(cwd, 'nearfar-report');
  same(readdirSync(report).sort(), ['experiment.svg', 'index.html']);
  // The time that it took is on the page, and may differ.
  const read = () =>
    readdirSync(report).map((file) =>
      readFileSync(join(report, file), 'utf8').replace(/<dt>Time<.dt><dd>.*?<.dd>/, ''),
    );
  const before = read();
  await run(cwd, ['demo', 'experiment', 'experiment']);
  check(
    read().every((file, i) => file === before[i]),
    'the second run gives other files',
  );
  await run(cwd, ['demo', 'experiment', '--seed', '2']);
  check(read()[1] !== before[1], 'another seed gives the same report');
});

test('--json prints objects and nothing else', async () => {
  const { status, stdout, stderr } = await run(folder(), ['demo', 'experiment', '--json']);
  same([status, stderr], [0, '']);
  same(
    events(stdout).map(({ event }) => event),
    ['eval', 'done'],
  );
});

test('an interrupt ends it at once, with nothing written', async () => {
  const cwd = folder();
  // A plain line of progress says that training is under way.
  const { status, stdout, stderr } = await run(cwd, ['demo', 'simclr', '--full'], {
    during: (text, kill) => {
      if (text.includes('simclr: step')) kill();
    },
  });
  same([status, stdout], [130, '']);
  check(stderr.endsWith('nearfar: interrupted, nothing was written\n'), stderr);
  check(!existsSync(join(cwd, 'nearfar-report/index.html')), 'a report was written');
});
