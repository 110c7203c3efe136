/** Fine-tuning on few labels: a trained BERT, and the same network from scratch beside it. */

import { Random } from '../../core/random.js';
import { BERT, type BertClassifier, finetune, saveBertClassifier } from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import { readTexts, type Text } from '../input/texts.js';
import type { FinetuneRequest, FinetuneResult } from './model.js';

/** Share of the texts that is held out where `--labels-per-class` does not say what is learnt from. */
const HELD_OUT = 0.2;
/** Held-out texts that are judged by, at most. */
const MAX_HELD_OUT = 1000;
/** Stream of random numbers. */
const SPLIT = 5;

/** Texts to learn from, and others to judge by. */
function splitLabelled(
  path: string,
  labelsPerClass: number | undefined,
  seed: number,
): { learnt: Text[]; heldOut: Text[] } {
  const rows = new Random(seed, SPLIT).shuffle(
    readTexts(path).filter(({ label, text }) => label !== undefined && text.trim() !== ''),
  );
  const names = new Set(rows.map(({ label }) => label));
  if (names.size < 2) {
    throw new InputError(
      `${path}: texts must have labels of at least two kinds, got ${names.size}`,
    );
  }
  const taken = new Map<string | undefined, number>();
  const few = Math.floor(rows.length * HELD_OUT);
  const isHeldOut = ({ label }: Text, i: number): boolean => {
    if (labelsPerClass === undefined) return i < few;
    const before = taken.get(label) ?? 0;
    taken.set(label, before + 1);
    return before >= labelsPerClass;
  };
  const heldOut: Text[] = [];
  const learnt: Text[] = [];
  rows.forEach((row, i) => {
    (isHeldOut(row, i) ? heldOut : learnt).push(row);
  });
  if (heldOut.length === 0) throw new InputError(`${path}: no text is left to judge by`);
  const known = new Set(learnt.map(({ label }) => label));
  if (known.size < 2) throw new InputError(`${path}: one kind of label is left to learn from`);
  return { learnt, heldOut: heldOut.slice(0, MAX_HELD_OUT) };
}

function accuracyOf(classifier: BertClassifier, rows: readonly Text[]): number {
  const named = classifier.predict(rows.map(({ text }) => text));
  return named.filter((name, i) => name === rows[i]?.label).length / rows.length;
}

export async function finetuneBert(model: BERT, options: FinetuneRequest): Promise<FinetuneResult> {
  const { path, labelsPerClass, settings, onStep, signal } = options;
  const seed = (settings.seed as number | undefined) ?? 0;
  const { learnt, heldOut } = splitLabelled(path, labelsPerClass, seed);
  const texts = learnt.map(({ text }) => text);
  const labels = learnt.map(({ label }) => label as string);
  const run = (network: Parameters<typeof onStep>[0], encoder: BERT): Promise<BertClassifier> =>
    finetune(
      encoder,
      { texts, labels },
      { ...settings, seed, signal, onStep: (step) => onStep(network, step) },
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
    labelled: learnt.length,
    heldOut: heldOut.length,
    classes: new Set(labels).size,
  };
}
