/** Reads the package's sample of mails and holds a part of them out. */

/** One text in so many is held out. */
export const HELD_OUT = 5;

export interface Row {
  text: string;
  label: string;
}

export interface LabeledTexts {
  texts: readonly string[];
  /** One name for each text. */
  labels: readonly string[];
}

export interface Dataset {
  name: string;
  /** Texts to train on; only the labels of a few of them are used. */
  training: LabeledTexts;
  heldOut: LabeledTexts;
}

export function columns(rows: readonly Row[]): LabeledTexts {
  return { texts: rows.map(({ text }) => text), labels: rows.map(({ label }) => label) };
}

/**
 * Splits the sample: of ten lines, one of each label is held out.
 *
 * @param lines one JSON object per line, ham and spam alternating
 */
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
