/**
 * Sizes of the kernels and of what a user's bundle grows by, raw and gzipped. Who makes one of
 * them a tenth larger announces it in sizes.json, or a test fails.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes, gzipped, that `import { ntXent } from 'nearfar'` may add to a bundle: the README's promise. */
export const NT_XENT_CAP = 21_122;

export interface Size {
  what: string;
  raw: number;
  gzipped: number;
}

function measure(what: string, bytes: Uint8Array): Size {
  return { what, raw: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
}

/** Bundles and minifies one line that uses the package, as an application would. */
async function bundled(what: string, line: string): Promise<Size> {
  const { outputFiles } = await build({
    stdin: { contents: line, resolveDir: process.cwd() },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'error',
    // Weights are imported when they are needed: a file of their own.
    external: ['*-weights.js'],
    write: false,
  });
  return measure(what, outputFiles[0]?.contents ?? new Uint8Array());
}

/** Lines that an application would write. */
const IMPORTS = [
  "import { ntXent } from 'nearfar'",
  "import * as nearfar from 'nearfar'",
  "import { Linear } from 'nearfar/nn'",
  "import { GPT } from 'nearfar/models'",
  "import { loadSentenceEncoder } from 'nearfar/models'",
  "import { Adapter } from 'nearfar/adapt'",
  "import { tuneAdapter } from 'nearfar/adapt'",
  "import { loadEnglish } from 'nearfar/english'",
  "import { setThreads } from 'nearfar/threads'",
  "import { trainRanks } from 'nearfar/distributed'",
];

export async function sizes(): Promise<Size[]> {
  const kernels = readdirSync('dist')
    .filter((name) => name.endsWith('.wasm'))
    .sort()
    .map((name) => measure(`dist/${name}`, readFileSync(`dist/${name}`)));
  const imports = IMPORTS.map((line) => {
    const name = /\w+(?= \}? ?from)/.exec(line)?.[0];
    return bundled(line, `${line}; console.log(${name});`);
  });
  return [...kernels, ...(await Promise.all(imports))];
}

/** Bytes, gzipped, of what begins so. */
export function gzippedOf(found: readonly Size[], start: string): number {
  const size = found.find(({ what }) => what.startsWith(start));
  if (size === undefined) throw new Error(`nothing measured begins with ${start}`);
  return size.gzipped;
}

/** Announced sizes: bytes, gzipped, of each. */
export function announced(): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync('build/sizes.json', 'utf8'));
}

/** By how much each has grown since it was announced, in percent; NaN if it never was. */
export function growth({ what, gzipped }: Size, before: ReturnType<typeof announced>): number {
  return 100 * (gzipped / (before[what] ?? Number.NaN) - 1);
}

export async function reportSizes(): Promise<void> {
  const before = announced();
  for (const size of await sizes()) {
    const { what, raw, gzipped } = size;
    const grown = growth(size, before);
    const change = Number.isNaN(grown) ? 'new' : `${grown < 0 ? '' : '+'}${grown.toFixed(1)} %`;
    process.stderr.write(
      `${what.padEnd(44)} ${String(raw).padStart(8)} ${String(gzipped).padStart(8)} gz ${change.padStart(8)}\n`,
    );
  }
}
