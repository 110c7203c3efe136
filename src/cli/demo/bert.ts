/** The pre-trained BERT on mails: evaluated on held-out ones, next to counts of neighboring tokens. */

import { type Dataset, mailsOf } from '../../../build/samples/mails-split.js';
import { type Baselines, type BERT, Bigrams, maskedBaselines } from '../../models/index.js';
import { readSample } from '../../terminal/package-files.js';

/** Loads the mails that come with the package. */
export function loadMails(): Dataset {
  return mailsOf(new TextDecoder().decode(readSample('mails/mails.jsonl')));
}

/** Accuracy on masked tokens of the network and of simple baselines. */
export interface MaskedAccuracy extends Baselines {
  valLoss: number;
  maskedAccuracy: number;
}

/** Evaluates on the masked tokens of held-out mails. */
export function evaluateBert(bert: BERT, { training, heldOut }: Dataset): MaskedAccuracy {
  const documents = training.texts.map((text) => bert.tokenizer.encode(text));
  const { loss, accuracy } = bert.evaluate(heldOut.texts);
  const counted = maskedBaselines(bert, heldOut.texts, Bigrams.of(documents));
  return { valLoss: loss, maskedAccuracy: accuracy, ...counted };
}
