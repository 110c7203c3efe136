/** Says what the numbers of the demo's section on few labels mean. */

import { METHODS, type Method } from '../../../bench/studies/few-labels/study.js';
import type { FewLabelsRun } from './few-labels.js';
import { count, fixed, percent } from './numbers.js';

/** Compares a classifier with another one, by the numbers of the run. */
function compared(better: number, other: number, name: string): string {
  const points = fixed(100 * Math.abs(better - other), 1);
  const than = `than ${name} (${percent(other)})`;
  if (points === '0.0') return `as good as ${name}`;
  return better > other ? `${points} points better ${than}` : `${points} points worse ${than}`;
}

/** Compares the classifiers at each number of labels, by the numbers of the run. */
export function verdict({ results, counts, heldOut }: FewLabelsRun): string {
  const sentences = counts.map((perClass) => {
    const accuracy = (method: Method): number =>
      results.find((row) => row.method === method && row.perClass === perClass)?.mean ?? 0;
    const [tuned, frozen, scratch, words] = METHODS.map(accuracy) as [
      number,
      number,
      number,
      number,
    ];
    const [best, which] =
      frozen > tuned ? [frozen, 'frozen, with a linear classifier,'] : [tuned, 'fine-tuned,'];
    return (
      `With ${perClass} labels per class, the pre-trained BERT, ${which} reaches ${percent(best)}: ` +
      `${compared(best, scratch, 'the same network from scratch')}, and ` +
      `${compared(best, words, 'counted words')}.` +
      (best > words + 5e-4 ? '' : ' So many labels show single words that give spam away.')
    );
  });
  return `Accuracy on ${count(heldOut)} held-out mails. ${sentences.join(' ')}`;
}
