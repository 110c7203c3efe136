/** The sample of mails that comes with the package, a part of them held out. */

import type { Dataset, Labelled } from './study.js';

/** One text of so many is held out. */
export const HELD_OUT = 5;

export interface Row {
  text: string;
  label: string;
}

export function columns(rows: readonly Row[]): Labelled {
  return { texts: rows.map(({ text }) => text), labels: rows.map(({ label }) => label) };
}

/** @param lines JSON, ham and spam in turn: two in ten lines are held out, one of each label */
export function mailsOf(lines: string): Dataset {
  const rows: Row[] = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const isHeldOut = (i: number): boolean => Math.floor(i / 2) % HELD_OUT === HELD_OUT - 1;
  return {
    name: 'mails: spam or ham',
    training: columns(rows.filter((_, i) => !isHeldOut(i))),
    heldOut: columns(rows.filter((_, i) => isHeldOut(i))),
  };
}
