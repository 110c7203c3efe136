/** Token ids of texts of any size, in the narrowest array that holds a vocabulary. */

import { charactersOf, type Tokenizer } from '../../data/text/tokenizer.js';
import { piecesOf, reportWork } from './large-text.js';
import { joinTexts, type Text, textLength } from './texts.js';

/** Token ids. */
export type TokenIds = Uint8Array | Uint16Array | Int32Array;

function newIds(vocabulary: number, length: number): TokenIds {
  if (vocabulary <= 2 ** 8) return new Uint8Array(length);
  return vocabulary <= 2 ** 16 ? new Uint16Array(length) : new Int32Array(length);
}

/** Gives the pieces of texts in a row, and reports how far the work on them is. */
export function* reportedPieces(
  texts: readonly Text[],
  work: string,
  separator?: string,
): Generator<string> {
  const total = textLength(texts);
  const onDone = reportWork(work, total);
  let done = 0;
  for (const piece of piecesOf(joinTexts(texts, separator))) {
    yield piece;
    done += piece.length;
    onDone(Math.min(done, total));
  }
}

/** Encodes texts in a row, with a line feed between two of them. */
export function encodeTexts(tokenizer: Tokenizer, texts: readonly Text[]): TokenIds {
  const total = textLength(texts);
  let ids = newIds(tokenizer.size, 0);
  let [length, read] = [0, 0];
  for (const piece of reportedPieces(texts, 'tokenizing')) {
    const added = tokenizer.encode(piece);
    read += piece.length;
    if (length + added.length > ids.length) {
      // As many as all will have at this rate: pages that stay empty take no memory.
      const expected = Math.ceil(((length + added.length) * Math.max(total, read) * 1.05) / read);
      const larger = newIds(tokenizer.size, read < total ? expected : length + added.length);
      larger.set(ids.subarray(0, length));
      ids = larger;
    }
    ids.set(added, length);
    length += added.length;
  }
  return ids.subarray(0, length);
}

/** Encodes each text as a document of its own; one that is large is several. */
export function encodeDocuments(tokenizer: Tokenizer, texts: readonly Text[]): TokenIds[] {
  const onDone = reportWork('tokenizing', textLength(texts));
  let done = 0;
  return texts.flatMap((text) => {
    const { text: contents } = text;
    done += contents.length;
    const documents = Array.from(piecesOf([contents]), (piece) => {
      const encoded = tokenizer.encode(piece);
      const ids = newIds(tokenizer.size, encoded.length);
      ids.set(encoded);
      return ids;
    });
    onDone(done);
    return documents;
  });
}

/** Lists the characters of texts and of the separators between them. */
export function charactersOfTexts(texts: readonly Text[], separator?: string): string[] {
  return charactersOf(reportedPieces(texts, 'finding characters', separator));
}
