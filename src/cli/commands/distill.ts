/** `nearfar distill`: a static encoder from a BERT-like one. */

import { distill as distillEncoder, saveSentenceEncoder } from '../../models/index.js';
import { InputError, Interrupted } from '../../terminal/errors.js';
import { parseChoice, parseInteger } from '../../terminal/options.js';
import { type Command, JSON_OPTION, required } from '../command.js';
import { inputError } from '../models/open.js';
import { openSentenceEncoder } from '../models/sentence.js';
import { openFolder, writeModel } from '../output/checkpoint.js';

const DTYPES = ['float32', 'float16', 'int8'] as const;

/** Makes a static encoder of a BERT-like one. */
export const distill: Command = {
  name: 'distill',
  summary: 'make a small and fast static encoder of a BERT-like sentence encoder',
  arguments: [{ notation: '<dir>', description: 'folder of a BERT-like sentence encoder' }],
  options: [
    { flags: '--out <dir>', description: 'folder for the static encoder' },
    { flags: '--width <n>', description: 'columns of its rows (default: 256)' },
    {
      flags: '--dtype <name>',
      description: 'type of the weights that are written: float32, float16 or int8',
      default: 'float32',
    },
    { flags: '--force', description: 'replace the model in the folder' },
    JSON_OPTION,
  ],
  examples: ['nearfar distill all-MiniLM-L6-v2 --out static'],
  async run({ positional, options, terminal, onInterrupt }) {
    const [folder] = positional;
    const out = required(options, 'out');
    const dtype = parseChoice('--dtype', String(options.dtype), DTYPES) as (typeof DTYPES)[number];
    const width =
      typeof options.width === 'string'
        ? parseInteger('--width', options.width, 1, 2 ** 20)
        : undefined;
    const encoder = await openSentenceEncoder(folder, {
      precision: 'float32',
      dimensions: undefined,
    });
    if (encoder.kind === 'static') {
      throw new InputError(`${folder}: is a static encoder already; a BERT-like one is needed`);
    }
    openFolder(out, { force: options.force === true });
    const abort = new AbortController();
    onInterrupt(() => abort.abort());
    let progress: ReturnType<typeof terminal.progress> | undefined;
    try {
      const made = await inputError(String(folder), () =>
        distillEncoder(encoder, {
          ...(width !== undefined && { width }),
          signal: abort.signal,
          onProgress({ done, total }) {
            progress ??= terminal.progress('distill', total, {
              unit: { name: 'tokens', perStep: 1 },
            });
            void progress.step(done);
          },
        }),
      );
      const files = saveSentenceEncoder(made, { dtype });
      writeModel(out, files, { resumable: false });
      const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
      progress?.end();
      terminal.event('done', { width: made.width, bytes, out });
      terminal.line(
        `${out}: a static encoder of ${made.width} columns, ${(bytes / 1e6).toFixed(1)} MB`,
      );
    } catch (error) {
      if (abort.signal.aborted) throw new Interrupted('stopped; nothing was written');
      throw error;
    } finally {
      progress?.end();
    }
  },
};
