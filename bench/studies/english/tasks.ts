/** Search tasks whose texts the English encoder never saw. */

import emoji from 'emojilib' with { type: 'json' };
import { readNovel, readOperations, readWordNet } from '../../../build/english/corpus.js';

/** Queries and their documents, line by line. */
export interface Task {
  name: string;
  queries: string[];
  documents: string[];
}

function task(name: string, pairs: readonly (readonly [query: string, document: string])[]): Task {
  return { name, queries: pairs.map(([q]) => q), documents: pairs.map(([, d]) => d) };
}

/** Sentences of twelve words or more, their first half and their second. */
function readHalves(): [string, string][] {
  return readNovel().flatMap((sentence): [string, string][] => {
    const words = sentence.split(' ');
    const half = words.length >> 1;
    if (words.length < 12) return [];
    return [[words.slice(0, half).join(' '), words.slice(half).join(' ')]];
  });
}

export function readTasks(): Task[] {
  const synsets = readWordNet().filter(({ heldOut }) => heldOut);
  const operations = readOperations().filter(({ heldOut }) => heldOut);
  const keywords = Object.values(emoji as unknown as Record<string, string[]>);
  return [
    task(
      'gloss to words (WordNet, synsets never seen)',
      synsets.map(({ gloss, words }) => [gloss, words]),
    ),
    task(
      'operation to documentation (AWS, services never seen)',
      operations.map(({ name, documentation }) => [name, documentation]),
    ),
    task(
      'keywords to name (emoji)',
      keywords
        .filter((words) => words.length > 2)
        .map(([name = '', ...more]) => [
          more.join(' ').replaceAll('_', ' '),
          name.replaceAll('_', ' '),
        ]),
    ),
    task('first half of a sentence to the second (Moby Dick)', readHalves()),
  ];
}
