/** `nearfar fill`: the best tokens for each [MASK] of a text. */

import { InputError } from '../../terminal/errors.js';
import { parseInteger } from '../../terminal/options.js';
import { type Command, JSON_OPTION } from '../command.js';
import { inputError, openFor } from '../models/open.js';

export const fill: Command = {
  name: 'fill',
  summary: 'name the hidden tokens of a text with a trained BERT',
  arguments: [
    { notation: '<dir>', description: 'folder of the trained model' },
    { notation: '<text>', description: 'with [MASK] where a token is hidden' },
  ],
  options: [
    { flags: '--top-k <k>', description: 'how many tokens for each', default: '5' },
    JSON_OPTION,
  ],
  async run({ positional, options, terminal }) {
    const [folder, text] = positional;
    if (text === undefined) throw new InputError('a text is needed');
    const topK = parseInteger('--top-k', options.topK as string, 1, 2 ** 31);
    const name = await openFor('fill', folder);
    const masks = await inputError('text', () => name(text, topK));
    terminal.event('done', { text, masks });
    terminal.table(
      ['[MASK]', 'token', 'probability'],
      masks.flatMap((tokens, mask) =>
        tokens.map(({ token, probability }, i) => [
          i === 0 ? String(mask + 1) : '',
          token,
          probability.toFixed(4),
        ]),
      ),
    );
  },
};
