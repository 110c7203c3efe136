/** CLIP in words and figures: which caption goes with which emoji. */

import { captionLabel } from '../../models/index.js';
import { tidy } from '../../nn/index.js';
import { contactSheet, pngAddress } from '../../report/png.js';
import type { ImagePanel, LinePanel, Table } from '../../report/types.js';
import {
  columns,
  type Emoji,
  findNames,
  findPictures,
  HELD_OUT,
  loadEmoji,
  pixelRecall,
  type Run,
  trainClip,
} from './clip.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';

export const clip: Section = {
  name: 'clip',
  title: 'CLIP: pictures and words in one space',
  duration: 120,
  sources: [
    'emoji of Noto (Apache 2.0)',
    'Twemoji (CC BY 4.0)',
    'OpenMoji (CC BY-SA 4.0)',
    'Fluent Emoji (MIT)',
  ],
  run,
};

/** Texts that look for pictures; none of them is what one is called. */
const QUERIES = ['animal', 'sad face', 'fruit', 'building', 'sport', 'music'];
const ACROSS = 6;
/** Pictures that look for their names, evenly from all. */
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
        'A picture and its caption are two views of one thing. CLIP has a tower for each, and one ' +
        'question: in a batch, which caption goes with which picture? The temperature of the ' +
        'softmax is learnt with the rest. What comes of it is one space for pictures and words, so ' +
        'that any words can be asked for. ' +
        `Here: ${names} emoji as three vendors draw them, called by their names and keywords; ` +
        `${count(parameters)} weights, ${count(losses.length)} steps. The drawings of a fourth vendor ` +
        `(${HELD_OUT}) are kept apart: the network never sees one until it is asked for its name.`,
    },
    {
      kind: 'figure',
      panels: [lossPanel(trained), recallPanel(trained, emoji)],
      caption:
        `Left: the loss of the batches. Right: how many drawings of the vendor never seen find their ` +
        `name first among ${names}; guessing would find ${percent(1 / emoji.captions.length, 2)}.`,
    },
    { kind: 'table', table },
    { kind: 'heading', text: 'From words to pictures' },
    {
      kind: 'figure',
      panels: [wordsPanel(emoji, trained)],
      caption:
        `A line for each text, the nearest drawings of the vendor never seen from left to right: ` +
        `${QUERIES.map((text) => `“${text}”`).join(', ')}.`,
    },
    { kind: 'heading', text: 'From pictures to words' },
    { kind: 'table', table: namesTable(emoji, trained) },
  ];
  trained.clip.dispose();
  return { metrics, tables: [table], blocks };
}

function lossPanel({ losses }: Run): LinePanel {
  return {
    kind: 'lines',
    title: 'Which caption?',
    x: 'step',
    y: 'nats',
    series: [
      { name: 'loss of a batch', color: 0, points: steps(losses), faint: true },
      { name: 'training', color: 0, points: thinned(losses, 60) },
    ],
  };
}

function recallPanel({ judged }: Run, emoji: Emoji): LinePanel {
  return {
    kind: 'lines',
    title: 'A vendor never seen',
    x: 'step',
    y: 'find their name first',
    percent: true,
    points: true,
    series: [{ name: HELD_OUT, color: 1, points: judged }],
    reference: { y: 1 / emoji.captions.length, label: 'guessing' },
  };
}

function recallTable(emoji: Emoji, { before, after, losses, seconds }: Run): Table {
  const row = (what: string, shares: Record<number, number>): string[] => [
    what,
    ...[1, 5, 10].map((k) => percent(shares[k] as number)),
  ];
  return {
    head: ['CLIP on emoji', 'first', 'among 5', 'among 10'],
    rows: [
      row('picture → name, untrained', before.imageToText),
      row('picture → name', after.imageToText),
      row('name → picture', after.textToImage),
      ...Object.entries(emoji.others).map(([vendor, pictures]) =>
        row(`raw pixels → ${vendor}`, pixelRecall(emoji.heldOut, pictures)),
      ),
    ],
    caption:
      `${count(emoji.captions.length)} drawings of ${HELD_OUT}, never seen in training ` +
      `(${count(losses.length)} steps, ${fixed(seconds, 0)} s), and where what they look for ranks. ` +
      'Below: the same drawing by another vendor, looked for by raw pixels, without any words.',
  };
}

function wordsPanel(emoji: Emoji, { clip: model }: Run): ImagePanel {
  const found = findPictures(model, QUERIES, emoji.heldOut, ACROSS);
  const sheet = tidy(() => contactSheet(columns(emoji.heldOut, found, ACROSS)));
  const seen = QUERIES.map((text, line) => {
    const first = emoji.captions[found[line * ACROSS] as number] as string;
    return `${text}: ${captionLabel(first)}`;
  });
  return {
    kind: 'image',
    title: 'The nearest drawings',
    source: pngAddress(sheet),
    width: sheet.width,
    height: sheet.height,
    alternative: `${QUERIES.length} lines of ${ACROSS} emoji; the first of each: ${seen.join(', ')}`,
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
    caption: `The likeliest of ${count(captions.length)} names for drawings of ${HELD_OUT}.`,
  };
}
