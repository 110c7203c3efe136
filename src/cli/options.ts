/** Options with a value that a system may have: how they are called, what they set, and their range. */

import { InputError, type Option, realNumber, wholeNumber } from './command.js';

/** Options as numbers and names, those that were given. */
export type Settings = Readonly<Record<string, number | string | undefined>>;

export interface Setting {
  /** Without the dashes: `weight-decay`. */
  flag: string;
  /** What it sets: `weightDecay`. */
  setting: string;
  description: string;
  /** How the value is called in the help. */
  value: string;
  parse(text: string): number | string;
}

const LARGEST = 2 ** 31;

/** Camel case, as the parser of the command line has an option's name. */
function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

export function whole(flag: string, description: string, least = 1): Setting {
  const parse = (text: string): number => wholeNumber(`--${flag}`, text, least, LARGEST);
  return { flag, setting: camelCase(flag), description, value: '<n>', parse };
}

export function real(flag: string, description: string, least: number, most: number): Setting {
  const parse = (text: string): number => realNumber(`--${flag}`, text, least, most);
  return { flag, setting: camelCase(flag), description, value: '<n>', parse };
}

export function choice(flag: string, description: string, choices: readonly string[]): Setting {
  const parse = (text: string): string => {
    if (choices.includes(text)) return text;
    throw new InputError(`--${flag} must be ${choices.join(' or ')}, got ${JSON.stringify(text)}`);
  };
  return { flag, setting: camelCase(flag), description, value: '<name>', parse };
}

export function text(flag: string, description: string, value: string): Setting {
  return { flag, setting: camelCase(flag), description, value, parse: (given) => given };
}

/** What all systems have: how to train. */
export const TRAINING: readonly Setting[] = [
  whole('steps', 'how long to train'),
  { ...whole('batch', 'samples per step'), setting: 'batchSize' },
  { ...real('lr', 'the highest learning rate', 1e-9, 1e3), setting: 'learningRate' },
  whole('warmup', 'steps in which the learning rate rises', 0),
  real('weight-decay', 'on tensors of two axes', 0, 1e3),
  real('grad-clip', 'longest gradient', 1e-9, 1e9),
  whole('eval-every', 'steps between validations and checkpoints'),
  whole('seed', 'another seed gives other random numbers', 0),
];

/** What several systems have. */
export const LAYERS = whole('layers', 'blocks of the network');
export const HEADS = whole('heads', 'heads of attention');
export const WIDTH = whole('width', 'numbers a token');
export const SIZE = whole('size', 'height and width that pictures are brought to');
export const PATCH = whole('patch', 'pixels along the side of a patch, a divisor of the size');
export const TEMPERATURE = real('temperature', 'of the contrastive loss', 1e-2, 100);
export const CONTEXT = whole('context', 'tokens a window');
export const DROPOUT = real('dropout', 'share of numbers left out while training', 0, 0.99);

export const TOKENIZER = text(
  'tokenizer',
  'char, wordpiece, or a tokenizer.json or vocab.txt (gpt: char, bert: wordpiece)',
  '<kind>',
);
export const VOCABULARY = whole('vocabulary', 'tokens that wordpiece learns at most (4096)', 100);

/** For the help and the parser: each flag once, whichever systems have it. */
export function toOptions(settings: readonly Setting[]): Option[] {
  const byFlag = new Map(settings.map((setting) => [setting.flag, setting]));
  return [...byFlag.values()].map(({ flag, value, description }) => ({
    flags: `--${flag} ${value}`,
    description,
  }));
}

/**
 * The values that were given.
 * @param known what the system has
 * @param all what some system has: given, but not known, it is refused
 */
export function readSettings(
  system: string,
  options: Readonly<Record<string, string | boolean | undefined>>,
  known: readonly Setting[],
  all: readonly Setting[],
): Settings {
  const given = (of: readonly Setting[]): [Setting, string][] =>
    of.flatMap((setting) => {
      const text = options[camelCase(setting.flag)];
      return typeof text === 'string' ? [[setting, text]] : [];
    });
  const foreign = given(all).find(([{ flag }]) => !known.some((own) => own.flag === flag));
  if (foreign !== undefined) {
    const list = known.map(({ flag }) => `--${flag}`).join(', ');
    throw new InputError(`${system} has no option --${foreign[0].flag}; it has ${list}`);
  }
  return Object.fromEntries(given(known).map(([own, text]) => [own.setting, own.parse(text)]));
}
