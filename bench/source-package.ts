/** The package from its sources, for what is bundled from them; built-package.ts has it as built. */

import * as adapt from '../src/adapt/index.js';
import * as nearfar from '../src/index.js';
import * as models from '../src/models/index.js';
import * as nn from '../src/nn/index.js';
import { setThreads } from '../src/threads/index.js';
import type { Package } from './workloads.js';

export const sourcePackage: Package = { api: { ...nearfar, nn, models, adapt }, setThreads };
