/**
 * Figures of README and documentation: each comes from a file in bench/results/ that a command
 * wrote. A page names it, `{{ few-images digits.10.simclr | percent }}`, and gets the number when it
 * is built; README has the number itself, with the same name in a comment behind it.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folder of the files. */
export const RESULTS = 'bench/results';

/** A file of results. */
export interface ResultsFile {
  /** The command that wrote it. */
  command: string;
  /** Processor, cores and runtime that it ran on. */
  machine: { cpu: string; cores: number; runtime: string };
  /** Version of the package. */
  version: string;
  /** Day of the run, as 2026-11-30. */
  date: string;
  results: unknown;
}

/** Reads all files, by their names without `.json`. */
export function readResults(): ReadonlyMap<string, ResultsFile> {
  if (!existsSync(RESULTS)) return new Map();
  const names = readdirSync(RESULTS).filter((name) => name.endsWith('.json'));
  return new Map(
    names
      .sort()
      .map((name) => [
        name.replace('.json', ''),
        JSON.parse(readFileSync(join(RESULTS, name), 'utf8')),
      ]),
  );
}

function toNumber(value: unknown, name: string): number {
  if (typeof value !== 'number')
    throw new Error(`${name}: ${JSON.stringify(value)} is not a number`);
  return value;
}

/** Writes a number with a comma every three digits. */
const grouped = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A mean and a standard deviation, both times a factor. */
function spread(value: unknown, name: string, factor: number, digits: number): string {
  const { mean, std } = (value ?? {}) as { mean?: unknown; std?: unknown };
  const [a, b] = [toNumber(mean, `${name}.mean`), toNumber(std, `${name}.std`)];
  return `${(factor * a).toFixed(digits)} ± ${(factor * b).toFixed(digits)}`;
}

type Format = (value: unknown, digits: number | undefined, name: string) => string;

/** Forms of a number, by name: `| percent`, `| fixed 2`. */
const FORMATS: Readonly<Record<string, Format>> = {
  fixed: (value, digits = 1, name) => grouped(toNumber(value, name), digits),
  /** A fraction: 0.94 is 94.0 %. */
  percent: (value, digits = 1, name) => `${(100 * toNumber(value, name)).toFixed(digits)} %`,
  /** A mean and a standard deviation, of fractions. */
  spread: (value, digits = 1, name) => `${spread(value, name, 100, digits)} %`,
  /** A mean and a standard deviation as they are. */
  plusminus: (value, digits = 2, name) => spread(value, name, 1, digits),
  times: (value, digits = 1, name) => `${toNumber(value, name).toFixed(digits)}×`,
  kb: (value, digits = 0, name) => `${(toNumber(value, name) / 1000).toFixed(digits)} kB`,
  mb: (value, digits = 1, name) => `${(toNumber(value, name) / 1e6).toFixed(digits)} MB`,
  ms: (value, digits = 2, name) => `${grouped(toNumber(value, name), digits)} ms`,
  s: (value, digits = 0, name) => `${grouped(toNumber(value, name), digits)} s`,
};

/** Formats what a file says about its run. */
function formatSource({ command, machine, version, date }: ResultsFile): string {
  const cores = machine.cores === 1 ? 'one core' : `${machine.cores} cores`;
  return `\`${command}\`, ${machine.runtime}, ${cores} of an ${machine.cpu}, nearfar ${version}, ${date}`;
}

/**
 * Evaluates what stands between the braces: the name of a file, a path of keys in its results, and a
 * format.
 * @throws if the file, a key or the format does not exist
 */
export function evaluateFigure(
  expression: string,
  files: ReadonlyMap<string, ResultsFile> = readResults(),
): string {
  const [where = '', form = ''] = expression.split('|').map((part) => part.trim());
  const [name = '', ...keys] = where.split(' ');
  const file = files.get(name);
  if (file === undefined) throw new Error(`${RESULTS}/${name}.json does not exist`);
  if (form === 'source') return formatSource(file);
  const path = keys.join(' ');
  let value: unknown = file.results;
  for (const key of path === '' ? [] : path.split('.')) {
    value = (value as Record<string, unknown> | null | undefined)?.[key];
    if (value === undefined) throw new Error(`${RESULTS}/${name}.json has no ${key} in ${path}`);
  }
  if (form === '') {
    if (typeof value === 'string') return value;
    return String(toNumber(value, where));
  }
  const [kind = '', digits] = form.split(' ');
  const format = FORMATS[kind];
  if (format === undefined) {
    throw new Error(`no format ${kind}; there are ${Object.keys(FORMATS).join(', ')} and source`);
  }
  return format(value, digits === undefined ? undefined : Number(digits), where);
}

/** A name of a figure. */
const FIGURE = /\{\{ ([^{}]+) \}\}/g;

/** Fills the braces of a page. */
export function fillFigures(
  page: string,
  files: ReadonlyMap<string, ResultsFile> = readResults(),
): string {
  return outsideCode(page, (text) =>
    text.replace(FIGURE, (_, expression: string) => evaluateFigure(expression, files)),
  );
}

/** Changes the text of a page, but not its code blocks. */
function outsideCode(page: string, change: (text: string) => string): string {
  return page
    .split(/(^```[\s\S]*?^```$)/m)
    .map((part) => (part.startsWith('```') ? part : change(part)))
    .join('');
}

const UNITS =
  '%|×(?! ?\\d)|x|ms|µs|ns|s|seconds?|minutes?|min|hours?|kB|MB|GB|KiB|MiB|GiB|points?|nats|GFLOP/s|GFLOPS|ulp|rows/s|tokens/s';
/** A number of a run: with a decimal point, a unit or a spread. Whole numbers alone may count. */
const NUMBER = String.raw`\d[\d,]*(?:\.\d+)?`;
const CLAIM = new RegExp(
  String.raw`(?<![\w./#-])(?:${NUMBER}(?:(?: ?± ?${NUMBER})(?: ?%)?| ?(?:${UNITS})(?![\w-]))|\d[\d,]*\.\d+)(?![\w.]*\w)`,
  'g',
);

/** Names with the number of a version. */
const VERSIONS =
  /\b(Node|Chrome|Firefox|Safari|Deno|Bun|PyTorch|NumPy|TensorFlow\.js|TypeScript|version) \d+(\.\d+)*/g;

/** Leaves out what makes no claim: code, links' targets, comments, front matter, HTML, headings of versions. */
function withoutExempt(page: string): string {
  return page
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]+`/g, '``')
    .replace(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\]\([^)]*\)/g, ']')
    .replace(VERSIONS, '')
    .replace(/<(?!!--)[^>]+>/g, '');
}

/** Lists numbers of a page of the documentation that come from no file. */
export function unsourcedNumbers(page: string): string[] {
  const text = withoutExempt(page)
    .replace(FIGURE, '')
    .replace(/<!--[\s\S]*?-->/g, '');
  return [...text.matchAll(CLAIM)].map(([claim]) => claim);
}

/** A number of README, and the comment behind it if there is one. */
const MARKED = new RegExp(`(${CLAIM.source})(?:<!-- ([^>]+) -->)?`, 'g');

/** Lists numbers of README that have no source, and those that differ from it. */
export function readmeGaps(
  readme: string,
  files: ReadonlyMap<string, ResultsFile> = readResults(),
): string[] {
  return [...withoutExempt(readme).matchAll(MARKED)].flatMap(([, claim = '', expression]) => {
    if (expression === undefined) return [`${claim} has no source`];
    const expected = evaluateFigure(expression, files);
    return claim === expected ? [] : [`${claim}: ${expression} is ${expected}`];
  });
}

/** Writes the numbers of the files into README. */
export function fillReadme(
  readme: string,
  files: ReadonlyMap<string, ResultsFile> = readResults(),
): string {
  return outsideCode(readme, (text) =>
    text.replace(MARKED, (whole, _claim: string, expression: string | undefined) =>
      expression === undefined
        ? whole
        : `${evaluateFigure(expression, files)}<!-- ${expression} -->`,
    ),
  );
}
