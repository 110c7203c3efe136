/** GPT in words and figures: the next character of Moby-Dick. */

import type { LinePanel, Table } from '../../report/types.js';
import { languageMetrics } from '../models/gpt.js';
import { bigramLoss, loadBook, nextCharacters, type Run, trainGpt } from './gpt.js';
import { count, fixed, percent, steps, thinned } from './numbers.js';
import type { Section, SectionContext, SectionResult } from './section.js';

export const gpt: Section = {
  name: 'gpt',
  title: 'GPT: the next token',
  duration: 120,
  sources: ['Moby-Dick by Herman Melville (public domain)'],
  run,
};

/** Prompts whose next character is worth a look. */
const PROMPTS = ['Moby Dic', 'the whal', 'th', 'Call me Ishmael. '];
const LIKELIEST = 4;

async function run(context: SectionContext): Promise<SectionResult> {
  const book = loadBook();
  const bigram = bigramLoss(book);
  const trained = await trainGpt(book, context);
  const model = trained.gpt;
  const judged = languageMetrics(model, book.validation);
  const { layers, heads, width, context: window } = model.config;
  const parameters = [...model.parameters().values()].reduce((all, { size }) => all + size, 0);
  const table = nextTable(trained);
  const metrics = { ...judged, bigramLoss: bigram };
  context.terminal.event('eval', { section: 'gpt', ...metrics });
  const total = trained.losses.length;
  const blocks: SectionResult['blocks'] = [
    {
      kind: 'text',
      text:
        'Cut a text anywhere, and what comes next is known: every text is its own teacher. A GPT ' +
        'reads from the left and may look only back (the causal mask), so one pass over a window ' +
        'asks as many questions as the window has characters. Here: Moby-Dick, character by ' +
        `character, ${layers} layers of ${heads} heads, ${width} numbers a character, a window of ` +
        `${window}; ${count(parameters)} weights, ${count(total)} steps. The last tenth of the book ` +
        'is kept apart to judge by.',
    },
    {
      kind: 'figure',
      panels: [lossPanel(trained, bigram)],
      caption:
        `Cross-entropy in nats a character; e to its power is the perplexity, the number of ` +
        `characters it is as unsure as between. On the whole last tenth it ends at ` +
        `${fixed(judged.valLoss)} (perplexity ${fixed(judged.perplexity, 1)}). The dashed line is what ` +
        `counting gives that knows only the character before: ${fixed(bigram)}.`,
    },
    { kind: 'heading', text: 'What it writes' },
    ...trained.written.map(({ step, text }) => ({
      kind: 'quote' as const,
      text,
      caption: step === 0 ? 'Before training' : `After ${count(step)} steps`,
    })),
    { kind: 'table', table },
  ];
  model.dispose();
  return { metrics, tables: [summary(metrics, trained)], blocks };
}

function lossPanel({ losses, judged }: Run, bigram: number): LinePanel {
  return {
    kind: 'lines',
    title: 'Next character of Moby-Dick',
    x: 'step',
    y: 'nats a character',
    series: [
      { name: 'loss of a batch', color: 0, points: steps(losses), faint: true },
      { name: 'training', color: 0, points: thinned(losses, 60) },
      { name: 'last tenth', color: 1, points: judged },
    ],
    reference: { y: bigram, label: 'counting pairs' },
  };
}

function visible(character: string): string {
  if (character === ' ') return '␣';
  return character === '\n' ? '↵' : character;
}

function nextTable({ gpt: model }: Run): Table {
  return {
    head: ['after', ...Array.from({ length: LIKELIEST }, (_, i) => `${i + 1}.`)],
    rows: PROMPTS.map((prompt) => [
      `“${prompt}”`,
      ...nextCharacters(model, prompt, LIKELIEST).map(
        ([character, share]) => `${visible(character)} ${percent(share, 0)}`,
      ),
    ]),
    caption:
      'The likeliest next characters, and how sure it is. ␣ is a space, ↵ the end of a line. ' +
      'Writing is to draw one of them, again and again.',
  };
}

function summary(metrics: Readonly<Record<string, number>>, { losses, seconds }: Run): Table {
  return {
    head: ['GPT on Moby-Dick', 'nats a character'],
    rows: [
      ['counting pairs', fixed(metrics.bigramLoss as number)],
      [`${count(losses.length)} steps (${fixed(seconds, 0)} s)`, fixed(metrics.valLoss as number)],
    ],
    caption: 'Cross-entropy over the last tenth of the book.',
  };
}
