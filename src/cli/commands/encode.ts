/** `nearfar encode`: one row of numbers for each text or picture, as a file that NumPy reads. */

import { npyBytes } from '../../data/files/npy.js';
import { InputError } from '../../terminal/errors.js';
import { prepareFile } from '../../terminal/files.js';
import { type Command, JSON_OPTION, required } from '../command.js';
import { inputError, openFor } from '../models/open.js';
import { writeWhole } from '../output/checkpoint.js';

export const encode: Command = {
  name: 'encode',
  summary: 'turn texts or pictures into rows of numbers with a trained model',
  arguments: [{ notation: '<dir>', description: 'folder of the trained model' }],
  options: [
    { flags: '--data <path>', description: 'files of the kind that it was trained on' },
    { flags: '--out <file>', description: 'a .npy file: one row an input, in their order' },
    JSON_OPTION,
  ],
  async run({ positional, options, terminal }) {
    const path = required(options, 'data');
    const out = required(options, 'out');
    if (!out.endsWith('.npy')) throw new InputError(`--out must end with .npy, got ${out}`);
    prepareFile('--out', out);
    const turn = await openFor('encode', positional[0]);
    const { data, rows, cols } = await inputError('--data', () => turn(path));
    writeWhole(out, npyBytes(data, [rows, cols]));
    terminal.event('done', { rows, width: cols, out });
    terminal.line(`${out}: ${rows} rows of ${cols} numbers`);
  },
};
