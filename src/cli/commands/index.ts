/** The commands, in the order of the help. A new command is a file in this folder and a line here. */

import type { Command } from '../command.js';
import { adapt } from './adapt.js';
import { bench } from './bench.js';
import { demo } from './demo.js';
import { distill } from './distill.js';
import { encode } from './encode.js';
import { evaluate } from './eval.js';
import { fill } from './fill.js';
import { finetune } from './finetune.js';
import { generate } from './generate.js';
import { hash } from './hash.js';
import { predict } from './predict.js';
import { search } from './search.js';
import { train } from './train.js';

/** All commands. */
export const COMMANDS: readonly Command[] = [
  ...[
    demo,
    train,
    evaluate,
    finetune,
    predict,
    generate,
    fill,
    distill,
    encode,
    search,
    adapt,
    hash,
    bench,
  ],
];
