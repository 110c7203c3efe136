/** `nearfar eval`: judges a trained model on files of one's own. */

import { type Command, JSON_OPTION, required } from '../command.js';
import { inputError, openFor } from '../models/open.js';

export const evaluate: Command = {
  name: 'eval',
  summary: 'judge a trained model on your own files, all of them',
  arguments: [{ notation: '<dir>', description: 'folder of the trained model' }],
  options: [
    { flags: '--data <path>', description: 'files of the kind that it was trained on' },
    JSON_OPTION,
  ],
  async run({ positional, options, terminal }) {
    const path = required(options, 'data');
    const judge = await openFor('evaluate', positional[0]);
    const metrics = await inputError('--data', () => judge(path));
    terminal.event('done', metrics);
    terminal.table(
      ['metric', 'value'],
      Object.entries(metrics).map(([name, value]) => [name, value.toFixed(4)]),
    );
  },
};
