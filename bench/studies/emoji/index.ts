/**
 * Study: CLIP on emoji, with a held-out vendor and with held-out names.
 *
 *   npm run emoji                          fluent-emoji-flat held out, then a tenth of the names
 *   npm run emoji -- vendor --held noto    another vendor
 *   npm run emoji -- --write               keeps the results in bench/results/
 *   npm run emoji -- names --steps 200 --seed 2 --loss siglip
 */

import type { ClipConfig, ImageDataset } from 'nearfar/models';
import { CLIP, clipRetrieval, train } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { renderEmoji } from '../../../build/samples/emoji.js';
import { emojiImages } from '../../../build/samples/emoji-images.js';
import { Random } from '../../../src/core/random.js';
import { parseChoice } from '../../../src/terminal/options.js';
import { studyCommand, writeResults } from '../../results-file.js';
import { chooseNames, exitOnInputError, readArguments, readInt } from '../arguments.js';
import { pixelRecall } from './pixels.js';

const { values, positionals } = readArguments(
  [
    'npm run emoji -- [vendor|names] [--held <vendor>] [--steps <n>] [--seed <n>] [--loss clip|siglip] [--write]',
  ],
  {
    options: {
      held: { type: 'string', default: 'fluent-emoji-flat' },
      steps: { type: 'string', default: '500' },
      seed: { type: 'string', default: '1' },
      loss: { type: 'string', default: 'clip' },
      write: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  },
);
const STUDIES = ['vendor', 'names'];
const chosen = chooseNames(positionals, STUDIES);
const steps = readInt('--steps', values.steps);
const seed = readInt('--seed', values.seed, 0);
/** Reads one of several names. */
function oneOf(flag: string, choices: readonly string[], text: string): string {
  return exitOnInputError(() => parseChoice(flag, text, choices));
}
const lossName = oneOf('loss', ['clip', 'siglip'], values.loss) as ClipConfig['loss'];
/** One name in so many is held out. */
const HELD_OUT = 10;

const all: number[] = [];
const emoji = await renderEmoji();
for (let name = 0; name < emoji.captions.length; name++) all.push(name);
async function trainClip(data: ImageDataset): Promise<CLIP> {
  manualSeed(seed);
  const model = new CLIP(data.captions ?? [], { loss: lossName });
  for await (const { step, loss } of train(model, data, { steps, seed })) {
    if (step % 50 === 0) process.stderr.write(`step ${step}: loss ${loss.toFixed(3)}\n`);
  }
  return model;
}

const results: Record<string, unknown> = { steps, emoji: all.length };

/** Prints recall at several k, and keeps it for `--write`. */
function report(
  what: string,
  recall: Record<number, number>,
  [group, key]: readonly [string, string],
): void {
  results[group] = { ...(results[group] as object | undefined), [key]: recall };
  const list = Object.entries(recall).map(([k, value]) => `@${k} ${(100 * value).toFixed(1)} %`);
  process.stdout.write(`${what.padEnd(60)} ${list.join('  ')}\n`);
}

async function vendorHeldOut(): Promise<void> {
  const held = oneOf('held', emoji.vendors, values.held);
  const seen = emoji.vendors.filter((vendor) => vendor !== held);
  const [training, test] = [emojiImages(emoji, seen), emojiImages(emoji, [held])];
  const model = await trainClip(training);
  const { imageToText, textToImage } = clipRetrieval(model, test);
  const names = `${all.length} names`;
  report(`${values.held}, held out: image → its name among ${names}`, imageToText, [
    'vendor',
    'imageToName',
  ]);
  report(`${values.held}, held out: name → its image among ${names}`, textToImage, [
    'vendor',
    'nameToImage',
  ]);
  for (const other of seen) {
    const recall = pixelRecall(test, emojiImages(emoji, [other]));
    report(`raw pixels: image → that of ${other}`, recall, ['pixels', other]);
  }
  model.dispose();
}

async function namesHeldOut(): Promise<void> {
  const order = new Random(0, 1).shuffle([...all]);
  const count = Math.ceil(all.length / HELD_OUT);
  const [unseen, seen] = [order.slice(0, count), order.slice(count)];
  const model = await trainClip(emojiImages(emoji, emoji.vendors, seen));
  const { imageToText, textToImage } = clipRetrieval(
    model,
    emojiImages(emoji, emoji.vendors, unseen),
  );
  report(`names held out, all vendors: image → its name among ${count}`, imageToText, [
    'names',
    'imageToName',
  ]);
  results.unseen = count;
  report(`names held out, all vendors: name → one of its images`, textToImage, [
    'names',
    'nameToImage',
  ]);
  model.dispose();
}

if (chosen.includes('vendor')) await vendorHeldOut();
if (chosen.includes('names')) await namesHeldOut();
if (values.write) writeResults('emoji', studyCommand('emoji'), results);
