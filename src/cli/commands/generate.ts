/** `nearfar generate`: goes on from a prompt with a trained GPT. */

import { type Command, InputError, JSON_OPTION, realNumber, wholeNumber } from '../command.js';
import { inputError, openFor } from '../output/folder.js';

const LARGEST = 2 ** 31;

export const generate: Command = {
  name: 'generate',
  summary: 'go on from a prompt with a trained GPT',
  arguments: [{ notation: '<dir>', description: 'folder of the trained system' }],
  options: [
    { flags: '--prompt <text>', description: 'how the text begins' },
    { flags: '--max-new-tokens <n>', description: 'how many tokens to add', default: '200' },
    {
      flags: '--temperature <t>',
      description: 'below 1 the likely becomes likelier',
      default: '0.8',
    },
    { flags: '--top-k <k>', description: 'only the k likeliest tokens' },
    { flags: '--top-p <p>', description: 'only the likeliest tokens that make up this share' },
    { flags: '--seed <n>', description: 'another seed, another text', default: '0' },
    JSON_OPTION,
  ],
  async run({ positional, options, terminal }) {
    const { prompt, topK, topP } = options;
    if (typeof prompt !== 'string') throw new InputError('--prompt is needed');
    const settings = {
      maxNewTokens: wholeNumber('--max-new-tokens', options.maxNewTokens as string, 1, LARGEST),
      temperature: realNumber('--temperature', options.temperature as string, 1e-6, 1e6),
      seed: wholeNumber('--seed', options.seed as string, 0, LARGEST),
      ...(typeof topK === 'string' ? { topK: wholeNumber('--top-k', topK, 1, LARGEST) } : {}),
      ...(typeof topP === 'string' ? { topP: realNumber('--top-p', topP, 1e-9, 1) } : {}),
    };
    const goOn = await openFor('generate', positional[0]);
    let text = '';
    await inputError('--prompt', () => {
      for (const token of goOn(prompt, settings)) {
        if (text === '') terminal.write(prompt);
        text += token;
        terminal.write(token);
      }
    });
    terminal.write('\n');
    terminal.event('done', { prompt, text });
  },
};
