/** `nearfar adapt`: an adapter of ready-made embeddings, if it helps. */

import { tuneAdapter } from '../../adapt/index.js';
import { InputError, Interrupted } from '../../terminal/errors.js';
import { prepareFile, writeAll } from '../../terminal/files.js';
import { MAX_INTEGER, parseChoice, parseInteger, parseNumber } from '../../terminal/options.js';
import { fitText } from '../../terminal/text.js';
import { type Command, type Input, JSON_OPTION, required } from '../command.js';
import {
  adapterReport,
  BEFORE_AFTER,
  beforeAfter,
  CHANGED,
  changedQueries,
  EMBEDDING_OPTIONS,
  rankText,
  readGiven,
  verdictLine,
} from '../models/adapters.js';
import { inputError } from '../models/open.js';

/** Queries in the table of those whose ranking changed. */
const SHOWN = 10;

function readTuning({ options }: Input) {
  const text = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === 'string' ? value : undefined;
  };
  const [steps, batchSize, seed] = [text('steps'), text('batchSize'), text('seed')];
  const [minGain, level] = [text('minGain'), text('level')];
  const [hardNegatives, randomNegatives] = [text('hardNegatives'), text('randomNegatives')];
  return {
    side: parseChoice('--side', String(options.side), ['both', 'query']) as 'both' | 'query',
    ...(steps !== undefined && { steps: parseInteger('--steps', steps, 1, MAX_INTEGER) }),
    ...(batchSize !== undefined && {
      batchSize: parseInteger('--batch-size', batchSize, 1, MAX_INTEGER),
    }),
    ...(seed !== undefined && { seed: parseInteger('--seed', seed, 0, MAX_INTEGER) }),
    ...(minGain !== undefined && { minGain: parseNumber('--min-gain', minGain, 0, 1) }),
    ...(level !== undefined && { level: parseNumber('--level', level, 0.5, 0.99999) }),
    ...(hardNegatives !== undefined && {
      hardNegatives: parseInteger('--hard-negatives', hardNegatives, 0, 1000),
    }),
    ...(randomNegatives !== undefined && {
      randomNegatives: parseInteger('--random-negatives', randomNegatives, 0, 100_000),
    }),
  };
}

/** Trains an adapter, and writes it if it helps. */
export const adapt: Command = {
  name: 'adapt',
  summary: 'train an adapter of ready-made embeddings, and say whether it helps',
  options: [
    ...EMBEDDING_OPTIONS,
    {
      flags: '--scores',
      description: 'the pairs have a score of similarity each, from which is learned',
    },
    {
      flags: '--triplets <file>',
      description:
        'with --embeddings: .jsonl or .csv of ids or row numbers (anchor, positive, negative)',
    },
    {
      flags: '--out <file>',
      description: 'file for the adapter (.safetensors); a report lies next to it',
    },
    {
      flags: '--side <side>',
      description: 'query: adapt queries alone, so that an index of documents stays as it is',
      default: 'both',
    },
    { flags: '--steps <n>', description: 'steps of each form (default: by the number of pairs)' },
    { flags: '--batch-size <n>', description: 'pairs of a step (default: 128)' },
    { flags: '--hard-negatives <n>', description: 'mined negatives of each query (default: 0)' },
    {
      flags: '--random-negatives <n>',
      description: 'documents that are drawn for each step as negatives (default: 0)',
    },
    {
      flags: '--min-gain <x>',
      description: 'smallest gain that is worth an adapter (default: 0.01)',
    },
    { flags: '--level <x>', description: 'level of the interval (default: 0.998)' },
    { flags: '--seed <n>', description: 'seed of the split and the batches (default: 0)' },
    JSON_OPTION,
  ],
  examples: [
    'nearfar adapt --queries queries.npy --documents documents.npy --pairs clicks.csv --out adapter.safetensors',
    'nearfar adapt --embeddings rows.jsonl --labels labels.txt --out adapter.safetensors',
  ],
  async run(input) {
    const { options, terminal, onInterrupt } = input;
    const out = required(options, 'out');
    if (!out.toLowerCase().endsWith('.safetensors')) {
      throw new InputError(`--out must be a .safetensors file, got ${out}`);
    }
    const page = out.replace(/\.safetensors$/i, '.html');
    const tuning = readTuning(input);
    prepareFile('--out', out);
    const given = readGiven(input);
    const abort = new AbortController();
    onInterrupt(() => abort.abort());
    const progress: { bar?: ReturnType<typeof terminal.progress> } = {};
    const tuned = inputError('the embeddings', () =>
      tuneAdapter(given.data, {
        ...tuning,
        signal: abort.signal,
        onProgress({ done, total }) {
          progress.bar ??= terminal.progress('adapt', total);
          void progress.bar.step(done);
        },
      }),
    );
    let result: Awaited<typeof tuned>;
    try {
      result = await tuned;
    } catch (error) {
      if (abort.signal.aborted) throw new Interrupted('stopped; nothing was written');
      throw error;
    } finally {
      progress.bar?.end();
    }
    const { adapter, report } = result;
    const changed = report.verdict === 'helps' ? changedQueries(given, adapter, SHOWN) : [];
    const html = adapterReport(report, changed, `${out}; nearfar adapt`);
    writeAll([
      [out, adapter.save()],
      [page, new TextEncoder().encode(html)],
    ]);
    terminal.table(BEFORE_AFTER, beforeAfter(report));
    if (changed.length > 0) {
      terminal.line(
        'Queries whose ranking changed most, and the rank of their document (trained on these pairs too):',
      );
      terminal.table(
        CHANGED,
        changed.map(({ query, document, before, after }) => [
          ...[fitText(query, 30), fitText(document, 20), rankText(before), rankText(after)],
        ]),
        2,
      );
    }
    terminal.line(verdictLine(report));
    terminal.line(`${out}, and a report: ${page}`);
    const { forms, form, ...figures } = report;
    terminal.event('done', { ...figures, form: form?.name, out, report: page, changed, forms });
  },
};
