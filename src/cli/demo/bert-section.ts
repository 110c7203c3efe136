/** The demo's section on BERT: masked tokens of mails, and low-label classification. */

import {
  type Accuracy,
  type Dataset,
  METHODS,
  type Method,
} from '../../../bench/studies/few-labels/study.js';
import type { BERT } from '../../models/index.js';
import type { LinePanel, Table } from '../../report/types.js';
import { COUNTS, evaluateBert, loadMails, type Named, trainBert } from './bert.js';
import { count, fixed, percent, several, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';

/** The section. */
export const bert: Section = {
  name: 'bert',
  title: 'BERT: masked tokens',
  duration: 80,
  sources: ['SpamAssassin public corpus (CC0 1.0)'],
  run,
};

/** Texts with a masked word that a reader can guess. */
const SENTENCES = [
  'click here to be removed from our mailing [MASK].',
  'this is a one [MASK] mailing.',
  'on [MASK], 21 aug 2002, he wrote:',
  'please let me know if you have any [MASK].',
];
const TOP = 4;

/** Short names of the methods, for charts. */
const SHORT: Readonly<Record<Method, string>> = {
  'BERT, pre-trained and fine-tuned': 'fine-tuned',
  'BERT, pre-trained and frozen, and a linear classifier': 'frozen',
  'the same BERT from scratch': 'from scratch',
  'bag of words and a linear classifier': 'words',
};

async function run(context: SectionContext): Promise<SectionResult> {
  const data = loadMails();
  const { bert: model, losses, results } = await trainBert(data, context);
  const named = evaluateBert(model, data);
  const { layers, heads, width } = model.config;
  const parameters = [...model.parameters().values()].reduce((all, { size }) => all + size, 0);
  const labels = labelsTable(results, data);
  const filled = filledTable(model);
  const few = (method: Method): number =>
    results.find((row) => row.method === method && row.perClass === COUNTS[0])?.mean ?? 0;
  const [tuned, frozen, scratch, words] = METHODS.map(few) as [number, number, number, number];
  const metrics = {
    ...named,
    fewLabelsFineTuned: tuned,
    fewLabelsFrozen: frozen,
    fewLabelsFromScratch: scratch,
    fewLabelsBagOfWords: words,
  };
  context.terminal.event('eval', { section: 'bert', ...metrics });
  const masked = maskedTable(named);
  model.dispose();
  return {
    metrics,
    tables: [masked, labels],
    blocks: [
      {
        kind: 'text',
        text:
          'Masked language modeling hides 15 % of the tokens of a text and trains the network to ' +
          'predict them. Of the chosen tokens, 80 % become `[MASK]`, 10 % a random token, and 10 % ' +
          'stay as they are. The network attends to both sides of a gap, so that it encodes texts ' +
          'but cannot generate them. Here it is trained on ' +
          `${count(data.training.texts.length)} mails, half of them spam, without their labels: ` +
          `${several(layers, 'layer')} of ${several(heads, 'head')}, width ${width}, ` +
          `${count(parameters)} parameters, ` +
          `a WordPiece vocabulary of ${count(model.tokenizer.size)} tokens from the same mails (a token ` +
          'that begins with ## continues a word).',
      },
      {
        kind: 'figure',
        panels: [lossPanel(losses)],
        caption:
          `Cross-entropy of the masked tokens over ${count(losses.length)} steps. On held-out mails it ` +
          `ends at ${fixed(named.valLoss)} nats per token. ${maskedVerdict(named)}`,
      },
      { kind: 'table', table: filled },
      { kind: 'heading', text: 'Classification with few labels' },
      {
        kind: 'text',
        text:
          `With ${COUNTS[0]}, ${COUNTS[1]} or ${COUNTS[2]} labels per class (spam or ham), the pre-trained ` +
          'network is fine-tuned, or kept frozen below a linear classifier. Two baselines: the same ' +
          'network trained from scratch on the labels alone, and a linear classifier on a bag of words.',
      },
      {
        kind: 'figure',
        panels: [labelsPanel(results)],
        caption: verdict(tuned, frozen, scratch, words, data),
      },
      { kind: 'table', table: labels },
    ],
  };
}

/** Compares the accuracy on masked tokens with the baselines, by the numbers of the run. */
function maskedVerdict({ maskedAccuracy, mostFrequentAccuracy, bigramAccuracy }: Named): string {
  const baselines =
    `the most frequent token reaches ${percent(mostFrequentAccuracy)} and bigram counts of both ` +
    `neighbors ${percent(bigramAccuracy)}`;
  const best = Math.max(mostFrequentAccuracy, bigramAccuracy);
  const verdict =
    maskedAccuracy > best
      ? 'so that the network has learned more than counting gives'
      : 'so that the network is not yet better than counting: it is small and trained for few steps';
  return (
    `It predicts ${percent(maskedAccuracy)} of the masked tokens correctly; ${baselines}, ` +
    `${verdict}.`
  );
}

/** Compares the classifiers at the fewest labels, by the numbers of the run. */
function verdict(
  tuned: number,
  frozen: number,
  scratch: number,
  words: number,
  { heldOut }: Dataset,
): string {
  const best = Math.max(tuned, frozen);
  const points = fixed(100 * Math.abs(best - scratch), 1);
  const gain =
    best > scratch
      ? `${points} points better than from scratch (${percent(scratch)})`
      : `${points} points worse than from scratch (${percent(scratch)}): in this run, pre-training ` +
        'does not pay';
  const against = best > words ? 'better than' : 'not better than';
  return (
    `Accuracy on ${count(heldOut.texts.length)} held-out mails. With ${COUNTS[0]} labels per class, ` +
    `the better of the two pre-trained classifiers reaches ${percent(best)}, ${gain}. It is ` +
    `${against} the bag of words (${percent(words)}): single words give spam away. \`--full\` ` +
    'pre-trains a larger network for longer.'
  );
}

function lossPanel(losses: readonly number[]): LinePanel {
  return {
    kind: 'lines',
    title: 'Masked tokens of mails',
    x: 'step',
    y: 'loss, nats per masked token',
    series: [
      { name: 'batch', color: 0, points: steps(losses), faint: true },
      { name: 'loss', color: 0, points: thinned(losses, 60) },
    ],
  };
}

function labelsPanel(results: readonly Accuracy[]): LinePanel {
  return {
    kind: 'lines',
    title: 'Accuracy on held-out mails',
    x: 'labels per class',
    y: 'accuracy',
    series: METHODS.map((method, color) => ({
      name: SHORT[method],
      color,
      points: results
        .filter((row) => row.method === method)
        .map(({ perClass, mean }) => [perClass, mean] as const),
    })),
    xScale: 'log',
    percent: true,
    points: true,
  };
}

function maskedTable(named: Named): Table {
  return {
    head: ['masked tokens predicted by', 'accuracy'],
    rows: [
      ['the most frequent token', percent(named.mostFrequentAccuracy)],
      ['bigram counts of both neighbors', percent(named.bigramAccuracy)],
      ['BERT', percent(named.maskedAccuracy)],
    ],
    caption: 'Accuracy on the masked tokens of held-out mails.',
  };
}

function labelsTable(results: readonly Accuracy[], { heldOut }: Dataset): Table {
  return {
    head: ['classifier', ...COUNTS.map((perClass) => `${perClass} labels\nper class`)],
    rows: METHODS.map((method) => [
      method,
      ...results
        .filter((row) => row.method === method)
        .map(({ mean, std }) => `${percent(mean)} ± ${fixed(100 * std, 1)}`),
    ]),
    caption:
      `Accuracy on ${count(heldOut.texts.length)} held-out mails: mean and standard deviation ` +
      `of ${results[0]?.accuracies.length} draws of the labeled mails.`,
  };
}

function filledTable(model: BERT): Table {
  return {
    head: ['text', ...Array.from({ length: TOP }, (_, i) => `${i + 1}.`)],
    rows: SENTENCES.map((sentence) => {
      const [best = []] = model.fillMask(sentence, { topK: TOP });
      return [
        sentence.replace('[MASK]', '`[MASK]`'),
        ...best.map(({ token, probability }) => `${token} ${percent(probability, 0)}`),
      ];
    }),
    caption: 'The most probable tokens for a masked word, with their probabilities.',
  };
}
