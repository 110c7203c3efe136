/** Sections of the demo, in order. */

import { bert } from './bert-section.js';
import { clip } from './clip-section.js';
import { experiment } from './experiment-section.js';
import { fewLabels } from './few-labels-section.js';
import { gpt } from './gpt-section.js';
import { mae } from './mae-section.js';
import type { Section } from './section.js';
import { sentences } from './sentences-section.js';
import { simclr } from './simclr-section.js';

/** All sections. */
export const SECTIONS: readonly Section[] = [
  ...[experiment, bert, gpt, simclr, clip, mae],
  ...[fewLabels, sentences],
];
