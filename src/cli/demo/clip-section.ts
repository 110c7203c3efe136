/** The demo's section on CLIP: emoji and their names. */

import { captionLabel } from '../../models/index.js';
import { tidy } from '../../nn/index.js';
import { contactSheet, pngAddress } from '../../report/png.js';
import type { ImagePanel, LinePanel, Table } from '../../report/types.js';
import {
  columns,
  type Emoji,
  findImages,
  findNames,
  HELD_OUT,
  loadEmoji,
  pixelRecall,
  type Run,
  trainClip,
} from './clip.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';

/** The section. */
export const clip: Section = {
  name: 'clip',
  title: 'CLIP: images and texts in one space',
  duration: 120,
  sources: [
    'emoji of Noto (Apache 2.0)',
    'Twemoji (CC BY 4.0)',
    'OpenMoji (CC BY-SA 4.0)',
    'Fluent Emoji (MIT)',
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
  const trained = await trainClip(emoji, context);
  const { after, before, losses } = trained;
  const metrics = {
    recallAt1: after.imageToText[1] as number,
    recallAt5: after.imageToText[5] as number,
    recallAt10: after.imageToText[10] as number,
    textRecallAt1: after.textToImage[1] as number,
    textRecallAt5: after.textToImage[5] as number,
    textRecallAt10: after.textToImage[10] as number,
    untrainedRecallAt1: before.imageToText[1] as number,
  };
  context.terminal.event('eval', { section: 'clip', ...metrics });
  const names = count(emoji.captions.length);
  const table = recallTable(emoji, trained);
  const parameters = [...trained.clip.parameters().values()].reduce((all, p) => all + p.size, 0);
  const blocks: SectionResult['blocks'] = [
    {
      kind: 'text',
      text:
        'CLIP trains an image encoder and a text encoder together, to find which caption of a ' +
        'batch belongs to which image; the temperature of the softmax is learned, too. The result ' +
        'is one embedding space for images and texts, which can be searched with any words. ' +
        `Here: ${names} emoji as drawn by three vendors, captioned by their names and keywords; ` +
        `${count(parameters)} parameters, ${count(losses.length)} steps. The drawings of a fourth vendor ` +
        `(${HELD_OUT}) are held out: the network is never trained on them.`,
    },
    {
      kind: 'figure',
      panels: [lossPanel(trained), recallPanel(trained, emoji)],
      caption:
        `First panel: the loss. Second panel: recall@1 of names for the drawings of the held-out ` +
        `vendor, among ${names} names; chance is ${percent(1 / emoji.captions.length, 2)}.`,
    },
    { kind: 'table', table },
    { kind: 'heading', text: 'From texts to images' },
    {
      kind: 'figure',
      panels: [wordsPanel(emoji, trained)],
      caption: 'For each query, the nearest drawings of the held-out vendor, nearest first.',
    },
    { kind: 'heading', text: 'From images to texts' },
    { kind: 'table', table: namesTable(emoji, trained) },
  ];
  trained.clip.dispose();
  return { metrics, tables: [table], blocks };
}

function lossPanel({ losses }: Run): LinePanel {
  return {
    kind: 'lines',
    title: 'CLIP loss',
    x: 'step',
    y: 'loss, nats',
    series: [
      { name: 'batch', color: 0, points: steps(losses), faint: true },
      { name: 'training', color: 0, points: thinned(losses, 60) },
    ],
  };
}

function recallPanel({ validation }: Run, emoji: Emoji): LinePanel {
  return {
    kind: 'lines',
    title: 'Names for a held-out vendor',
    x: 'step',
    y: 'recall@1',
    percent: true,
    points: true,
    series: [{ name: HELD_OUT, color: 1, points: validation }],
    reference: { y: 1 / emoji.captions.length, label: 'chance' },
  };
}

function recallTable(emoji: Emoji, { before, after, losses, seconds }: Run): Table {
  const row = (what: string, recall: Record<number, number>): string[] => [
    what,
    ...[1, 5, 10].map((k) => percent(recall[k] as number)),
  ];
  return {
    head: ['retrieval', 'recall@1', 'recall@5', 'recall@10'],
    rows: [
      row('image → name, untrained', before.imageToText),
      row('image → name', after.imageToText),
      row('name → image', after.textToImage),
      ...Object.entries(emoji.others).map(([vendor, images]) =>
        row(`raw pixels → ${vendor}`, pixelRecall(emoji.heldOut, images)),
      ),
    ],
    caption:
      `Recall for ${count(emoji.captions.length)} drawings of ${HELD_OUT}, which was held out ` +
      `(${count(losses.length)} steps, ${fixed(seconds, 0)} s). The last rows search the same emoji ` +
      'among the drawings of another vendor by raw pixels, without any text.',
  };
}

function wordsPanel(emoji: Emoji, { clip: model }: Run): ImagePanel {
  const found = findImages(model, QUERIES, emoji.heldOut, ACROSS);
  const sheet = tidy(() => contactSheet(columns(emoji.heldOut, found, ACROSS)));
  const seen = QUERIES.map((text, line) => {
    const first = emoji.captions[found[line * ACROSS] as number] as string;
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

function namesTable(emoji: Emoji, { clip: model }: Run): Table {
  const { captions, heldOut } = emoji;
  const rows = Array.from({ length: ASKED }, (_, i) =>
    Math.floor(((i + 0.5) * captions.length) / ASKED),
  );
  const found = findNames(model, heldOut, rows, captions, ANSWERS);
  return {
    head: ['drawing of', ...Array.from({ length: ANSWERS }, (_, i) => `${i + 1}.`)],
    rows: rows.map((row, i) => [captionLabel(captions[row] as string), ...(found[i] as string[])]),
    caption: `The most similar of ${count(captions.length)} names for some drawings of ${HELD_OUT}.`,
  };
}
