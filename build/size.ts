/**
 * Sizes of what a user's bundle grows by, raw and gzipped. The cap is a promise of the README's,
 * checked by a test.
 */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes, gzipped, that `import { ntXent } from 'nearfar'` may add to a bundle. */
export const NT_XENT_CAP = 25 * 1024;

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
    write: false,
  });
  return measure(what, outputFiles[0]?.contents ?? new Uint8Array());
}

export async function sizes(): Promise<Size[]> {
  return [
    measure('dist/nearfar.wasm', readFileSync('dist/nearfar.wasm')),
    await bundled(
      "import { ntXent } from 'nearfar'",
      "import { ntXent } from 'nearfar'; console.log(ntXent);",
    ),
    await bundled(
      "import * as nearfar from 'nearfar'",
      "import * as nearfar from 'nearfar'; console.log(nearfar);",
    ),
    await bundled(
      "import { setThreads } from 'nearfar/threads'",
      "import { setThreads } from 'nearfar/threads'; console.log(setThreads);",
    ),
  ];
}

export async function reportSizes(): Promise<void> {
  for (const { what, raw, gzipped } of await sizes()) {
    process.stderr.write(
      `${what.padEnd(40)} ${String(raw).padStart(8)} ${String(gzipped).padStart(8)} gz\n`,
    );
  }
}
