/**
 * The runtimes that run a file from the command line: Node in two versions and on two processors,
 * Deno and Bun, each with a plain `import`, and Node once more with `require`.
 */

import { join } from 'node:path';
import { build } from 'esbuild';
import { execute } from './process.js';
import {
  fromDebian,
  fromNpm,
  makeFolder,
  missingFile,
  nodeFile,
  type Runtime,
  toolFile,
} from './runtime.js';

const main = `import program from '../program.mjs';
console.log(JSON.stringify(await program()));
`;

interface Command {
  name: string;
  command: string;
  args?: (project: string) => string[];
  needs?: string[];
  install?: string;
  seconds?: number;
}

function commandRow({ name, command, args, needs, install = fromNpm, seconds }: Command): Runtime {
  return {
    name,
    available: () => missingFile([command, ...(needs ?? [])], install),
    async run(project) {
      const folder = await makeFolder(project, name, { 'main.mjs': main });
      const env = { DENO_DIR: join(folder, 'cache'), DENO_NO_UPDATE_CHECK: '1' };
      const before = args?.(project) ?? [];
      return execute(command, [...before, 'main.mjs'], { folder, seconds, env });
    },
  };
}

const thisNode = `node${process.versions.node.split('.')[0]}`;
const arm64Node = nodeFile('linux-arm64');

const requireName = `${thisNode}-require`;
const requireRow: Runtime = {
  name: requireName,
  available: () => undefined,
  async run(project) {
    const source = `import program from '../program.mjs';
program().then((result) => console.log(JSON.stringify(result)));
`;
    const folder = await makeFolder(project, requireName, { 'source.mjs': source });
    await build({
      entryPoints: [join(folder, 'source.mjs')],
      outfile: join(folder, 'main.cjs'),
      bundle: true,
      format: 'cjs',
      platform: 'node',
      external: ['nearfar', 'nearfar/*'],
      logLevel: 'error',
    });
    return execute(process.execPath, ['main.cjs'], { folder });
  },
};

export const commands: Runtime[] = [
  commandRow({ name: thisNode, command: process.execPath }),
  requireRow,
  commandRow({ name: 'node24', command: nodeFile(`${process.platform}-${process.arch}`) }),
  commandRow({
    name: 'node24-arm64',
    command: '/usr/bin/qemu-aarch64-static',
    args: () => [arm64Node],
    needs: [arm64Node, '/lib/ld-linux-aarch64.so.1'],
    install: fromDebian,
    seconds: 400,
  }),
  commandRow({
    name: 'deno',
    command: toolFile('.bin/deno'),
    args: (project) => ['run', `--allow-read=${project}`],
  }),
  commandRow({ name: 'bun', command: toolFile('.bin/bun'), args: () => ['--no-install'] }),
];
