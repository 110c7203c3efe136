/** `nearfar encode`: one row of numbers for each text or image, as a file that NumPy reads. */

import { npyBytes } from '../../data/files/npy.js';
import { InputError } from '../../terminal/errors.js';
import { prepareFile, writeAll } from '../../terminal/files.js';
import { type Command, type Input, JSON_OPTION, required } from '../command.js';
import { idsPath, isRowsFile } from '../input/rows.js';
import { readTexts } from '../input/texts.js';
import type { Encoded } from '../models/model.js';
import { inputError, isSentenceFolder, openFor } from '../models/open.js';
import {
  checkPromptName,
  cutNote,
  ENCODE_OPTIONS,
  encodeTexts,
  openSentenceEncoder,
  readEncodeSettings,
} from '../models/sentence.js';

/** Encodes the texts of a path by a sentence encoder. */
async function encodeSentences(
  folder: string | undefined,
  path: string,
  { options, terminal }: Input,
): Promise<Encoded> {
  const settings = readEncodeSettings(options);
  const encoder = await openSentenceEncoder(folder, settings);
  const promptName = checkPromptName('--prompt-name', encoder, options.promptName);
  const rows = readTexts(path, { lines: true });
  const texts = rows.map(({ text }) => text);
  const request = { name: 'encode', promptName, dimensions: settings.dimensions };
  const matrix = await encodeTexts(encoder, texts, request, terminal);
  const { note } = cutNote(encoder, texts, 'texts', promptName);
  return {
    ...matrix,
    ids: rows.map(({ key, id }) => key ?? id),
    notes: note === undefined ? [] : [note],
  };
}

/** Encodes texts or images. */
export const encode: Command = {
  name: 'encode',
  summary: 'turn texts or images into rows of numbers with a trained model',
  arguments: [
    {
      notation: '[dir]',
      description:
        'folder of a sentence encoder (sentence-transformers, model2vec) or trained model (default: the English encoder in the package)',
    },
  ],
  options: [
    { flags: '--data <path>', description: 'texts (a .txt has one per line) or images' },
    {
      flags: '--out <file>',
      description: 'a .npy file, one row per input; FILE.ids.txt says which input each row is',
    },
    {
      flags: '--prompt-name <name>',
      description: "the encoder's prompt to put before each text (default: its default prompt)",
    },
    ...ENCODE_OPTIONS,
    JSON_OPTION,
  ],
  examples: [
    'nearfar encode --data faq.csv --out faq.npy',
    'nearfar encode all-MiniLM-L6-v2 --data articles.jsonl --out articles.npy',
    'nearfar encode encoder --data photos/ --out photos.npy',
  ],
  async run(input) {
    const { positional, options, terminal } = input;
    const [folder] = positional;
    const path = required(options, 'data');
    const out = required(options, 'out');
    if (!isRowsFile(out)) throw new InputError(`--out must end with .npy, got ${out}`);
    prepareFile('--out', out);
    const asked = ['promptName', 'precision', 'dimensions'].some((name) => {
      return options[name] !== undefined;
    });
    let encoded: Encoded;
    if (asked || folder === undefined || isSentenceFolder(folder)) {
      encoded = await encodeSentences(folder, path, input);
    } else {
      const run = await openFor('encode', folder);
      encoded = await inputError('--data', () => run(path));
    }
    const { data, rows, cols, ids, notes = [] } = encoded;
    const names = idsPath(out);
    // A line feed in the name of a file would shift all that follow.
    const lines = ids.map((id) => `${id.replaceAll('\n', '\\n')}\n`);
    writeAll([
      [out, npyBytes(data, [rows, cols])],
      [names, new TextEncoder().encode(lines.join(''))],
    ]);
    for (const note of notes) terminal.note(note);
    terminal.event('done', { rows, width: cols, out, ids: names });
    terminal.line(`${out}: ${rows} rows of ${cols} numbers; ${names}: which input each row is`);
  },
};
