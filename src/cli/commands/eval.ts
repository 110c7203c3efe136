/** `nearfar eval`: evaluates a trained model on files, or ready-made embeddings. */

import { evaluateEmbeddings, type Matrix } from '../../index.js';
import { InputError } from '../../terminal/errors.js';
import { type Command, type Input, JSON_OPTION, MODEL_FOLDER, required } from '../command.js';
import type { ColumnNames } from '../input/example-columns.js';
import {
  EMBEDDING_OPTIONS,
  readAdapterOption,
  readGiven,
  searchMetrics,
} from '../models/adapters.js';
import { inputError, isSentenceFolder, openFor } from '../models/open.js';
import { COLUMN_OPTIONS } from '../models/sentence-options.js';
import { formatMetric, metricTitle } from '../output/metrics.js';

/** Evaluates a trained model. */
export const evaluate: Command = {
  name: 'eval',
  summary: 'evaluate a trained model on your own files',
  arguments: [{ ...MODEL_FOLDER, notation: '[dir]' }],
  options: [
    { flags: '--data <path>', description: 'files of the kind that it was trained on' },
    ...COLUMN_OPTIONS.map(({ flag, value, description }) => ({
      flags: `--${flag} ${value}`,
      description,
    })),
    ...EMBEDDING_OPTIONS,
    {
      flags: '--adapter <file>',
      description: 'an adapter of nearfar adapt: evaluated next to the rows as they are',
    },
    JSON_OPTION,
  ],
  examples: [
    'nearfar eval book --data another-book.txt',
    'nearfar eval --queries queries.npy --documents documents.npy --pairs clicks.csv --adapter adapter.safetensors',
  ],
  async run(input) {
    const { positional, options, terminal } = input;
    if (options.queries !== undefined || options.embeddings !== undefined) {
      if (positional.length > 0 || options.data !== undefined) {
        throw new InputError(
          'embeddings are evaluated without a model: leave out its folder and --data',
        );
      }
      evaluateGiven(input);
      return;
    }
    if (positional.length === 0)
      throw new InputError('a folder of a model, or --queries or --embeddings is needed');
    const path = required(options, 'data');
    const run = await openFor('evaluate', positional[0]);
    const columns = readColumnNames(options);
    const [name] = Object.keys(columns);
    if (name !== undefined && !isSentenceFolder(positional[0])) {
      throw new InputError(`--${name} is for sentence encoders`);
    }
    const metrics = await inputError('--data', () => run(path, terminal, columns));
    terminal.event('done', metrics);
    terminal.table(
      ['metric', 'value'],
      Object.entries(metrics).map(([name, value]) => [metricTitle(name), formatMetric(value)]),
    );
  },
};

/** Reads the names of columns that were given. */
function readColumnNames(options: Input['options']): ColumnNames {
  const given = COLUMN_OPTIONS.flatMap(({ setting }) => {
    const name = options[setting];
    return typeof name === 'string' ? [[setting, name]] : [];
  });
  return Object.fromEntries(given);
}

/** Evaluates ready-made embeddings, with an adapter next to them if there is one. */
function evaluateGiven(input: Input): void {
  const { terminal } = input;
  const given = readGiven(input);
  const { data, search } = given;
  const rows = ('embeddings' in data ? data.embeddings : data.queries) as Matrix;
  const adapter = readAdapterOption(input, rows.cols);
  const measure = (by: typeof adapter): Record<string, number> => {
    if (search !== undefined) return searchMetrics(search, by);
    if (!('labels' in data)) return {};
    return { ...evaluateEmbeddings(by?.apply(rows) ?? rows, data.labels) };
  };
  const before = measure(undefined);
  const after = adapter === undefined ? undefined : measure(adapter);
  const count = search?.relevant.filter(({ length }) => length > 0).length ?? rows.rows;
  terminal.event('done', { ...(after ?? before), ...(after && { before }), samples: count });
  terminal.table(
    ['metric', ...(after === undefined ? ['value'] : ['before', 'after', 'difference'])],
    Object.entries(before).map(([name, value]) => {
      const adapted = after?.[name];
      if (adapted === undefined) return [metricTitle(name), value.toFixed(4)];
      return [
        metricTitle(name),
        value.toFixed(4),
        adapted.toFixed(4),
        (adapted - value).toFixed(4),
      ];
    }),
  );
}
