/** The systems that the command line knows. */

import { InputError } from '../command.js';
import { bert } from './bert.js';
import { clip } from './clip.js';
import { gpt } from './gpt.js';
import { mae } from './mae.js';
import type { System } from './model.js';
import { simclr } from './simclr.js';

export const SYSTEMS: readonly System[] = [bert, gpt, simclr, clip, mae];

/** @throws InputError that lists the names there are */
export function systemNamed(name: string | undefined): System {
  const found = SYSTEMS.find((system) => system.name === name);
  if (found !== undefined) return found;
  const names = SYSTEMS.map((system) => system.name).join(' or ');
  throw new InputError(`the system must be ${names}, got ${JSON.stringify(name)}`);
}
