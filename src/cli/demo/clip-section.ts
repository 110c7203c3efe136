/** The demo's section on CLIP: emoji and their names. */

import type { EnsembleRecall } from '../../../bench/studies/emoji/ensemble.js';
import { type CLIP, type ClipRecall, captionLabel, loadClip } from '../../models/index.js';
import { tidy } from '../../nn/index.js';
import { contactSheet, pngAddress } from '../../report/png.js';
import type { ImagePanel, LinePanel, Table } from '../../report/types.js';
import {
  columns,
  type Emoji,
  evaluateClip,
  evaluatePrompts,
  type FineTuning,
  findImages,
  findNames,
  fineTuneClip,
  loadEmoji,
} from './clip.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import { dataOf, readPretrained, stepsOf, storedLossPanel, storedPanel } from './pretrained.js';
import { program } from './programs.js';
import type { Section, SectionContext, SectionResult } from './section.js';

/** The section. */
export const clip: Section = {
  name: 'clip',
  title: 'Contrastive learning of images and texts: CLIP',
  duration: 6,
  sources: [
    'Fluent Emoji by Microsoft (MIT)',
    'keywords of emojilib (MIT)',
    'CLIP’s weights, from emoji of Noto (Apache 2.0), Twemoji (CC BY 4.0), OpenMoji (CC BY-SA 4.0)',
  ],
  run,
};

/** Queries for images; none of them is the name of one. */
const QUERIES = ['animal', 'sad face', 'fruit', 'building', 'sport', 'music'];
const ACROSS = 6;
/** Images whose names are shown, evenly from all. */
const ASKED = 6;
const ANSWERS = 3;

async function run(context: SectionContext): Promise<SectionResult> {
  const emoji = loadEmoji();
  const stored = readPretrained('clip');
  const { record, files } = stored;
  const model = loadClip(files);
  const found = evaluateClip(model, emoji);
  const prompts = evaluatePrompts(model, emoji);
  const nearest = findImages(model, QUERIES, emoji.images, ACROSS);
  const images = wordsPanel(emoji, nearest);
  const rightWords = keywordHits(emoji, nearest);
  const named = namesTable(emoji, model);
  const tuning = await fineTuneClip(model, emoji, context);
  model.dispose();
  const metrics = {
    recallAt1: found.imageToText[1] as number,
    recallAt5: found.imageToText[5] as number,
    recallAt10: found.imageToText[10] as number,
    promptsRecallAt1: prompts.imageToText,
    promptsTextRecallAt1: prompts.textToImage,
    textRecallAt1: found.textToImage[1] as number,
    textRecallAt5: found.textToImage[5] as number,
    textRecallAt10: found.textToImage[10] as number,
    fineTunedRecallAt1Before: tuning.before,
    fineTunedRecallAt1: tuning.after,
    pretrainingSteps: stepsOf(record),
  };
  context.terminal.event('eval', { section: 'clip', ...metrics });
  const names = count(emoji.captions.length);
  const chance = 1 / emoji.captions.length;
  const table = recallTable(emoji, found, prompts);
  return {
    metrics,
    tables: [table],
    blocks: [
      {
        kind: 'text',
        text:
          'CLIP trains an image encoder and a text encoder together, to find which caption of a ' +
          'batch belongs to which image; the temperature of the softmax is learned, too. The result ' +
          'is one embedding space for images and texts, which can be searched with any words: ' +
          'zero-shot, by names that no classifier was trained for. ' +
          `This one was pre-trained for ${count(stepsOf(record))} steps on ${dataOf(record)}. ` +
          `It has ${count(record.parameters)} parameters, and has not seen a drawing of ${emoji.vendor}.`,
      },
      {
        kind: 'figure',
        origin: 'stored',
        panels: [
          storedLossPanel(stored, 'Loss of pre-training', 'nats'),
          storedPanel(stored, {
            ...{ title: 'Names for an unseen vendor', y: 'recall@1', percent: true },
            reference: { y: chance, label: 'chance' },
          }),
        ],
        caption:
          'First panel: the contrastive loss. Second: recall@1 of names for the drawings of the unseen ' +
          `vendor, the fraction whose name is the nearest of ${names}; chance is ${percent(chance, 2)}.`,
      },
      program(
        'clipTraining',
        'Trains such a network, here on the drawings of the package; `npm run pretrain -- clip` in the repository renders those of the other vendors.',
      ),
      { kind: 'table', table },
      { kind: 'heading', text: 'From texts to images' },
      {
        kind: 'figure',
        panels: [images],
        caption:
          'For each query, the nearest drawings of the unseen vendor, nearest first. No query is a name; ' +
          `${sum(rightWords)} of the ${QUERIES.length * ACROSS} drawings have it in their name or keywords` +
          `${byQuery(rightWords)}. A network that has read ${names} captions knows a word from those that have it, ` +
          'and where they show little in common, it finds something else.',
      },
      program('clip', 'Searches the drawings by words.'),
      { kind: 'heading', text: 'From images to texts' },
      { kind: 'table', table: named },
      { kind: 'heading', text: 'Fine-tuned on some drawings of the new vendor' },
      {
        kind: 'figure',
        panels: [tuningPanel(tuning)],
        caption:
          `The loss of ${count(tuning.losses.length)} further steps on ${count(tuning.trained)} drawings of ` +
          `${emoji.vendor} (${fixed(tuning.seconds, 0)} s). ${tuningVerdict(tuning, emoji)}`,
      },
      program('clipTuning', 'Fine-tunes on every fourth drawing, and names the others.'),
    ],
  };
}

/** Says what fine-tuning was worth, by the numbers of the run. */
function tuningVerdict({ before, after, trained }: FineTuning, { captions }: Emoji): string {
  const others = `On the other ${count(captions.length - trained)} drawings, recall@1 among all names`;
  if (after === before) return `${others} stays at ${percent(before)}.`;
  const change = after > before ? 'rises' : 'falls';
  return `${others} ${change} from ${percent(before)} to ${percent(after)}.`;
}

function tuningPanel({ losses }: FineTuning): LinePanel {
  return {
    kind: 'lines',
    title: 'CLIP loss, fine-tuning',
    x: 'step',
    y: 'loss, nats',
    series: [
      { name: 'batch', color: 0, points: steps(losses), faint: true },
      { name: 'training', color: 0, points: thinned(losses, 20) },
    ],
  };
}

function recallTable(
  emoji: Emoji,
  { imageToText, textToImage }: ClipRecall,
  prompts: EnsembleRecall,
): Table {
  const row = (what: string, recall: Record<number, number>): string[] => [
    what,
    ...[1, 5, 10].map((k) => percent(recall[k] as number)),
  ];
  return {
    head: ['retrieval', 'recall@1', 'recall@5', 'recall@10'],
    rows: [
      row('image → name', imageToText),
      row('name → image', textToImage),
      ['image → name, two prompts', percent(prompts.imageToText), '–', '–'],
      ['name → image, two prompts', percent(prompts.textToImage), '–', '–'],
    ],
    caption:
      `Recall@k: how often the right one is among the k nearest of ` +
      `${count(emoji.captions.length)}. Drawings of ${emoji.vendor}, which was not trained on. ` +
      'Two prompts: each name is the mean of the vectors of the name alone and of the name with its ' +
      'keywords. Training has captions of both kinds, so that no prompt was chosen on these drawings.',
  };
}

/** Counts, for each query, the drawings found whose captions have its words. */
function keywordHits({ captions }: Emoji, found: Int32Array): number[] {
  return QUERIES.map((query, line) => {
    const rows = Array.from(found.subarray(line * ACROSS, (line + 1) * ACROSS));
    return rows.filter((row) => {
      const words = (captions[row] as string).split(/[^a-z]+/i);
      return query.split(' ').every((word) => words.includes(word));
    }).length;
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** Names the queries with the most and with the fewest hits. */
function byQuery(hits: readonly number[]): string {
  const [max, min] = [Math.max(...hits), Math.min(...hits)];
  if (max === min) return '';
  const queries = (count: number): string =>
    QUERIES.filter((_, i) => hits[i] === count)
      .map((query) => `“${query}”`)
      .join(', ');
  return `, ${max} of ${ACROSS} for ${queries(max)}, ${min} for ${queries(min)}`;
}

function wordsPanel({ images, captions }: Emoji, found: Int32Array): ImagePanel {
  const sheet = tidy(() => contactSheet(columns(images, found, ACROSS)));
  const seen = QUERIES.map((text, line) => {
    const first = captions[found[line * ACROSS] as number] as string;
    return `${text}: ${captionLabel(first)}`;
  });
  return {
    kind: 'image',
    title: 'The nearest drawings',
    rows: QUERIES,
    source: pngAddress(sheet),
    width: sheet.width,
    height: sheet.height,
    alternative: `${QUERIES.length} rows of ${ACROSS} emoji; the first of each: ${seen.join(', ')}`,
  };
}

function namesTable({ images, captions, vendor }: Emoji, model: CLIP): Table {
  const rows = Array.from({ length: ASKED }, (_, i) =>
    Math.floor(((i + 0.5) * captions.length) / ASKED),
  );
  const found = findNames(model, images, rows, captions, ANSWERS);
  return {
    head: ['drawing of', ...Array.from({ length: ANSWERS }, (_, i) => `${i + 1}.`)],
    rows: rows.map((row, i) => [captionLabel(captions[row] as string), ...(found[i] as string[])]),
    caption: `The most similar of ${count(captions.length)} names for some drawings of ${vendor}.`,
  };
}
