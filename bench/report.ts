/** Turns measurements into a report: charts and tables of one runtime or several side by side. */

import type { Block, DotPanel, LinePanel, Report } from '../src/report/types.js';
import type { Summary, Timing } from './interleave.js';
import type { Machine } from './machine.js';
import { formatSizes, type Growth, type Result, type Run, type StartUp } from './results.js';

function describeMachine({ runtime, cpu, build, threads }: Machine): string {
  const on = cpu === undefined ? '' : `, ${cpu}`;
  return `${runtime}${on}, ${threads === 1 ? 'one thread' : `${threads} threads`}, ${build}`;
}

/** Formats the median, or says why it does not count. */
export function formatSummary({ median, quartiles, noisy }: Summary, digits: number): string {
  const [low, high] = quartiles.map((value) => value.toFixed(digits));
  if (!noisy) return median.toFixed(digits);
  return quartiles[0] === quartiles[1] ? `few rounds (${low})` : `noise (${low} to ${high})`;
}

/** Formats start-up times. */
export function startUpLine({ first, empty }: StartUp): string {
  return (
    `from the import to the first result: ${formatSummary(first, 1)} ms; ` +
    `the import of an empty module: ${formatSummary(empty, 1)} ms`
  );
}

/** Formats bytes in MB; empty where they are not known. */
function formatMegabytes(bytes: number | undefined): string {
  return bytes === undefined ? '' : (bytes / 2 ** 20).toFixed(2);
}

/** Formats the ratio to the first candidate; empty for the first itself. */
function formatRatio(timing: Timing, first: boolean): string {
  return first ? '' : formatSummary(timing.ratio, 2);
}

/** Computes GFLOP/s, where that has a meaning and noise does not hide it. */
function rateOf({ flops }: Result, { time }: Timing): number | undefined {
  return flops === undefined || time.noisy ? undefined : flops / time.median / 1e6;
}

/** Formats the rate in GFLOP/s, or in what a call works on; empty where it has no meaning. */
function formatRate(result: Result, timing: Timing): string {
  const { items } = result;
  const rate = rateOf(result, timing);
  if (rate !== undefined) return `${rate.toFixed(1)} GFLOP/s`;
  if (items === undefined || timing.time.noisy) return '';
  return `${Math.round((1000 * items.count) / timing.time.median)} ${items.unit}/s`;
}

const describeResult = ({ operation, sizes }: Result): string =>
  `${operation}, ${formatSizes(sizes)}`;

/** Shortens name and sizes for a chart's axis. */
function chartLabel({ operation, sizes }: Result): string {
  const name = operation.replace('temperature ', '').replace('gradient', 'grad');
  return `${name} ${Object.values(sizes).join('×')}`;
}

/** Charts the times of the others divided by ours. */
function ratioPanel({ machine, results }: Run): DotPanel | undefined {
  const others = results.flatMap((result) =>
    result.timings.slice(1).map((timing) => ({ result, timing })),
  );
  const groups = [...new Set(others.map(({ timing }) => timing.name))];
  const points = others
    .filter(({ timing }) => !timing.ratio.noisy)
    .map(({ result, timing }) => ({
      name: chartLabel(result),
      x: timing.ratio.median,
      group: groups.indexOf(timing.name),
    }));
  if (points.length === 0) return undefined;
  const axis = { x: 'time ÷ ours', xScale: 'log', reference: 1 } as const;
  return { kind: 'dots', title: machine.runtime, ...axis, groups, points };
}

/** Charts GFLOP/s as a fraction of the core's peak, one group per runtime. */
function peakPanel(runs: readonly Run[]): DotPanel | undefined {
  const groups = runs.map(({ machine }) => machine.runtime);
  const points = runs.flatMap(({ peak, results }, group) =>
    results.flatMap((result) => {
      const rate = rateOf(result, result.timings[0] as Timing);
      if (rate === undefined || peak === undefined) return [];
      return [{ name: chartLabel(result), x: rate / peak, group }];
    }),
  );
  if (points.length === 0) return undefined;
  return {
    kind: 'dots',
    title: 'Fraction of peak',
    x: 'fraction of peak',
    percent: true,
    groups,
    points,
  };
}

function growthPanel(letter: Growth['letter'], growths: readonly Growth[]): LinePanel {
  return {
    kind: 'lines',
    title: letter === 'N' ? 'Rows' : 'Columns',
    x: letter,
    y: 'milliseconds',
    xScale: 'log',
    yScale: 'log',
    points: true,
    series: growths.map(({ operation, points }, color) => ({
      name: operation,
      color,
      points: points.map(({ size, time }) => [size, time.median] as const),
    })),
  };
}

function growthBlocks(growths: readonly Growth[]): Block[] {
  const panels = (['N', 'd'] as const).map((letter) =>
    growthPanel(
      letter,
      growths.filter((growth) => growth.letter === letter),
    ),
  );
  const exponents = growths.map(({ operation, letter, exponent }) => {
    return `${operation}: ${letter} to the power of ${exponent.toFixed(2)}`;
  });
  const rows = growths.flatMap(({ operation, letter, other, points }) =>
    points.map(({ size, time, bytes }) => [
      `${operation}, ${letter === 'N' ? `${size} × ${other}` : `${other} × ${size}`}`,
      formatSummary(time, 3),
      formatMegabytes(bytes),
    ]),
  );
  return [
    { kind: 'figure', panels, caption: `Time of one call. ${exponents.join('; ')}.` },
    {
      kind: 'table',
      table: {
        head: ['rows × columns', 'ms', 'MB'],
        rows,
        caption:
          'Time of one call, and memory beyond the rows and their gradient where a size was the ' +
          'first to need more.',
      },
    },
  ];
}

function timesTable({ results }: Run): Block {
  const rows = results.flatMap((result) => [
    ...result.timings.map((timing, i) => [
      i === 0 ? describeResult(result) : `· ${timing.name}`,
      formatSummary(timing.time, 3),
      formatRate(result, timing),
      formatRatio(timing, i === 0),
    ]),
    ...(result.excluded ?? []).map(({ name }) => [`· ${name}`, 'excluded', '', '']),
  ]);
  return {
    kind: 'table',
    table: {
      head: ['', 'ms', 'rate', 'time ÷ ours'],
      rows,
      caption:
        'Median over interleaved rounds; where the quartiles are more than a fifth of it apart, ' +
        'they stand instead. Candidates that fail or whose results differ are excluded.',
    },
  };
}

function callOverheadTable(callOverhead: readonly Result[]): Block {
  return {
    kind: 'table',
    table: {
      head: ['', 'kernels, ms', 'call, ms', 'call ÷ kernels'],
      rows: callOverhead.map((result) => {
        const [kernels, call] = result.timings as [Timing, Timing];
        return [
          result.operation,
          formatSummary(kernels.time, 4),
          formatSummary(call.time, 4),
          formatSummary(call.ratio, 2),
        ];
      }),
      caption: 'A call at 32 × 64, copies and checks included, versus the kernels that it calls.',
    },
  };
}

/** Formats a result as lines: ours, the others, and those that were excluded. */
export function resultLines(result: Result): string[] {
  const lines = result.timings.map((timing, i) => {
    const ratio = formatRatio(timing, i === 0);
    const columns = [
      (i === 0 ? result.operation : `  ${timing.name}`).padEnd(44),
      (i === 0 ? formatSizes(result.sizes) : '').padEnd(24),
      `${formatSummary(timing.time, 3)} ms`.padStart(14),
      formatRate(result, timing).padStart(16),
      ratio === '' ? '' : `${ratio} × ours`,
    ];
    return columns.join(' ').trimEnd();
  });
  const without = (result.excluded ?? []).map(({ name, reason }) => {
    return `  without ${name}: ${reason.split('\n')[0]}`;
  });
  return [...lines, ...without];
}

/** Formats growth as lines. */
export function growthLines({ operation, letter, other, points, exponent }: Growth): string[] {
  const fixed = letter === 'N' ? `columns ${other}` : `rows ${other}`;
  const power = `${letter} to the power of ${exponent.toFixed(2)}`;
  return [
    `${operation}, ${fixed}: time grows with ${power}`,
    ...points.map(({ size, time, bytes }) => {
      const memory = bytes === undefined ? '' : ` ${formatMegabytes(bytes)} MB`;
      return `  ${String(size).padStart(6)} ${formatSummary(time, 3).padStart(12)} ms${memory}`;
    }),
  ];
}

/** Formats the peak of a core. */
export const peakLine = (where: string, peak: number | undefined): string =>
  peak === undefined ? where : `${where}: a core reaches ${peak.toFixed(1)} GFLOP/s`;

/** Makes the report of some runs on one machine. */
export function benchReport(runs: readonly Run[], footer: string): Report {
  const sections: Report['sections'] = [];
  const ratios = runs.map(ratioPanel).filter((panel) => panel !== undefined);
  if (ratios.length > 0) {
    const caption =
      'Time of the others divided by ours on one thread, interleaved and on the same inputs. ' +
      'Right of the dashed line, ours is faster.';
    const blocks: Block[] = [{ kind: 'figure', panels: ratios, caption }];
    sections.push({ name: 'others', title: 'Versus other libraries', blocks });
  }
  const fractions = peakPanel(runs);
  if (fractions !== undefined) {
    const peaks = runs
      .filter(({ peak }) => peak !== undefined)
      .map(({ machine, peak }) => `${machine.runtime} ${peak?.toFixed(1)}`);
    const caption =
      'Fraction of the 128-bit multiplications and additions that one core does without memory: ' +
      `${peaks.join(', ')} GFLOP/s.`;
    const blocks: Block[] = [{ kind: 'figure', panels: [fractions], caption }];
    sections.push({ name: 'peak', title: 'Versus the processor', blocks });
  }
  for (const [i, run] of runs.entries()) {
    const { machine, growth, callOverhead, startUp } = run;
    const blocks: Block[] = [{ kind: 'text', text: describeMachine(machine) }];
    if (run.results.length > 0) blocks.push(timesTable(run));
    if (growth !== undefined) {
      blocks.push({ kind: 'heading', text: 'Growth' }, ...growthBlocks(growth));
    }
    if (startUp !== undefined) {
      blocks.push({ kind: 'heading', text: 'Start-up' });
      blocks.push({ kind: 'text', text: `${startUpLine(startUp)}.` });
    }
    if (callOverhead !== undefined) {
      blocks.push({ kind: 'heading', text: 'Call overhead' }, callOverheadTable(callOverhead));
    }
    sections.push({ name: `run-${i + 1}`, title: machine.runtime, blocks });
  }
  return {
    title: 'Benchmark',
    lead:
      'The same operations on the same numbers by this library and by others, interleaved, so that ' +
      'what slows the machine down slows all of them. Only candidates whose results agree are timed.',
    sections,
    footer,
  };
}
