/** Options of models on the command line: their names, what they set, their ranges and help. */

import { InputError } from '../../terminal/errors.js';
import {
  MAX_INTEGER,
  type Option,
  parseChoice,
  parseInteger,
  parseNumber,
} from '../../terminal/options.js';

/** Values of the options that were given, by what they set. */
export type Settings = Readonly<Record<string, number | string | undefined>>;

/** An option with a value that a model may have. */
export interface ModelOption {
  /** Name without the dashes: `weight-decay`. */
  flag: string;
  /** Name of the library's option that it sets: `weightDecay`. */
  setting: string;
  /** One line of the help. */
  description: string;
  /** Placeholder of the value in the help: `<n>`. */
  value: string;
  /** Values that it may have, for the help, where that is not any number. */
  range?: string;
  /** Turns text into a value, or throws an InputError. */
  parse(text: string): number | string;
}

/** Turns an option's name into the key under which the parser stores its value. */
function camelCase(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Declares an option that takes an integer from `min` up. */
export function integerOption(flag: string, description: string, min = 1): ModelOption {
  const parse = (text: string): number => parseInteger(`--${flag}`, text, min, MAX_INTEGER);
  return { flag, setting: camelCase(flag), description, value: '<n>', parse };
}

/** Declares an option that takes a number from `min` to `max`. */
export function numberOption(
  flag: string,
  description: string,
  min: number,
  max: number,
): ModelOption {
  const parse = (text: string): number => parseNumber(`--${flag}`, text, min, max);
  const range = `${min} to ${max}`;
  return { flag, setting: camelCase(flag), description, value: '<n>', range, parse };
}

/** Declares an option that takes one of several names. */
export function choiceOption(
  flag: string,
  description: string,
  choices: readonly string[],
): ModelOption {
  const parse = (text: string): string => parseChoice(`--${flag}`, text, choices);
  const range = choices.join(' or ');
  return { flag, setting: camelCase(flag), description, value: '<name>', range, parse };
}

/** Declares an option that takes any text. */
export function textOption(flag: string, description: string, value: string): ModelOption {
  return { flag, setting: camelCase(flag), description, value, parse: (given) => given };
}

/** Options of training, which all models have. */
export const TRAINING: readonly ModelOption[] = [
  integerOption('steps', 'number of training steps'),
  { ...integerOption('batch-size', 'samples per step'), setting: 'batchSize' },
  { ...numberOption('lr', 'peak learning rate', 1e-9, 1e3), setting: 'learningRate' },
  integerOption('warmup', 'steps over which the learning rate rises to its peak', 0),
  numberOption('weight-decay', 'weight decay of tensors with two or more axes', 0, 1e3),
  numberOption('grad-clip', 'largest norm of the gradient', 1e-9, 1e9),
  integerOption('eval-every', 'steps between validations and checkpoints (an eighth of --steps)'),
  integerOption('seed', 'seed of all random numbers', 0),
];

/** Options that several models have. */
export const LAYERS = integerOption('layers', 'transformer blocks');
export const HEADS = integerOption('heads', 'attention heads');
export const WIDTH = integerOption('width', 'size of the hidden states');
export const SIZE = integerOption('size', 'height and width in pixels that images are resized to');
export const PATCH = integerOption('patch', 'side of a patch in pixels, a divisor of --size');
export const TEMPERATURE = numberOption('temperature', 'of the contrastive loss', 1e-2, 100);
export const CONTEXT = integerOption('context', 'tokens per window');
export const DROPOUT = numberOption('dropout', 'fraction of activations dropped', 0, 0.99);

export const TOKENIZER = textOption(
  'tokenizer',
  'char, wordpiece, or the path of a tokenizer.json or vocab.txt',
  '<kind>',
);
export const VOCABULARY = integerOption(
  'vocabulary',
  'largest vocabulary of --tokenizer wordpiece',
  100,
);

/** A model as the help of an option shows it. */
interface Defaults {
  name: string;
  options: readonly ModelOption[];
  defaults(): Settings;
}

/** Lists options for the parser: each flag once, even if several models have it. */
export function toOptions(settings: readonly ModelOption[]): Option[] {
  return distinct(settings).map(({ flag, value, description }) => ({
    flags: `--${flag} ${value}`,
    description,
  }));
}

/** Lists options for the help: with the values that they may have, and the models' defaults. */
export function describeOptions(models: readonly Defaults[]): Option[] {
  const defaults = models.map((model) => ({ ...model, values: model.defaults() }));
  return distinct(models.flatMap(({ options }) => options)).map(
    ({ flag, value, setting, description }) => {
      const having = defaults.filter(({ options }) => options.some((own) => own.flag === flag));
      const known = having.filter(({ values }) => values[setting] !== undefined);
      const all = new Set(known.map(({ values }) => values[setting]));
      const list = known.map(({ name, values }) => `${name} ${values[setting]}`).join(', ');
      const same = all.size === 1 && known.length === having.length;
      const notes = [
        ...rangeNotes(flag, having),
        ...(known.length === 0 ? [] : [`default: ${same ? [...all][0] : list}`]),
        ...(having.length === models.length
          ? []
          : [`only ${having.map(({ name }) => name).join(', ')}`]),
      ];
      const end = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
      return { flags: `--${flag} ${value}`, description: description + end };
    },
  );
}

/** Describes the values that an option may have, by model where they differ. */
function rangeNotes(flag: string, models: readonly Defaults[]): string[] {
  const ranges = models.flatMap(({ name, options }) => {
    const range = options.find((option) => option.flag === flag)?.range;
    return range === undefined ? [] : [{ name, range }];
  });
  const all = [...new Set(ranges.map(({ range }) => range))];
  if (all.length < 2) return all;
  return [ranges.map(({ name, range }) => `${name} ${range}`).join(', ')];
}

function distinct(options: readonly ModelOption[]): ModelOption[] {
  return [...new Map(options.map((option) => [option.flag, option])).values()];
}

/**
 * Reads the values of the options that were given.
 *
 * @param model name for the message
 * @param options what the parser found
 * @param known options that the model has
 * @param all options that any model has
 * @throws {InputError} if a value is out of range, or an option is not the model's
 */
export function readSettings(
  model: string,
  options: Readonly<Record<string, string | boolean | undefined>>,
  known: readonly ModelOption[],
  all: readonly ModelOption[],
): Settings {
  const given = (of: readonly ModelOption[]): [ModelOption, string][] =>
    of.flatMap((option) => {
      const text = options[camelCase(option.flag)];
      return typeof text === 'string' ? [[option, text]] : [];
    });
  const foreign = given(all).find(([{ flag }]) => !known.some((own) => own.flag === flag));
  if (foreign !== undefined) {
    const list = known.map(({ flag }) => `--${flag}`).join(', ');
    throw new InputError(`${model} has no option --${foreign[0].flag}; it has ${list}`);
  }
  return Object.fromEntries(given(known).map(([own, text]) => [own.setting, own.parse(text)]));
}

/** Returns those of some settings that were given, as options of a model. */
export function pickSettings<Name extends string>(
  settings: Settings,
  names: readonly Name[],
): { [Key in Name]?: never } {
  const given = names.filter((name) => settings[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, settings[name]])) as {
    [Key in Name]?: never;
  };
}

/** Returns the settings that the library's `train` takes. */
export function trainingSettings(settings: Settings): object {
  const names = TRAINING.map(({ setting }) => setting);
  return pickSettings(
    settings,
    names.filter((name) => name !== 'evalEvery'),
  );
}

/** Returns the defaults of a model's options, from the model itself and from its training. */
export function defaultsOf(
  config: object,
  training: { steps: number; batchSize: number; learningRate: number; warmup: number },
  renamed: Settings = {},
): Settings {
  return { ...config, ...training, seed: 0, ...renamed } as Settings;
}
