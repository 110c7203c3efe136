/** Pairs from pasted text, and a sentence encoder that learns from them; the same in a page and in Node. */

import { train } from 'nearfar/models';

/** Reads a line: two cells with a tab between them, or JSON: a list of two texts, or an object that begins with them. */
function parseLine(line, number) {
  let cells = line.split('\t');
  if (cells.length === 1 && /^\s*[[{]/.test(line)) {
    try {
      cells = Object.values(JSON.parse(line));
    } catch {
      throw new Error(`line ${number} is not JSON`);
    }
  }
  const [query, document] = cells;
  if (typeof query !== 'string' || typeof document !== 'string') {
    throw new Error(`line ${number} has one text, not two with a tab between them`);
  }
  return [query.trim(), document.trim()];
}

/** Reads pairs, each once. */
export function parsePairs(text) {
  const pairs = new Map();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const pair = parseLine(line, i + 1);
    if (pair[0] !== '' && pair[1] !== '' && pair[0] !== pair[1])
      pairs.set(JSON.stringify(pair), pair);
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
