/** Sentence encoders on the command line: options, folders, texts to rows with progress. */

import { loadEnglish } from '../../english.js';
import { loadSentenceEncoder, type SentenceEncoder } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import { type Option, parseChoice, parseInteger } from '../../terminal/options.js';
import type { Input } from '../command.js';
import { readEncoderFolder } from '../input/encoder-folder.js';
import { readTexts, type Text } from '../input/texts.js';
import type { RowEncoder } from './model.js';
import { inputError } from './open.js';
import { BATCH, type EncodeRequest, encodeInTurns } from './sentence-rows.js';

/** Options of commands that encode texts. */
export const ENCODE_OPTIONS: readonly Option[] = [
  {
    flags: '--precision <name>',
    description: 'float32, or int8: a transformer at up to twice the speed (default: float32)',
  },
  {
    flags: '--dimensions <n>',
    description: 'keep the first n columns, for encoders trained to have their meaning there',
  },
];

/** Values of these options. */
export interface EncodeSettings {
  precision: 'float32' | 'int8';
  dimensions: number | undefined;
}

/** Columns that a row may have at most. */
const MAX_COLUMNS = 2 ** 20;

/** Reads the options of commands that encode texts. */
export function readEncodeSettings({ precision, dimensions }: Input['options']): EncodeSettings {
  return {
    precision:
      typeof precision === 'string'
        ? (parseChoice('--precision', precision, ['float32', 'int8']) as 'float32' | 'int8')
        : 'float32',
    dimensions:
      typeof dimensions === 'string'
        ? parseInteger('--dimensions', dimensions, 1, MAX_COLUMNS)
        : undefined,
  };
}

/**
 * Opens the encoder in a folder, or the English one in the package where none is named.
 *
 * @throws {InputError} that names the folder and the file in it
 */
export async function openSentenceEncoder(
  folder: string | undefined,
  { precision, dimensions }: EncodeSettings,
): Promise<SentenceEncoder> {
  if (folder === '') throw new InputError('a folder is needed');
  const encoder =
    folder === undefined
      ? await loadEnglish()
      : await inputError(folder, () =>
          loadSentenceEncoder(readEncoderFolder(folder), { precision }),
        );
  if (dimensions !== undefined && dimensions > encoder.width) {
    throw new InputError(
      `--dimensions must be at most ${encoder.width}, the columns of the encoder, got ${dimensions}`,
    );
  }
  return encoder;
}

/**
 * Checks the name of a prompt.
 *
 * @param option name for the message: `--prompt-name`
 * @throws {InputError} that lists the prompts that there are
 */
export function checkPromptName(
  option: string,
  { prompts }: SentenceEncoder,
  given: string | boolean | undefined,
): string | undefined {
  if (typeof given !== 'string') return undefined;
  if (Object.hasOwn(prompts, given)) return given;
  const names = Object.keys(prompts);
  const known = names.length === 0 ? 'left out, as the encoder has no prompts' : names.join(' or ');
  throw new InputError(`${option} must be ${known}, got ${JSON.stringify(given)}`);
}

/**
 * Reads the texts of a file, one for each row or line.
 *
 * @param column the column that was asked for; `text`, or the first of `columns`, without one
 * @param option name of the option that names a column, for the message
 * @throws {InputError} if there is no such column
 */
export function readTextColumn(
  path: string,
  column: string | undefined,
  columns: readonly string[],
  option: string,
  onColumn?: (name: string) => unknown,
): Text[] {
  try {
    return readTexts(path, { lines: true, column, columns, ...(onColumn && { onColumn }) });
  } catch (error) {
    const isColumn = error instanceof InputError && / has no /.test(error.message);
    if (!isColumn || column !== undefined) throw error;
    throw new InputError(`${error.message}; ${option} says which to read`);
  }
}

/**
 * Makes the row encoder of a sentence encoder: a row for each text, a line of a `.txt` each.
 *
 * @param column column of the texts in tables and objects
 */
export function sentenceRows(
  encoder: SentenceEncoder,
  options: Omit<EncodeRequest, 'name'>,
  column?: string,
): RowEncoder {
  return {
    batch: BATCH[encoder.kind],
    read(path) {
      const rows = readTextColumn(path, column, [], '--column');
      const texts = rows.map(({ text }) => text);
      const { note } = cutNote(encoder, texts, 'texts', options.promptName);
      return {
        texts,
        ids: rows.map(({ key, id }) => key ?? id),
        notes: note === undefined ? [] : [note],
      };
    },
    encode(inputs, onRows = async () => undefined) {
      if (!('texts' in inputs)) throw new RangeError('the model encodes texts, not images');
      return encodeInTurns(encoder, inputs.texts, options, onRows);
    },
  };
}

/** Tells how many texts have more tokens than the encoder reads; undefined if none has. */
export function cutNote(
  encoder: SentenceEncoder,
  texts: readonly string[],
  what: string,
  promptName: string | undefined,
): { cut: number; note: string | undefined } {
  const name = promptName ?? encoder.defaultPromptName;
  const prompt = name === undefined ? '' : (encoder.prompts[name] ?? '');
  const { tokens } = encoder.parts;
  const cut = texts.filter((text) => tokens.isCut(prompt + text)).length;
  if (cut === 0) return { cut, note: undefined };
  const limit = `${encoder.maxTokens} tokens, the encoder's limit`;
  return { cut, note: `${cut} of ${texts.length} ${what} are cut to ${limit}` };
}
