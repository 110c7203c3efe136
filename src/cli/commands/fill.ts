/** `nearfar fill`: predicts the most probable tokens for each [MASK] of a text. */

import { InputError } from '../../terminal/errors.js';
import { MAX_INTEGER, parseInteger } from '../../terminal/options.js';
import { type Command, JSON_OPTION, MODEL_FOLDER } from '../command.js';
import { inputError, openFor } from '../models/open.js';

const MASK = '[MASK]';

/** Predicts masked tokens. */
export const fill: Command = {
  name: 'fill',
  summary: 'predict the masked tokens of a text with a trained BERT',
  arguments: [
    MODEL_FOLDER,
    { notation: '<text>', description: `with ${MASK} for each token to predict` },
  ],
  options: [
    { flags: '--top-k <k>', description: 'number of tokens for each mask', default: '5' },
    JSON_OPTION,
  ],
  examples: [`nearfar fill bert "click ${MASK} to unsubscribe"`],
  async run({ positional, options, terminal }) {
    const [folder, text] = positional;
    if (text === undefined) throw new InputError('a text is needed');
    if (!text.includes(MASK)) throw new InputError(`the text must hold at least one ${MASK}`);
    const topK = parseInteger('--top-k', options.topK as string, 1, MAX_INTEGER);
    const run = await openFor('fill', folder);
    const masks = await inputError('text', () => run(text, topK));
    terminal.event('done', { text, masks });
    terminal.table(
      [MASK, 'token', 'probability'],
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
