/** Pre-trained models that come with the package, and the records of the runs that made them. */

import type { PretrainingRecord, Run } from '../../../build/pretrain/recipe.js';
import type { Files } from '../../models/index.js';
import type { LinePanel, Table } from '../../report/types.js';
import { readWeightFile, readWeights } from '../../terminal/package-files.js';
import { count } from './numbers.js';

/** Names of the models. */
export type PretrainedName = 'bert' | 'gpt' | 'clip' | 'mae';

/** A pre-trained model: its files and the record of its run. */
export interface Pretrained {
  files: Files;
  record: PretrainingRecord;
}

const decode = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Reads a model that comes with the package. */
export function readPretrained(name: PretrainedName): Pretrained {
  const files = readWeights(name);
  return { files, record: JSON.parse(decode(files.get('pretraining.json'))) };
}

/** Steps of a run, as its record has them. */
export function stepsOf({ training }: PretrainingRecord): number {
  return training.steps as number;
}

/** Draws the metric of a stored run by step. */
export function storedPanel(
  { record }: Pretrained,
  { title, y, percent, reference }: Pick<LinePanel, 'title' | 'y' | 'percent' | 'reference'>,
): LinePanel {
  return {
    kind: 'lines',
    title,
    x: 'step',
    y,
    ...(percent === undefined ? {} : { percent }),
    points: true,
    series: [{ name: 'held out', color: 1, points: record.validation }],
    ...(reference === undefined ? {} : { reference }),
  };
}

/** Draws the loss of a stored run, and that on held-out data where the metric is a loss, too. */
export function storedLossPanel({ record }: Pretrained, title: string, y: string): LinePanel {
  return {
    kind: 'lines',
    title,
    x: 'step',
    y,
    points: true,
    series: [{ name: 'training', color: 0, points: record.losses }],
  };
}

/** Lists the stored runs: what they took, and the hashes of what they made. */
export function storedRunsTable(): Table {
  const runs: Record<string, Run> = JSON.parse(decode(readWeightFile('runs.json')));
  return {
    head: ['stored run', 'steps', 'processor time', 'SHA-256', 'machine'],
    rows: Object.entries(runs).map(([name, { cpuSeconds, machine, sha256 }]) => {
      const { record } = readPretrained(name as PretrainedName);
      const minutes = (cpuSeconds / 60).toFixed(0);
      return [name, count(stepsOf(record)), `${minutes} min`, sha256.slice(0, 12), machine];
    }),
    texts: [4],
    caption:
      'Stored runs: models that were trained before, which the package carries in 16 bits. In the ' +
      'repository, `npm run pretrain -- bert` makes the same bytes again, on any machine.',
  };
}

/** Describes the data of a stored run, with numbers as the page has them: 1,559 instead of 1559. */
export function dataOf({ data }: PretrainingRecord): string {
  return data.replace(/\d+/g, (digits) => count(Number(digits)));
}
