/** `nearfar eval`: judges a trained system on texts of one's own. */

import { type Command, InputError, JSON_OPTION } from './command.js';
import { inputError, readSystem } from './folder.js';
import { perplexity } from './systems.js';
import { readTexts } from './text.js';

export const evaluate: Command = {
  name: 'eval',
  summary: 'judge a trained system on your own files, all of them',
  arguments: [{ notation: '<dir>', description: 'folder of the trained system' }],
  options: [
    { flags: '--data <path>', description: '.txt, .jsonl or .csv, or a folder of them' },
    JSON_OPTION,
  ],
  async run({ positional, options, terminal }) {
    if (typeof options.data !== 'string') throw new InputError('--data is needed');
    const text = readTexts(options.data)
      .map((row) => row.text)
      .join('\n');
    const model = readSystem(positional[0]);
    const valLoss = inputError('--data', () => model.evaluate(text));
    const metrics = { valLoss, perplexity: perplexity(valLoss) };
    terminal.event('done', metrics);
    terminal.table(
      ['metric', 'value'],
      Object.entries(metrics).map(([name, value]) => [name, value.toFixed(4)]),
    );
  },
};
