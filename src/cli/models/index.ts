/** The models that the command line knows. */

import { InputError } from '../../terminal/errors.js';
import { suggestion } from '../../terminal/text.js';
import { bert } from './bert.js';
import { clip } from './clip.js';
import { gpt } from './gpt.js';
import { mae } from './mae.js';
import type { ModelDeclaration } from './model.js';
import { sentence } from './sentence-train.js';
import { simclr } from './simclr.js';

/** All models. */
export const MODELS: readonly ModelDeclaration[] = [sentence, bert, gpt, simclr, clip, mae];

/**
 * Returns the model of a name.
 *
 * @throws {InputError} that lists the names there are
 */
export function findModel(name: string | undefined): ModelDeclaration {
  const found = MODELS.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = MODELS.map((model) => model.name);
  const hint = suggestion(name ?? '', names);
  throw new InputError(
    `the model must be ${names.join(' or ')}, got ${JSON.stringify(name)}${hint}`,
  );
}
