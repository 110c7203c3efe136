/** `nearfar bench`: times operations and training steps next to other packages, and writes a page. */

import { cpus } from 'node:os';
import { measureCallOverhead } from '../../../bench/call-overhead.js';
import { OnnxFolders, readEncoders } from '../../../bench/encoders.js';
import { type Listener, measureAll } from '../../../bench/measure.js';
import { selectWorkloads } from '../../../bench/measure-workload.js';
import { benchPage } from '../../../bench/page/page.js';
import { copiesPeer } from '../../../bench/peers/copies.js';
import { allPeers, isHere } from '../../../bench/peers/index.js';
import type { Peer } from '../../../bench/peers/peer.js';
import { plain } from '../../../bench/peers/plain.js';
import {
  formatSummary,
  growthLines,
  peakLine,
  resultLines,
  startUpLine,
} from '../../../bench/report.js';
import { formatSizes, type Run } from '../../../bench/results.js';
import { sourcePackage } from '../../../bench/source-package.js';
import { measureStartUp } from '../../../bench/start-up.js';
import { InputError } from '../../terminal/errors.js';
import { prepareFolder, readBytes, writeResults } from '../../terminal/files.js';
import { parseInteger } from '../../terminal/options.js';
import { programAddress, readProgram, version } from '../../terminal/package-files.js';
import type { Terminal } from '../../terminal/progress.js';
import { type Command, type Input, JSON_OPTION } from '../command.js';

const MAX_SIZE = 1e9;

/** Measures speed next to other packages. */
export const bench: Command = {
  name: 'bench',
  summary: 'time operations and training steps next to other packages, and write charts',
  arguments: [
    {
      notation: '[name]',
      description: 'operations whose name contains it (all of them by default)',
    },
  ],
  examples: ['nearfar bench ntXent', 'nearfar bench --json'],
  options: [
    {
      flags: '--peers [names]',
      description:
        'in turns with PyTorch, NumPy, model2vec, TensorFlow.js, onnxruntime-web, jax-js and ' +
        'usearch, or some of them and plain JavaScript, as in numpy,plain',
    },
    {
      flags: '--peers-from <dir>',
      description: 'folder in which the peers from npm are installed',
      default: '.',
    },
    {
      flags: '--models <dir>',
      description: 'folder of sentence encoders, one folder each, whose encoding is timed, too',
    },
    {
      flags: '--onnx <dir>',
      description:
        'folder with NAME/onnx of the encoders for onnxruntime-web (by default, export-onnx.py in ' +
        '--models makes them)',
    },
    { flags: '--largest <n>', description: 'leave sizes out whose largest number is above' },
    {
      flags: '--growth',
      description: 'measure growth with size, start-up, and what small calls cost',
    },
    {
      flags: '--draw <file>',
      description: 'measure nothing, draw the results.json of earlier runs',
    },
    { flags: '--out <dir>', description: 'folder for the page', default: 'nearfar-bench' },
    JSON_OPTION,
  ],
  // Most peers have one; with more, ours runs on one and on all alternately, next to as many copies,
  // and Python's on all.
  threads: 1,
  run,
};

async function run({ positional, options, terminal }: Input): Promise<void> {
  const { largest, threads, draw } = options;
  const out = options.out as string;
  if (typeof draw === 'string') {
    const { runs, page } = readRuns(draw);
    prepareFolder('--out', out);
    write(terminal, out, runs, page);
    return;
  }
  const name = positional[0] ?? '';
  const models = options.models as string | undefined;
  const note = (text: string): void => terminal.note(text);
  const encoders = models === undefined ? [] : readEncoders(models, name, note);
  const plan = {
    name,
    encoders,
    largest:
      typeof largest === 'string' ? parseInteger('--largest', largest, 1, MAX_SIZE) : MAX_SIZE,
    growth: options.growth === true,
    threads: typeof threads === 'string' ? Number(threads) : 1,
    cpu: cpus()[0]?.model,
    callOverhead: measureCallOverhead,
    startUp: () => measureStartUp(programAddress('index.js')),
  };
  if (selectWorkloads(sourcePackage, plan).length === 0) {
    const smaller = typeof largest === 'string' ? ` at sizes up to ${largest}` : '';
    throw new InputError(`no operation's name contains ${JSON.stringify(name)}${smaller}`);
  }
  prepareFolder('--out', out);
  const { peersFrom } = options as { peersFrom: string };
  const peers = await chosenPeers(options.peers, peersFrom, plan.threads, terminal);
  if (plan.threads > 1) peers.unshift(copiesPeer(plan.threads, programAddress('cli.js')));
  const onnx = new OnnxFolders();
  try {
    if (models !== undefined && peers.some((peer) => peer.name.startsWith('onnxruntime-web'))) {
      plan.encoders = onnx.add(encoders, models, options.onnx as string | undefined, note);
    }
    const runs = [await measureAll(sourcePackage, { ...plan, peers }, listener(terminal))];
    write(terminal, out, runs, pageOf(runs));
  } finally {
    for (const peer of peers) peer.close?.();
    onnx.close();
  }
}

/** Who is asked for by name, or all, or plain JavaScript alone; tells who isn't there. */
async function chosenPeers(
  asked: string | boolean | undefined,
  folder: string,
  threads: number,
  terminal: Terminal,
): Promise<Peer[]> {
  if (asked === undefined) return [plain];
  const names = typeof asked === 'string' ? asked.toLowerCase().split(',') : [''];
  const all = [...(await allPeers(folder, threads)), plain];
  const found = all.filter(({ name }) => names.some((part) => name.toLowerCase().includes(part)));
  for (const peer of all.filter(isHere)) if (!found.includes(peer)) peer.close?.();
  if (found.length === 0) {
    const known = all.map(({ name }) => name).join(', ');
    throw new InputError(`--peers ${asked}: there is none of that name among ${known}`);
  }
  for (const peer of found) {
    if (!isHere(peer)) terminal.note(`without ${peer.name}: ${peer.missing}`);
  }
  return found.filter(isHere);
}

const pageOf = (runs: readonly Run[]): string =>
  benchPage(runs, { program: readProgram('bench-page.js'), version: version() });

function write(terminal: Terminal, out: string, runs: readonly Run[], html: string): void {
  const json = `${JSON.stringify(runs, null, 1)}\n`;
  const paths = writeResults(out, { 'results.json': json, 'index.html': html });
  terminal.line(`page: ${paths['index.html']}`);
  terminal.event('done', { results: paths['results.json'], page: paths['index.html'] });
}

/** Earlier runs and their page. @throws InputError if it isn't what a benchmark wrote */
function readRuns(path: string): { runs: Run[]; page: string } {
  const text = new TextDecoder().decode(readBytes(path));
  try {
    const runs: Run[] = JSON.parse(text);
    // What can be drawn is what has everything that is drawn.
    return { runs, page: pageOf(runs) };
  } catch {
    throw new InputError(`--draw ${path}: is not the results.json of a benchmark`);
  }
}

/** Reports each result as it comes. */
function listener(terminal: Terminal): Listener {
  return {
    start: (what) => terminal.transient(what),
    peak: (peak) => {
      terminal.line(peakLine(cpus()[0]?.model ?? 'here', peak));
      terminal.event('peak', { peak });
    },
    result: (result) => {
      for (const line of resultLines(result)) terminal.line(line);
      terminal.event('result', { ...result });
    },
    growth: (growth) => {
      for (const line of growthLines(growth)) terminal.line(line);
      terminal.event('growth', { ...growth });
    },
    startUp: (time) => {
      terminal.line(startUpLine(time));
      terminal.event('start-up', { ...time });
    },
    callOverhead: (result) => {
      const [kernels, call] = result.timings;
      if (kernels === undefined || call === undefined) return;
      terminal.line(
        `${result.operation}, ${formatSizes(result.sizes)}: a call takes ` +
          `${formatSummary(call.ratio, 2)} times its kernels' ${formatSummary(kernels.time, 4)} ms`,
      );
      terminal.event('call-overhead', { ...result });
    },
  };
}
