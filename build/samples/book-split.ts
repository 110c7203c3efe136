/** Splits the package's sample of a book. */

/** A text, split into two parts. */
export interface Book {
  text: string;
  training: string;
  /** The last tenth. */
  validation: string;
}

/** Holds the last tenth of a text out. */
export function splitBook(text: string): Book {
  const cut = Math.floor(text.length * 0.9);
  return { text, training: text.slice(0, cut), validation: text.slice(cut) };
}
