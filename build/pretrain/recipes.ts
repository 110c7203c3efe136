/** All recipes. */

import { bert } from './bert.js';
import { clip } from './clip.js';
import { gpt } from './gpt.js';
import { mae } from './mae.js';
import type { Recipe } from './recipe.js';

/** All recipes, in the order in which they are run. */
export const RECIPES = [bert, gpt, clip, mae] as unknown as readonly Recipe<never>[];
