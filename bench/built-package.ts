/** The built package, as the table of operations takes it. */

import * as nearfar from 'nearfar';
import * as adapt from 'nearfar/adapt';
import * as models from 'nearfar/models';
import * as nn from 'nearfar/nn';
import type { Api } from './operations/operation.js';

// The same classes, but private fields make those of the package's declarations types of their own.
export const api = { ...nearfar, nn, models, adapt } as unknown as Api;
