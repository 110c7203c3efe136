/** Pairs from pasted text, and a sentence encoder that learns from them; the same in a page and in Node. */

import { train } from 'nearfar/models';

/** Names of the two sides of a pair. */
const QUERIES = /^(query|question|anchor|search|sentence_?1|text_?1|title|q)$/i;
const DOCUMENTS = /^(document|answer|positive|sentence_?2|text_?2|body|passage|a)$/i;

/** Takes the two texts of an object: those of known names, or the only two. */
function textsOf(object) {
  const names = Object.keys(object).filter((name) => typeof object[name] === 'string');
  const known = [QUERIES, DOCUMENTS].map((side) => names.find((name) => side.test(name)));
  const isKnown = known.every((name) => name !== undefined);
  return (isKnown ? known : names).map((name) => object[name]);
}

/** Reads a line: two cells with a tab between them, or JSON: a list of two texts, or an object with them. */
function parseLine(line, number) {
  let cells = line.replace(/\t+$/, '').split('\t');
  if (cells.length === 1 && /^\s*[[{]/.test(line)) {
    try {
      const value = JSON.parse(line);
      cells = Array.isArray(value) ? value : textsOf(value);
    } catch {
      throw new Error(`line ${number} is not JSON`);
    }
  }
  if (cells.length !== 2 || cells.some((cell) => typeof cell !== 'string')) {
    const got = cells.length === 1 ? 'one text' : `${cells.length} texts`;
    throw new Error(`line ${number} has ${got}, not two with a tab between them`);
  }
  return cells.map((cell) => cell.trim());
}

/** Reads pairs, each once; a first line with the names of the columns is none. */
export function parsePairs(text) {
  const pairs = new Map();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const [query, document] = parseLine(line, i + 1);
    if (i === 0 && QUERIES.test(query) && DOCUMENTS.test(document)) continue;
    if (query !== '' && document !== '' && query !== document)
      pairs.set(JSON.stringify([query, document]), [query, document]);
  }
  return [...pairs.values()];
}

/** Holds every tenth pair out. Pairs that share a text with one of them are not trained on. */
export function splitPairs(pairs) {
  const heldOut = pairs.filter((_, i) => i % 10 === 9);
  const seen = new Set(heldOut.flat());
  return { heldOut, training: pairs.filter((pair) => !pair.some((text) => seen.has(text))) };
}

/**
 * Trains the English encoder in the package on pairs.
 *
 * The loop gives the page a turn after each step, of about 25 ms: it scrolls, types and draws meanwhile.
 */
export async function trainOnPairs(encoder, pairs, onStep = () => {}) {
  for await (const { step, steps, loss } of train(encoder, { pairs }, { seed: 1 })) {
    onStep(step, steps, loss);
  }
}
