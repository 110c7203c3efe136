/** Search tasks whose texts the English encoder never saw. */

import emoji from 'emojilib' with { type: 'json' };
import { readNovel, readOperations, readWordNet } from '../../../build/english/corpus.js';
import { Random } from '../../../src/core/random.js';

/** Queries and their documents, line by line. */
export interface Task {
  name: string;
  queries: string[];
  documents: string[];
}

/** Pairs of a task: what MiniLM encodes in some minutes on one core. */
const PAIRS = 1000;

/** Draws the pairs of a task. */
function task(name: string, all: readonly (readonly [query: string, document: string])[]): Task {
  const pairs = new Random(7, 0).shuffle([...all]).slice(0, PAIRS);
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
    // Glosses to words, of synsets never seen.
    task(
      'wordnet',
      synsets.map(({ gloss, words }) => [gloss, words]),
    ),
    // Operations to their documentation, of services never seen.
    task(
      'aws',
      operations.map(({ name, documentation }) => [name, documentation]),
    ),
    // Keywords to the name of an emoji.
    task(
      'emoji',
      keywords
        .filter((words) => words.length > 2)
        .map(([name = '', ...more]) => [
          more.join(' ').replaceAll('_', ' '),
          name.replaceAll('_', ' '),
        ]),
    ),
    // First halves of sentences to the second ones.
    task('novel', readHalves()),
  ];
}
