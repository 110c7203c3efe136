/** BERT in words and figures: hidden words of mails, and what that is worth with few labels. */

import {
  type Accuracy,
  type Dataset,
  METHODS,
  type Method,
} from '../../../bench/studies/few-labels/study.js';
import type { BERT } from '../../models/index.js';
import type { LinePanel, Table } from '../../report/types.js';
import { COUNTS, judge, loadMails, type Named, trainBert } from './bert.js';
import { count, fixed, percent, several, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';

export const bert: Section = {
  name: 'bert',
  title: 'BERT: the hidden token',
  duration: 80,
  sources: ['SpamAssassin public corpus (CC0 1.0)'],
  run,
};

/** Texts with a word hidden that a reader can guess. */
const SENTENCES = [
  'click here to be removed from our mailing [MASK].',
  'this is a one [MASK] mailing.',
  'on [MASK], 21 aug 2002, he wrote:',
  'please let me know if you have any [MASK].',
];
const LIKELIEST = 4;

/** How a method is called where there is little room. */
const SHORT: Readonly<Record<Method, string>> = {
  'BERT, pre-trained and fine-tuned': 'fine-tuned',
  'BERT, pre-trained and frozen, and a linear classifier': 'frozen',
  'the same BERT from scratch': 'from scratch',
  'bag of words and a linear classifier': 'words',
};

async function run(context: SectionContext): Promise<SectionResult> {
  const data = loadMails();
  const { bert: model, losses, results } = await trainBert(data, context);
  const named = judge(model, data);
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
          'Hide 15 % of the words of a text, and ask for them: the answers are in the text. Of the ' +
          'hidden tokens, eight in ten become `[MASK]`, one becomes another token and one stays, so ' +
          'that no place is safe from being asked. The network sees both sides of a gap, which makes ' +
          'it good at understanding and no good at writing. Here it reads ' +
          `${count(data.training.texts.length)} mails, half of them spam, and is not told which: ` +
          `${several(layers, 'layer')} of ${several(heads, 'head')}, ${width} numbers a token, ` +
          `${count(parameters)} weights, ` +
          `a vocabulary of ${count(model.tokenizer.size)} pieces of words learnt from the same mails.`,
      },
      {
        kind: 'figure',
        panels: [lossPanel(losses)],
        caption:
          `Cross-entropy of the hidden tokens over ${count(losses.length)} steps. On mails held out it ` +
          `ends at ${fixed(named.valLoss)}; ${percent(named.maskedAccuracy)} of the hidden tokens are ` +
          `named rightly, where the most frequent token is right for ` +
          `${percent(named.mostFrequentAccuracy)} and counts of pairs on both sides for ` +
          `${percent(named.bigramAccuracy)}.`,
      },
      { kind: 'table', table: filled },
      { kind: 'heading', text: 'What it is worth with few labels' },
      {
        kind: 'text',
        text:
          `Now ${COUNTS[0]}, ${COUNTS[1]} or ${COUNTS[2]} mails of each kind get their label, spam or ` +
          'ham. The pre-trained network learns on from there (fine-tuning), beside the same network ' +
          'from scratch; or it stays as it is, and only a linear classifier on its hidden states is ' +
          'fitted. A linear classifier on counted words needs no network at all.',
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

/** What the figure shows, said as it is: pre-training does not always win. */
function verdict(
  tuned: number,
  frozen: number,
  scratch: number,
  words: number,
  { heldOut }: Dataset,
): string {
  const best = Math.max(tuned, frozen);
  const gain = best > scratch ? 'more than' : 'no more than';
  const against = best > words ? 'better than' : 'not as good as';
  return (
    `Share of ${count(heldOut.texts.length)} held-out mails named rightly. With ${COUNTS[0]} labels a ` +
    `kind, pre-training reaches ${percent(best)}: ${gain} the same network from scratch ` +
    `(${percent(scratch)}), and ${against} counted words (${percent(words)}). Spam gives itself ` +
    'away by single words, so counting is hard to beat here; `--full` pre-trains longer.'
  );
}

function lossPanel(losses: readonly number[]): LinePanel {
  return {
    kind: 'lines',
    title: 'Hidden tokens of mails',
    x: 'step',
    y: 'nats a hidden token',
    series: [
      { name: 'loss of a batch', color: 0, points: steps(losses), faint: true },
      { name: 'loss', color: 0, points: thinned(losses, 60) },
    ],
  };
}

function labelsPanel(results: readonly Accuracy[]): LinePanel {
  return {
    kind: 'lines',
    title: 'Held-out mails named rightly, by labels',
    x: 'labels a kind',
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
    head: ['hidden tokens named by', 'rightly'],
    rows: [
      ['the most frequent token', percent(named.mostFrequentAccuracy)],
      ['counts of pairs on both sides', percent(named.bigramAccuracy)],
      ['BERT', percent(named.maskedAccuracy)],
    ],
    caption: 'Hidden tokens of held-out mails.',
  };
}

function labelsTable(results: readonly Accuracy[], { heldOut }: Dataset): Table {
  return {
    head: ['named by', ...COUNTS.map((perClass) => `${perClass} labels a kind`)],
    rows: METHODS.map((method) => [
      method,
      ...results
        .filter((row) => row.method === method)
        .map(({ mean, std: deviation }) => `${percent(mean)} ± ${fixed(100 * deviation, 1)}`),
    ]),
    caption:
      `Share of ${count(heldOut.texts.length)} held-out mails named rightly: mean and standard ` +
      `deviation of ${results[0]?.accuracies.length} draws of the labelled mails.`,
  };
}

function filledTable(model: BERT): Table {
  return {
    head: ['text', ...Array.from({ length: LIKELIEST }, (_, i) => `${i + 1}.`)],
    rows: SENTENCES.map((sentence) => {
      const [best = []] = model.fillMask(sentence, { topK: LIKELIEST });
      return [
        sentence.replace('[MASK]', '`[MASK]`'),
        ...best.map(({ token, probability }) => `${token} ${percent(probability, 0)}`),
      ];
    }),
    caption: 'A word hidden, and what the network takes it for, the likeliest first.',
  };
}
