/** Fine-tuning of BERT on few labels, next to the same network from scratch. */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { BERT, type BertClassifier, finetune, saveBertClassifier } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import { readTexts, type Text } from '../input/texts.js';
import type { FinetuneRequest, FinetuneResult } from './model.js';
import { trainingSettings } from './options.js';

/** Fraction of the texts that is held out where `--labels-per-class` does not say how many train. */
const HELD_OUT = 0.2;
/** Largest number of held-out texts. */
const MAX_HELD_OUT = 1000;

/** Splits labeled texts into those to train on and those to evaluate on. */
function splitLabeled(
  path: string,
  labelsPerClass: number | undefined,
  seed: number,
): { labeled: Text[]; heldOut: Text[] } {
  const rows = new Random(seed, STREAMS.validation).shuffle(
    readTexts(path).filter(({ label, text }) => label !== undefined && text.trim() !== ''),
  );
  const names = new Set(rows.map(({ label }) => label));
  if (names.size < 2) {
    throw new InputError(
      `${path}: texts must have labels of at least two classes, got ${names.size}`,
    );
  }
  const taken = new Map<string | undefined, number>();
  const few = Math.floor(rows.length * HELD_OUT);
  const isSplit = rows.some(({ validation }) => validation);
  const isHeldOut = ({ label, validation }: Text, i: number): boolean => {
    if (validation === true) return true;
    if (labelsPerClass === undefined) return !isSplit && i < few;
    const before = taken.get(label) ?? 0;
    taken.set(label, before + 1);
    return before >= labelsPerClass;
  };
  const heldOut: Text[] = [];
  const labeled: Text[] = [];
  rows.forEach((row, i) => {
    if (!isHeldOut(row, i)) labeled.push(row);
    else if (!isSplit || row.validation === true) heldOut.push(row);
  });
  if (heldOut.length === 0) throw new InputError(`${path}: no text is held out to evaluate on`);
  const known = new Set(labeled.map(({ label }) => label));
  if (known.size < 2) throw new InputError(`${path}: only one class remains to train on`);
  return { labeled, heldOut: heldOut.slice(0, MAX_HELD_OUT) };
}

/** Computes the accuracy of a classifier on texts that all have a label. */
export function accuracyOf(classifier: BertClassifier, rows: readonly Text[]): number {
  const predicted = classifier.predict(rows.map(({ text }) => text));
  return predicted.filter((label, i) => label === rows[i]?.label).length / rows.length;
}

/** Fine-tunes a copy of a BERT, and the same network from scratch. */
export async function finetuneBert(model: BERT, request: FinetuneRequest): Promise<FinetuneResult> {
  const { path, labelsPerClass, settings, onStep, signal } = request;
  const seed = (settings.seed as number | undefined) ?? 0;
  const { labeled, heldOut } = splitLabeled(path, labelsPerClass, seed);
  const texts = labeled.map(({ text }) => text);
  const labels = labeled.map(({ label }) => label as string);
  const run = (network: Parameters<typeof onStep>[0], encoder: BERT): Promise<BertClassifier> =>
    finetune(
      encoder,
      { texts, labels },
      { ...trainingSettings(settings), seed, signal, onStep: (step) => onStep(network, step) },
    );
  const classifier = await run('pre-trained', model.copy());
  const accuracy = accuracyOf(classifier, heldOut);
  const files = saveBertClassifier(classifier);
  classifier.dispose();
  const scratch = await run('from scratch', new BERT(model.tokenizer, model.config));
  const scratchAccuracy = accuracyOf(scratch, heldOut);
  scratch.dispose();
  return {
    files,
    accuracy,
    scratchAccuracy,
    labeled: labeled.length,
    heldOut: heldOut.length,
    classes: new Set(labels).size,
  };
}
