/** `nearfar generate`: continues a prompt with a trained GPT. */

import { InputError } from '../../terminal/errors.js';
import { MAX_INTEGER, parseInteger, parseNumber } from '../../terminal/options.js';
import { type Command, JSON_OPTION, MODEL_FOLDER } from '../command.js';
import { inputError, openFor } from '../models/open.js';

/** Generates text. */
export const generate: Command = {
  name: 'generate',
  summary: 'continue a prompt with a trained GPT',
  arguments: [MODEL_FOLDER],
  options: [
    { flags: '--prompt <text>', description: 'beginning of the text' },
    { flags: '--max-new-tokens <n>', description: 'number of tokens to add', default: '200' },
    {
      flags: '--temperature <t>',
      description: 'divides the logits: below 1 probable tokens become more probable',
      default: '0.8',
    },
    { flags: '--top-k <k>', description: 'sample from the k most probable tokens only' },
    {
      flags: '--top-p <p>',
      description: 'sample from the most probable tokens whose probabilities sum up to p only',
    },
    { flags: '--seed <n>', description: 'another seed gives another text', default: '0' },
    JSON_OPTION,
  ],
  examples: ['nearfar generate book --prompt "Call me" --max-new-tokens 100'],
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
    const run = await openFor('generate', positional[0]);
    let text = '';
    await inputError('--prompt', () => {
      for (const token of run(prompt, settings)) {
        if (text === '') terminal.write(prompt);
        text += token;
        terminal.write(token);
      }
    });
    terminal.write('\n');
    terminal.event('done', { prompt, text });
  },
};
