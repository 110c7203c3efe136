/**
 * The folders of the sources in the order of their imports, and the imports of each source: what the
 * test of the structure checks and the documentation draws.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** Lists the sources of a folder, as paths from the root. */
export function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file))
    .sort();
}

/**
 * A file imports its own folder and folders above it in this list, nothing below. Where several
 * folders could share a line, the list has the order that the code needs: metrics rank with
 * search, and search knows no metric.
 */
export const ORDER: readonly string[] = [
  'assembly/core',
  'assembly/losses',
  'assembly/search',
  'assembly/analysis',
  'assembly/nn',
  'assembly/images',
  'assembly',
  'src/core',
  'src/linalg',
  'src/losses',
  'src/search',
  'src/evaluate',
  'src/index.ts',
  'src/nn',
  'src/data',
  'src/train',
  'src/models',
  'src/adapt',
  'src/english.ts',
  'src/threads',
  'src/distributed',
  'src/terminal',
  'src/report',
  'build',
  'src/docs',
  'bench',
  'src/cli',
  'test',
];

/** Finds the line of `ORDER` that a file belongs to: its folder, or the file itself. */
export function lineOf(file: string): string | undefined {
  const [top = '', second = '', ...more] = file.split('/');
  const folder = more.length > 0 && top !== 'bench' ? `${top}/${second}` : top;
  return [file, folder, top].find((line) => ORDER.includes(line));
}

/** All sources. */
export const code: readonly string[] = [
  ...new Set(ORDER.map((line) => line.split('/')[0] as string)),
].flatMap(sources);

/** Lists the imports of a file, types too: paths from the root, or names of packages. */
export function imports(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
  return importedFiles.map(({ fileName }) => {
    if (!fileName.startsWith('.')) return fileName;
    const path = join(dirname(file), fileName).replace(/\.js$/, '.ts');
    return file.startsWith('assembly/') ? `${path}.ts` : path;
  });
}

/** The sources that each source imports. */
export const graph: ReadonlyMap<string, readonly string[]> = new Map(
  code.map((file) => [file, imports(file).filter((other) => code.includes(other))]),
);
