/** The demo's section on BERT: masked tokens of mails. */

import { type BERT, loadBert } from '../../models/index.js';
import type { Table } from '../../report/types.js';
import { evaluateBert, loadMails, type MaskedAccuracy } from './bert.js';
import { count, fixed, probability as formatProbability, percent, several } from './numbers.js';
import { dataOf, readPretrained, stepsOf, storedLossPanel, storedPanel } from './pretrained.js';
import { program } from './programs.js';
import type { Section, SectionContext, SectionResult } from './section.js';

/** The section. */
export const bert: Section = {
  name: 'bert',
  title: 'Masked language modeling: BERT',
  duration: 5,
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

async function run({ terminal }: SectionContext): Promise<SectionResult> {
  const data = loadMails();
  const stored = readPretrained('bert');
  const { record, files } = stored;
  const model = loadBert(files);
  terminal.transient('bert: predicts masked tokens of held-out mails');
  const accuracy = evaluateBert(model, data);
  const { layers, heads, width } = model.config;
  const filled = filledTable(model);
  const masked = maskedTable(accuracy);
  model.dispose();
  terminal.event('eval', { section: 'bert', ...accuracy });
  return {
    metrics: { ...accuracy, pretrainingSteps: stepsOf(record) },
    tables: [masked, filled],
    blocks: [
      {
        kind: 'text',
        text:
          'Masked language modeling hides some of the tokens of a text (15 % in the paper) and trains ' +
          'the network to predict them. Of the chosen tokens, 80 % become `[MASK]`, 10 % a random ' +
          'token, and 10 % stay as they are. The network attends to both sides of a gap, so that it ' +
          'encodes texts but cannot generate them. ' +
          `This one was trained on ${dataOf(record)}: ${several(layers, 'layer')} of ` +
          `${several(heads, 'head')}, width ${width}, ${count(record.parameters)} parameters, a ` +
          'WordPiece vocabulary of 2,048 tokens from the same mails (a token that begins with ## ' +
          'continues a word). ' +
          `It was pre-trained for ${count(stepsOf(record))} steps, with 30 % of the tokens hidden, ` +
          'which gives more to learn from in each step, and is evaluated with 15 %.',
      },
      {
        kind: 'figure',
        origin: 'stored',
        panels: [
          storedLossPanel(stored, 'Loss of pre-training', 'nats per masked token'),
          storedPanel(stored, {
            ...{ title: 'Masked tokens of held-out mails', y: 'accuracy', percent: true },
            reference: { y: accuracy.bigramAccuracy, label: 'counting' },
          }),
        ],
        caption:
          'First panel: cross-entropy in nats, whose e-th power is the perplexity. Second: the ' +
          'fraction of masked tokens of held-out mails that are predicted; the dashed line is what ' +
          'counts of both neighbors reach.',
      },
      program('bert', 'Trains such a network on the mails of the package.'),
      { kind: 'table', table: masked },
      { kind: 'text', text: maskedVerdict(accuracy) },
      { kind: 'table', table: filled },
      program('fill', 'Fills a mask by the pre-trained network.'),
    ],
  };
}

/** Compares the accuracy on masked tokens with the baselines, by the numbers of the run. */
function maskedVerdict(accuracy: MaskedAccuracy): string {
  const { maskedAccuracy, mostFrequentAccuracy, bigramAccuracy, valLoss } = accuracy;
  const best = Math.max(mostFrequentAccuracy, bigramAccuracy);
  const points = fixed(100 * Math.abs(maskedAccuracy - best), 1);
  const verdict =
    maskedAccuracy > best
      ? `${points} points more: it has learned more than a table of neighbors knows`
      : `${points} points less: it has not yet learned what a table of neighbors knows`;
  return (
    `On held-out mails the network predicts ${percent(maskedAccuracy)} of the masked tokens ` +
    `(loss ${fixed(valLoss)} nats per token). The better of the two ways of counting has ` +
    `${percent(best)}; the network has ${verdict}.`
  );
}

function maskedTable(accuracy: MaskedAccuracy): Table {
  return {
    head: ['masked tokens predicted by', 'accuracy'],
    rows: [
      ['the most frequent token', percent(accuracy.mostFrequentAccuracy)],
      ['bigram counts of both neighbors', percent(accuracy.bigramAccuracy)],
      ['BERT', percent(accuracy.maskedAccuracy)],
    ],
    caption: 'Accuracy on the masked tokens of held-out mails.',
  };
}

function filledTable(model: BERT): Table {
  return {
    head: ['text', ...Array.from({ length: TOP }, (_, i) => `${i + 1}.`)],
    rows: SENTENCES.map((sentence) => {
      const [best = []] = model.fillMask(sentence, { topK: TOP });
      return [
        sentence.replace('[MASK]', '`[MASK]`'),
        ...best.map(({ token, probability }) => `${token} ${formatProbability(probability)}`),
      ];
    }),
    caption: 'The most probable tokens for a masked word, with their probabilities.',
  };
}
