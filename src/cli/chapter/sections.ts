/** The sections of the chapter, in its order. */

import { experiment } from './experiment-section.js';
import { gpt } from './gpt-section.js';
import type { Section } from './section.js';
import { simclr } from './simclr-section.js';

export const SECTIONS: readonly Section[] = [gpt, experiment, simclr];
