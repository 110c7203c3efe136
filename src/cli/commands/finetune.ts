/** `nearfar finetune`: fine-tunes a trained model on few labels, next to the same from scratch. */

import { Interrupted } from '../../terminal/errors.js';
import { MAX_INTEGER, parseInteger } from '../../terminal/options.js';
import type { Progress } from '../../terminal/progress.js';
import { type Command, JSON_OPTION, MODEL_FOLDER, required } from '../command.js';
import { inputError, openFor } from '../models/open.js';
import { readSettings, TRAINING, toOptions } from '../models/options.js';
import { openFolder, writeModel } from '../output/checkpoint.js';

/** Options of training that fine-tuning has: it keeps no checkpoints. */
const OPTIONS = TRAINING.filter(({ flag }) => flag !== 'eval-every');

/** Fine-tunes a trained model. */
export const finetune: Command = {
  name: 'finetune',
  summary: 'fine-tune a trained model on labels, next to the same network from scratch',
  arguments: [MODEL_FOLDER],
  options: [
    { flags: '--data <path>', description: 'texts or images with labels' },
    { flags: '--out <dir>', description: 'folder for the fine-tuned model' },
    { flags: '--force', description: 'replace the model in the folder' },
    {
      flags: '--labels-per-class <n>',
      description: 'samples of each class to train on; the remaining ones evaluate',
    },
    ...toOptions(OPTIONS),
    JSON_OPTION,
  ],
  examples: ['nearfar finetune encoder --data labeled/ --out classifier --labels-per-class 10'],
  async run({ positional, options, terminal, onInterrupt }) {
    const path = required(options, 'data');
    const out = required(options, 'out');
    const count = options.labelsPerClass;
    const labelsPerClass =
      typeof count === 'string'
        ? parseInteger('--labels-per-class', count, 1, MAX_INTEGER)
        : undefined;
    const settings = readSettings('finetune', options, OPTIONS, OPTIONS);
    const run = await openFor('finetune', positional[0]);
    openFolder(out, { force: options.force === true });
    const abort = new AbortController();
    onInterrupt(() => abort.abort());
    const bars = new Map<string, Progress>();
    const result = await inputError('--data', () =>
      run({
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
    writeModel(out, files, { resumable: false });
    terminal.event('done', { ...metrics, out });
    const { labeled, classes, heldOut, accuracy, scratchAccuracy } = metrics;
    terminal.line(
      `trained on ${labeled} labeled samples of ${classes} classes, evaluated on ${heldOut} others`,
    );
    terminal.table(
      ['network', 'held-out accuracy'],
      [
        ['pre-trained', accuracy.toFixed(4)],
        ['from scratch', scratchAccuracy.toFixed(4)],
      ],
    );
  },
};
