/** The sections of the chapter, in its order. */

import { digits } from './digits-section.js';
import { experiment } from './experiment-section.js';
import { gpt } from './gpt-section.js';
import type { Section } from './section.js';

export const SECTIONS: readonly Section[] = [gpt, experiment, digits];
