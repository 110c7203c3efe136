/** `nearfar eval`: evaluates a trained model on files. */

import { type Command, JSON_OPTION, MODEL_FOLDER, required } from '../command.js';
import { inputError, openFor } from '../models/open.js';

/** Evaluates a trained model. */
export const evaluate: Command = {
  name: 'eval',
  summary: 'evaluate a trained model on your own files',
  arguments: [MODEL_FOLDER],
  options: [
    { flags: '--data <path>', description: 'files of the kind that it was trained on' },
    JSON_OPTION,
  ],
  examples: ['nearfar eval book --data another-book.txt'],
  async run({ positional, options, terminal }) {
    const path = required(options, 'data');
    const run = await openFor('evaluate', positional[0]);
    const metrics = await inputError('--data', () => run(path));
    terminal.event('done', metrics);
    terminal.table(
      ['metric', 'value'],
      Object.entries(metrics).map(([name, value]) => [
        name,
        Number.isInteger(value) ? String(value) : value.toFixed(4),
      ]),
    );
  },
};
