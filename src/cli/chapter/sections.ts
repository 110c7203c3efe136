/** The sections of the chapter, in its order. */

import { digits } from './digits-section.js';
import { experiment } from './experiment-section.js';
import type { Section } from './section.js';

export const SECTIONS: readonly Section[] = [experiment, digits];
