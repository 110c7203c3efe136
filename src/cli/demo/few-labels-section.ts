/** The demo's section on few labels: what pre-training is worth for the actual task. */

import { type Accuracy, METHODS, type Method } from '../../../bench/studies/few-labels/study.js';
import type { LinePanel, Table } from '../../report/types.js';
import { loadMails } from './bert.js';
import { compareFewShot, type FewLabelsRun } from './few-labels.js';
import { verdict } from './few-labels-verdict.js';
import { count, fixed, percent } from './numbers.js';
import { program } from './programs.js';
import type { Section, SectionContext, SectionResult } from './section.js';

/** The section. */
export const fewLabels: Section = {
  name: 'few-labels',
  title: 'Few labels: fine-tuning for the actual task',
  duration: 18,
  sources: ['SpamAssassin public corpus (CC0 1.0)'],
  run,
};

/** Short names of the methods, for charts. */
const SHORT: Readonly<Record<Method, string>> = {
  'BERT, pre-trained and fine-tuned': 'fine-tuned',
  'BERT, pre-trained and frozen, and a linear classifier': 'frozen',
  'the same BERT from scratch': 'from scratch',
  'bag of words and a linear classifier': 'words',
};

async function run(context: SectionContext): Promise<SectionResult> {
  const data = loadMails();
  const study = await compareFewShot(data, context);
  const [fewest = 0] = study.counts;
  const few = (method: Method): number =>
    study.results.find((row) => row.method === method && row.perClass === fewest)?.mean ?? 0;
  const [tuned, frozen, scratch, words] = METHODS.map(few) as [number, number, number, number];
  const metrics = {
    labelsPerClass: fewest,
    fineTuned: tuned,
    frozen,
    fromScratch: scratch,
    bagOfWords: words,
  };
  context.terminal.event('eval', { section: 'few-labels', ...metrics });
  const table = labelsTable(study);
  return {
    metrics,
    tables: [table],
    blocks: [
      {
        kind: 'text',
        text:
          'Labels are for the end: the pre-trained BERT is fine-tuned on few of them, here ' +
          `${study.counts.join(' or ')} per class of mails (spam or ham), or kept frozen below a ` +
          'linear classifier. Two baselines: the same network from scratch, trained on the labels ' +
          'alone, and a linear classifier on counted words (a bag of words, tf-idf).',
      },
      {
        kind: 'figure',
        panels: [labelsPanel(study)],
        caption: verdict(study),
      },
      program(
        'fewLabels',
        'Fine-tunes on eight labels per class, and counts the mails it gets right.',
      ),
      { kind: 'table', table },
    ],
  };
}

function labelsPanel({ results }: FewLabelsRun): LinePanel {
  return {
    kind: 'lines',
    title: 'Accuracy on held-out mails',
    x: 'labels per class',
    y: 'accuracy',
    series: METHODS.map((method, color) => ({
      name: SHORT[method],
      color,
      points: resultsOf(results, method).map(({ perClass, mean }) => [perClass, mean] as const),
    })),
    xScale: 'log',
    percent: true,
    points: true,
  };
}

function resultsOf(results: readonly Accuracy[], method: Method): Accuracy[] {
  return results.filter((row) => row.method === method);
}

function labelsTable({ results, counts, heldOut }: FewLabelsRun): Table {
  return {
    head: ['classifier', ...counts.map((perClass) => `${perClass} labels\nper class`)],
    rows: METHODS.map((method) => [
      method,
      ...resultsOf(results, method).map(
        ({ mean, std }) => `${percent(mean)} ± ${fixed(100 * std, 1)}`,
      ),
    ]),
    caption:
      `Accuracy on ${count(heldOut)} held-out mails: mean and standard deviation (±) ` +
      `of ${results[0]?.accuracies.length} draws of the labeled mails.`,
  };
}
