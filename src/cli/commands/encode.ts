/** `nearfar encode`: one row of numbers for each text or image, as a file that NumPy reads. */

import { npyBytes } from '../../data/files/npy.js';
import { InputError } from '../../terminal/errors.js';
import { prepareFile, writeAll } from '../../terminal/files.js';
import type { Terminal } from '../../terminal/progress.js';
import { type Command, type Input, JSON_OPTION, required } from '../command.js';
import { idsBytes, idsPath, isRowsFile } from '../input/rows.js';
import type { NamedInputs, RowEncoder } from '../models/model.js';
import { inputError, isSentenceFolder, openFor } from '../models/open.js';
import {
  checkPromptName,
  ENCODE_OPTIONS,
  openSentenceEncoder,
  readEncodeSettings,
  sentenceRows,
} from '../models/sentence.js';
import { hashModel } from '../queue/model-hash.js';
import { encodeTogether } from '../queue/run.js';

/** A model that encodes, and what besides its folder its rows depend on. */
interface Opened {
  encoder: RowEncoder;
  settings: object;
}

/** Opens the model of a folder, or the English encoder. */
async function open({ positional, options }: Input): Promise<Opened> {
  const [folder] = positional;
  const asked = ['promptName', 'precision', 'dimensions', 'column'].some((name) => {
    return options[name] !== undefined;
  });
  if (!asked && folder !== undefined && !isSentenceFolder(folder)) {
    return { encoder: await openFor('encode', folder), settings: {} };
  }
  const settings = readEncodeSettings(options);
  const encoder = await openSentenceEncoder(folder, settings);
  const promptName = checkPromptName('--prompt-name', encoder, options.promptName);
  const { dimensions } = settings;
  return {
    encoder: sentenceRows(
      encoder,
      { promptName, dimensions },
      options.column as string | undefined,
    ),
    settings: { ...settings, promptName },
  };
}

/** Encodes all inputs, with a progress bar where they are many. */
async function encodeAll(encoder: RowEncoder, inputs: NamedInputs, terminal: Terminal) {
  const count = inputs.ids.length;
  if (!('texts' in inputs) || count <= encoder.batch) return encoder.encode(inputs);
  const progress = terminal.progress('encode', count, { unit: { name: 'texts', perStep: 1 } });
  try {
    return await encoder.encode(inputs, (rows) => progress.step(rows));
  } finally {
    progress.end();
  }
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
      flags: '--column <name>',
      description: 'column of the texts in a table or in objects (default: text)',
    },
    {
      flags: '--out <file>',
      description: 'a .npy file, one row per input; FILE.ids.txt says which input each row is',
    },
    {
      flags: '--prompt-name <name>',
      description: "the encoder's prompt to put before each text (default: its default prompt)",
    },
    ...ENCODE_OPTIONS,
    {
      flags: '--nats <url>',
      description:
        'NATS server with JetStream by which machines share the work: one has --data and --out, the others have the model alone and encode for it',
    },
    { flags: '--job <name>', description: 'name that tells jobs of one server apart, with --nats' },
    JSON_OPTION,
  ],
  examples: [
    'nearfar encode --data faq.csv --out faq.npy',
    'nearfar encode all-MiniLM-L6-v2 --data articles.jsonl --out articles.npy',
    'nearfar encode encoder --data photos/ --out photos.npy',
    'nearfar encode all-MiniLM-L6-v2 --nats nats://10.0.0.1:4222',
  ],
  async run(input) {
    const { positional, options, terminal } = input;
    const url = options.nats as string | undefined;
    const name = options.job as string | undefined;
    if (name !== undefined && url === undefined) throw new InputError('--job is for --nats');
    // A process without data and output works for others.
    const isWorker = url !== undefined && options.data === undefined && options.out === undefined;
    const data = isWorker
      ? undefined
      : { path: required(options, 'data'), out: required(options, 'out') };
    if (data !== undefined) {
      if (!isRowsFile(data.out)) throw new InputError(`--out must end with .npy, got ${data.out}`);
      prepareFile('--out', data.out);
    }
    const { encoder, settings } = await open(input);
    if (url !== undefined) {
      const model = await hashModel(positional[0], settings);
      await inputError('--data', () =>
        encodeTogether({ url, name: name ?? '', encoder, model, data }, input),
      );
      return;
    }
    const { path, out } = data as NonNullable<typeof data>;
    await inputError('--data', async () => {
      const inputs = await encoder.read(path);
      const { data, rows, cols } = await encodeAll(encoder, inputs, terminal);
      const names = idsPath(out);
      writeAll([
        [out, npyBytes(data, [rows, cols])],
        [names, idsBytes(inputs.ids)],
      ]);
      for (const note of inputs.notes ?? []) terminal.note(note);
      terminal.event('done', { rows, width: cols, out, ids: names });
      terminal.line(`${out}: ${rows} rows of ${cols} numbers; ${names}: which input each row is`);
    });
  },
};
