/** `nearfar predict`: classifies texts or images with a fine-tuned model. */

import { type Command, JSON_OPTION, MODEL_FOLDER, required } from '../command.js';
import { inputError, openFor } from '../models/open.js';

/** Classifies texts or images. */
export const predict: Command = {
  name: 'predict',
  summary: 'classify texts or images with a fine-tuned model',
  arguments: [MODEL_FOLDER],
  options: [
    { flags: '--data <path>', description: 'texts (a .txt has one per line) or images' },
    JSON_OPTION,
  ],
  examples: ['nearfar predict spam-filter --data mails.csv'],
  async run({ positional, options, terminal }) {
    const path = required(options, 'data');
    const run = await openFor('predict', positional[0]);
    const { ids, labels } = await inputError('--data', () => run(path));
    for (const [i, id] of ids.entries()) {
      terminal.event('prediction', { id, label: labels[i] });
      terminal.line(`${id}\t${labels[i]}`);
    }
    terminal.event('done', { samples: ids.length });
  },
};
