/** The benchmark: its measurements, events and page, and the arguments that it rejects. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fitExponent } from '../../bench/growth.js';
import {
  type Candidate,
  excludeDisagreeing,
  summarize,
  timeInterleaved,
} from '../../bench/interleave.js';
import { formatSummary } from '../../bench/report.js';
import { events, folder, run } from '../cli/program.js';
import { check, close, same, suite } from '../harness.js';

const test = suite('bench');

/** Makes a candidate that reports the given times, one after the other, and takes none. */
function fakeCandidate(name: string, times: readonly number[], outputs = {}): Candidate {
  let calls = 0;
  return {
    name,
    run: async (count) => count * (times[calls++ % times.length] as number),
    outputs: () => outputs,
  };
}

test('a candidate of twice the time has a ratio of 2, however long a call is', async () => {
  const [first, second] = await timeInterleaved([
    fakeCandidate('a', [8]),
    fakeCandidate('b', [16]),
  ]);
  same([first?.time.median, first?.ratio.median, first?.time.noisy], [8, 1, false]);
  same([second?.time.median, second?.ratio.median, second?.ratio.noisy], [16, 2, false]);
});

test('a slow round leaves the ratio, and times that scatter are noise', async () => {
  const slowed = [8, 16];
  const [first, second] = await timeInterleaved([
    fakeCandidate('a', slowed),
    fakeCandidate('b', slowed),
  ]);
  same([first?.time.noisy, second?.ratio.median, second?.ratio.noisy], [true, 1, false]);
});

test('quartiles', () => {
  const summary = summarize([5, 1, 2, 4, 3]);
  same(summary, { median: 3, quartiles: [2, 4], min: 1, noisy: true });
  same(summarize([10, 11, 10]).noisy, false);
  same(summarize([10, 10]).noisy, true, 'two rounds');
});

test('a candidate of other results, fewer of them, or none is excluded with a reason', async () => {
  const ours = fakeCandidate('ours', [1], { loss: 1, grad: [1, 2] });
  const broken: Candidate = {
    ...fakeCandidate('broken', [1]),
    run: () => Promise.reject(new Error('no memory')),
  };
  const out = await excludeDisagreeing(
    [
      ours,
      fakeCandidate('equal', [1], { grad: [1.0001, 2] }),
      fakeCandidate('other', [1], { grad: [1, 2.1] }),
      fakeCandidate('short', [1], { grad: [1] }),
      fakeCandidate('nothing', [1], { loss: Number.NaN }),
      fakeCandidate('slow', [17_000], { grad: [1, 2] }),
      fakeCandidate('compiles', [9000, 1], { grad: [1, 2] }),
      broken,
    ],
    1,
  );
  same(out, [
    { name: 'other', reason: 'gives 2.1 for grad[1] instead of 2' },
    { name: 'short', reason: 'gives 1 numbers of grad instead of 2' },
    { name: 'nothing', reason: 'gives NaN for loss[0] instead of 1' },
    { name: 'slow', reason: 'is right, but takes 17 s' },
    { name: 'broken', reason: 'fails: no memory' },
  ]);
});

test('a median, or the reason why it does not count', () => {
  same(formatSummary(summarize([2, 2.1, 2]), 1), '2.0');
  same(formatSummary(summarize([1, 5, 20]), 1), 'noise (1.0 to 5.0)');
  same(formatSummary(summarize([3]), 1), 'few rounds (3.0)');
});

test('the exponent of a power of the size', () => {
  const points = [256, 512, 4096].map((size) => ({ size, time: summarize([3 * size ** 1.5]) }));
  close(fitExponent(points), 1.5, { atol: 1e-12 });
});

test('an operation, as events, results and a page', async () => {
  const cwd = folder();
  const args = ['bench', 'dotMatrix', '--largest', '64', '--out', 'out', '--json'];
  const { status, stdout, stderr } = await run(cwd, args);
  same([status, stderr], [0, '']);
  const said = events(stdout);
  same(
    said.map(({ event }) => event),
    ['peak', 'result', 'done'],
  );
  check((said[0]?.peak as number) > 1, 'no peak');
  const result = said[1] as { operation: string; sizes: object; timings: { name: string }[] };
  same([result.operation, result.sizes], ['dotMatrix', { N: 64, M: 64, K: 64 }]);
  same(
    result.timings.map(({ name }) => name),
    ['nearfar', 'plain JavaScript'],
  );
  const file = (path: string): string => readFileSync(join(cwd, path), 'utf8');
  const [saved] = JSON.parse(file('out/results.json'));
  same(saved.results[0].timings, result.timings);
  check(file('out/index.html').includes('<form id="bench"'), 'the page has no form');
});

test('with several threads, as many copies that share nothing give the same results', async () => {
  const args = ['bench', 'ntXent temperature 0.5', '--largest', '64', '--threads', '2', '--json'];
  const { status, stdout, stderr } = await run(folder(), args);
  same([status, stderr], [0, '']);
  const results = events(stdout).filter(({ event }) => event === 'result');
  same(results.length, 4, 'the loss and its gradient, of matrices and of tensors');
  for (const { timings, leftOut } of results) {
    const names = (timings as { name: string }[]).map(({ name }) => name);
    same(names.slice(0, 3), ['nearfar', 'nearfar, 2 threads', '2 copies that share nothing']);
    same(leftOut, undefined, 'whose results differ');
  }
});

test('results of several runtimes on one page, without links to elsewhere', async () => {
  const cwd = folder();
  const quiet = (value: number) => summarize([value, value, value]);
  const timings = [
    { name: 'nearfar', time: quiet(2), ratio: quiet(1) },
    { name: 'other', time: quiet(7), ratio: quiet(3.5) },
    { name: 'noisy', time: summarize([1, 9, 20]), ratio: summarize([1, 2, 3]) },
  ];
  const results = [{ operation: 'matmul', sizes: { N: 64, M: 8 }, flops: 4e7, timings }];
  const points = [64, 128].map((size) => ({ size, time: quiet(size), bytes: 2 ** 20 }));
  const growth = (['N', 'd'] as const).map((letter) => {
    return { operation: 'ntXent', letter, other: 8, points, exponent: 1 };
  });
  const runs = ['Node 1', 'Firefox 2'].map((runtime, i) => ({
    machine: { runtime, cpu: 'a <processor>', build: 'nearfar', threads: 1 },
    peak: 50,
    results,
    ...(i === 0 && {
      growth,
      callOverhead: results,
      startUp: { first: quiet(4.25), empty: quiet(1) },
    }),
  }));
  writeFileSync(join(cwd, 'results.json'), JSON.stringify(runs));
  const { status, stderr } = await run(cwd, ['bench', '--draw', 'results.json', '--out', 'out']);
  same([status, stderr], [0, '']);
  const page = readFileSync(join(cwd, 'out/index.html'), 'utf8');
  const body = page.replace(/<script[\s\S]*<\/script>/, '');
  const has = ['>Node 1<', '>Firefox 2<', 'Fraction of peak', '3.50', 'noise (1.00 to 2.00)'];
  has.push(
    'N to the power of 1.00',
    'first result: 4.3\u00a0ms; the import of an empty module: 1.0\u00a0ms',
    'a &lt;processor&gt;',
    '20.0',
    '1.00',
  );
  for (const part of has) check(body.includes(part), `the page lacks ${part}`);
  same(body.match(/<svg/g)?.length, 5, 'charts: ratios of both, one of shares, two of growth');
  check(!/(src|href)="(?!#|data:)/.test(body), 'a link to elsewhere');
});

const REFUSED: [args: string[], says: string][] = [
  [['nothing'], 'no operation\'s name contains "nothing"'],
  [['ntXent', '--largest', '3'], 'no operation\'s name contains "ntXent" at sizes up to 3'],
  [['--largest', 'many'], '--largest must be a whole number'],
  [['ntXent', '--peers', 'nothing'], '--peers nothing: there is none of that name among PyTorch'],
  [['--threads', '0'], '--threads must be a whole number from 1 to 128'],
  [['--draw', 'missing'], 'missing: cannot read it (ENOENT: no such file or folder)'],
  [['--draw', 'file'], '--draw file: is not the results.json of a benchmark'],
  [['--draw', 'other'], '--draw other: is not the results.json of a benchmark'],
  [['ntXent', '--out', 'file'], '--out file: cannot write there'],
];

for (const [args, says] of REFUSED) {
  test(`bench ${args.join(' ')}: one line, status 2`, async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'file'), 'no JSON');
    writeFileSync(join(cwd, 'other'), '[{"results": 3}]');
    const { status, stdout, stderr } = await run(cwd, ['bench', ...args]);
    same([status, stdout], [2, '']);
    check(/^nearfar: bench: [^\n]+\n$/.test(stderr), `more or less than a line: ${stderr}`);
    check(stderr.includes(says), `${JSON.stringify(stderr)} doesn't say ${JSON.stringify(says)}`);
  });
}
