/** Options of sentence encoders on the command line. */

import { choiceOption, integerOption, numberOption, textOption } from './options.js';

const column = (name: string, what: string) =>
  textOption(name, `column of ${what}, where its name does not say so`, '<column>');

/** Options that name the columns of examples. */
export const COLUMN_OPTIONS = [
  column('anchor', 'the first texts of pairs'),
  column('positive', 'the second texts of pairs'),
  column('negative', 'texts that are no answer to the first ones'),
  textOption(
    'score',
    'column of how similar the texts of pairs are, where its name does not say so; none: all pairs belong together',
    '<column>',
  ),
  column('text', 'texts with labels, or alone'),
  column('label', 'labels'),
] as const;

/** Options of `nearfar train sentence` besides those of all training. */
export const SENTENCE_OPTIONS = [
  choiceOption('kind', 'kind of a new network, without --from', ['static', 'bert']),
  textOption(
    'from',
    'folder of the sentence encoder to begin with, or english, the one in the package, which is the default without --kind, --width and --teacher',
    '<dir>',
  ),
  textOption('teacher', 'rows of another model for the texts (.npy), to learn its space', '<file>'),
  choiceOption('loss', 'what is minimized', ['info-nce', 'cosent', 'supcon', 'parts']),
  numberOption('temperature', 'of the contrastive loss', 1e-2, 100),
  integerOption('lora', 'rank of a LoRA adapter: train that alone, of a BERT-like encoder'),
  integerOption('width', 'columns of a row of a new encoder'),
  choiceOption('dtype', 'type of the weights that are written', ['float32', 'float16', 'int8']),
  ...COLUMN_OPTIONS,
] as const;
