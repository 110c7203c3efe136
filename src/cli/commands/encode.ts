/** `nearfar encode`: one row of numbers for each text or image, as a file that NumPy reads. */

import { npyBytes } from '../../data/files/npy.js';
import { InputError } from '../../terminal/errors.js';
import { prepareFile, writeWhole } from '../../terminal/files.js';
import { type Command, JSON_OPTION, MODEL_FOLDER, required } from '../command.js';
import { inputError, openFor } from '../models/open.js';

/** Encodes texts or images. */
export const encode: Command = {
  name: 'encode',
  summary: 'turn texts or images into rows of numbers with a trained model',
  arguments: [MODEL_FOLDER],
  options: [
    { flags: '--data <path>', description: 'texts (a .txt has one per line) or images' },
    {
      flags: '--out <file>',
      description: 'a .npy file, one row per input; FILE.ids.txt says which input each row is',
    },
    JSON_OPTION,
  ],
  examples: ['nearfar encode encoder --data photos/ --out photos.npy'],
  async run({ positional, options, terminal }) {
    const path = required(options, 'data');
    const out = required(options, 'out');
    if (!out.toLowerCase().endsWith('.npy')) {
      throw new InputError(`--out must end with .npy, got ${out}`);
    }
    prepareFile('--out', out);
    const run = await openFor('encode', positional[0]);
    const { data, rows, cols, ids, notes = [] } = await inputError('--data', () => run(path));
    const names = out.replace(/\.npy$/i, '.ids.txt');
    writeWhole(out, npyBytes(data, [rows, cols]));
    // A line feed in the name of a file would shift all that follow.
    const lines = ids.map((id) => `${id.replaceAll('\n', '\\n')}\n`);
    writeWhole(names, new TextEncoder().encode(lines.join('')));
    for (const note of notes) terminal.note(note);
    terminal.event('done', { rows, width: cols, out, ids: names });
    terminal.line(`${out}: ${rows} rows of ${cols} numbers; ${names}: which input each row is`);
  },
};
