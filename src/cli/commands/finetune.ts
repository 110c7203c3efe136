/** `nearfar finetune`: few labels, and what the same network from scratch makes of them. */

import { Interrupted } from '../../terminal/errors.js';
import { parseInteger } from '../../terminal/options.js';
import type { Progress } from '../../terminal/progress.js';
import { type Command, JSON_OPTION, required } from '../command.js';
import { inputError, openFor } from '../models/open.js';
import { readSettings, TRAINING, toOptions } from '../models/options.js';
import { openFolder, removeState, writeModel } from '../output/checkpoint.js';

/** Those of training that fine-tuning has: it keeps no checkpoints. */
const OPTIONS = TRAINING.filter(({ flag }) => flag !== 'eval-every');

export const finetune: Command = {
  name: 'finetune',
  summary: 'teach a trained model to name what few labels name, beside the same from scratch',
  arguments: [{ notation: '<dir>', description: 'folder of the trained model' }],
  options: [
    { flags: '--data <path>', description: 'texts or pictures with labels' },
    { flags: '--out <dir>', description: 'folder for the result' },
    { flags: '--labels-per-class <n>', description: 'how many to learn from; the rest judges' },
    ...toOptions(OPTIONS),
    JSON_OPTION,
  ],
  async run({ positional, options, terminal, onInterrupt }) {
    const path = required(options, 'data');
    const out = required(options, 'out');
    const count = options.labelsPerClass;
    const labelsPerClass =
      typeof count === 'string' ? parseInteger('--labels-per-class', count, 1, 2 ** 31) : undefined;
    const settings = readSettings('finetune', options, OPTIONS, OPTIONS);
    const learn = await openFor('finetune', positional[0]);
    openFolder(out);
    const abort = new AbortController();
    onInterrupt(() => abort.abort());
    const bars = new Map<string, Progress>();
    const result = await inputError('--data', () =>
      learn({
        path,
        labelsPerClass,
        settings,
        signal: abort.signal,
        async onStep(network, { step, steps, loss }) {
          if (!bars.has(network)) {
            for (const bar of bars.values()) bar.end();
            bars.set(network, terminal.progress(network, steps));
          }
          await bars.get(network)?.step(step, loss);
          if (abort.signal.aborted) throw new Interrupted('interrupted, nothing was written');
        },
      }),
    ).finally(() => terminal.close());
    const { files, ...metrics } = result;
    removeState(out);
    writeModel(out, files);
    terminal.event('done', { ...metrics, out });
    const { labelled, classes, heldOut, accuracy, scratchAccuracy } = metrics;
    terminal.line(`${labelled} labels of ${classes} kinds, judged by ${heldOut} others`);
    terminal.table(
      ['network', 'held-out accuracy'],
      [
        ['pre-trained', accuracy.toFixed(4)],
        ['from scratch', scratchAccuracy.toFixed(4)],
      ],
    );
  },
};
