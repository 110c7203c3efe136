/**
 * Pairs of texts that a search learns from, as lines of JSON:
 *
 *   github.jsonl       query, document, group: the summary of an operation of GitHub's API, what its
 *                      documentation says it does, and the part of the API that it belongs to
 *   typescript.jsonl   query, document: a message of TypeScript's compiler in French and in German
 */

import { readFileSync, writeFileSync } from 'node:fs';

const GITHUB = 'node_modules/@octokit/openapi-types';
const TYPESCRIPT = 'node_modules/typescript';

/** Characters of a documentation that are kept. */
const LONGEST = 400;

const NOTICE = `github.jsonl: operations of GitHub's API, their summaries and the first sentences of their
documentation, without markup. They were taken from the npm package "@octokit/openapi-types", whose
license follows first.

typescript.jsonl: messages of TypeScript's compiler in French and in German, by Microsoft. They were taken
from the npm package "typescript", whose license follows second.

`;

/** Parts of a documentation that say the same for many operations, or repeat the summary. */
const BOILERPLATE = /\n\*\*Fine-grained access tokens for|\nOAuth app tokens and personal access/;

/** Extracts the text of a documentation without markup. */
function plain(markdown: string): string {
  const [own = ''] = `\n${markdown}`.split(BOILERPLATE, 1);
  return own
    .replace(/\n> ?\[!\w+\]/g, '\n')
    .replace(/\n> ?/g, '\n')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]|<[^>]*>/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** As many whole sentences of a text as fit, but at least the words that do. */
function shorten(text: string): string {
  if (text.length <= LONGEST) return text;
  const head = text.slice(0, LONGEST);
  const end = Math.max(head.lastIndexOf('. '), head.lastIndexOf('.) '));
  return end > LONGEST / 4 ? head.slice(0, end + 1) : `${head.slice(0, head.lastIndexOf(' '))} …`;
}

interface Pair {
  query: string;
  document: string;
  group?: string;
}

/** Drops pairs that are there already, or lack a text. */
function distinct(pairs: readonly Pair[]): Pair[] {
  const seen = new Map<string, Pair>();
  for (const pair of pairs) {
    const key = JSON.stringify([pair.query, pair.document]);
    if (pair.query !== '' && pair.document !== '' && !seen.has(key)) seen.set(key, pair);
  }
  return [...seen.values()];
}

function gitHubOperations(): Pair[] {
  const types = readFileSync(`${GITHUB}/types.d.ts`, 'utf8');
  const operation =
    /\/\*\*\n((?: {5}\*[^\n]*\n)+) {5}\*\/\n {4}(?:get|put|post|delete|patch): operations\["([^"/]+)\//g;
  return distinct(
    [...types.matchAll(operation)].map(([, comment = '', group = '']) => {
      const lines = comment.replace(/^ {5}\* ?/gm, '');
      const [summary = '', description = ''] = lines.split(/^@description /m);
      return { query: plain(summary), document: shorten(plain(description)), group };
    }),
  );
}

function typeScriptMessages(): Pair[] {
  const [french, german] = ['fr', 'de'].map((language): Record<string, string> => {
    const file = `${TYPESCRIPT}/lib/${language}/diagnosticMessages.generated.json`;
    return JSON.parse(readFileSync(file, 'utf8'));
  }) as [Record<string, string>, Record<string, string>];
  return distinct(
    Object.entries(french).map(([key, query]) => ({ query, document: german[key] ?? '' })),
  );
}

export function packSentences(folder: string): void {
  const files = { github: gitHubOperations(), typescript: typeScriptMessages() };
  for (const [name, pairs] of Object.entries(files)) {
    const lines = pairs.map((pair) => JSON.stringify(pair));
    writeFileSync(`${folder}/${name}.jsonl`, `${lines.join('\n')}\n`);
  }
  const licenses = [`${GITHUB}/LICENSE`, `${TYPESCRIPT}/LICENSE.txt`].map((file) =>
    readFileSync(file, 'utf8').trim(),
  );
  writeFileSync(
    `${folder}/LICENSE.txt`,
    `${NOTICE}${licenses.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`,
  );
}
