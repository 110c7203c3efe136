/** `nearfar generate`: goes on from a prompt with a trained GPT. */

import { InputError } from '../../terminal/errors.js';
import { parseInteger, parseNumber } from '../../terminal/options.js';
import { type Command, JSON_OPTION } from '../command.js';
import { inputError, openFor } from '../models/open.js';

const MAX_INTEGER = 2 ** 31;

export const generate: Command = {
  name: 'generate',
  summary: 'go on from a prompt with a trained GPT',
  arguments: [{ notation: '<dir>', description: 'folder of the trained model' }],
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
      maxNewTokens: parseInteger(
        '--max-new-tokens',
        options.maxNewTokens as string,
        1,
        MAX_INTEGER,
      ),
      temperature: parseNumber('--temperature', options.temperature as string, 1e-6, 1e6),
      seed: parseInteger('--seed', options.seed as string, 0, MAX_INTEGER),
      ...(typeof topK === 'string' ? { topK: parseInteger('--top-k', topK, 1, MAX_INTEGER) } : {}),
      ...(typeof topP === 'string' ? { topP: parseNumber('--top-p', topP, 1e-9, 1) } : {}),
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
