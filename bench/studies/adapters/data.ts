/**
 * Real embeddings that the study tunes adapters on: MiniLM's rows of AWS and WordNet (../shared), of SAP's
 * documentation, and rows of the English encoder in the package for texts in several languages.
 */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Matrix, toMatrix } from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import { readNpy } from '../../../src/data/files/npy.js';

/** Pairs of rows, and the group that each is split with. */
export interface PairSource {
  readonly name: string;
  readonly queries: Matrix;
  readonly documents: Matrix;
  /** Query i belongs to document i; rows of one group are never on both sides of a split. */
  readonly groups: readonly string[];
}

/** Rows with labels. */
export interface LabelSource {
  readonly name: string;
  readonly embeddings: Matrix;
  readonly labels: readonly number[];
}

export type Source = PairSource | LabelSource;

const SHARED = '../shared/embeddings';
const require = createRequire(new URL('./packages/package.json', import.meta.url));

function npy(file: string): Matrix {
  const path = join(SHARED, file);
  return toMatrix(readNpy(path, readFileSync(path)));
}

function jsonLines(path: string): Record<string, string>[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** Whole numbers for names, in the order in which they appear. */
function numbered(names: readonly string[]): number[] {
  const known = [...new Set(names)];
  return names.map((name) => known.indexOf(name));
}

/** Sources of ready-made rows: AWS, WordNet, SAP Fiori. */
export function readySources(): Source[] {
  if (!existsSync(SHARED)) throw new Error(`${SHARED} is missing`);
  const aws = jsonLines(join(SHARED, 'aws.jsonl'));
  const wordnet = jsonLines(join(SHARED, 'wordnet.jsonl'));
  const [words, glosses] = [npy('wordnet-words.npy'), npy('wordnet-glosses.npy')];
  const className = Object.keys(wordnet[0] ?? {}).find((key) => /class|lex/.test(key)) ?? 'class';
  const folder = dirname(require.resolve('@sap-ux/fiori-docs-embeddings/package.json'));
  const vectors = readFileSync(join(folder, 'data/embeddings/embeddings.bin'));
  const records = jsonLines(join(folder, 'data/embeddings/records.jsonl'));
  const data = new Float32Array(new Uint8Array(vectors).buffer);
  return [
    {
      name: 'AWS',
      queries: npy('aws-queries.npy'),
      documents: npy('aws-documents.npy'),
      groups: aws.map(({ service = '' }) => service),
    },
    {
      name: 'WordNet',
      queries: glosses,
      documents: words,
      groups: wordnet.map((_, i) => String(i)),
    },
    {
      name: 'WordNet classes',
      embeddings: glosses,
      labels: numbered(wordnet.map((row) => String(row[className]))),
    },
    {
      name: 'Fiori categories',
      embeddings: { data, rows: records.length, cols: data.length / records.length },
      labels: numbered(records.map(({ category = '' }) => category)),
    },
  ];
}

/** TypeScript's messages in a language, by their keys. */
function messages(language: string): Map<string, string> {
  const root = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const path = join(root, 'lib', language, 'diagnosticMessages.generated.json');
  return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>));
}

/** Names of regions, languages and currencies in two languages, from CLDR by way of Intl. */
function names(language: string, other: string): [string, string][] {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const codes = letters.flatMap((a) => letters.map((b) => a + b));
  const kinds: [Intl.DisplayNamesType, string[]][] = [
    ['region', codes],
    ['language', codes.map((code) => code.toLowerCase())],
  ];
  return kinds.flatMap(([type, list]) => {
    const [from, to] = [language, other].map(
      (locale) => new Intl.DisplayNames([locale], { type, fallback: 'none' }),
    );
    return list.flatMap((code): [string, string][] => {
      const [a, b] = [from?.of(code), to?.of(code)];
      return a === undefined || b === undefined || a === b ? [] : [[a, b]];
    });
  });
}

/** Sources of texts in two languages, as rows of the English encoder. */
export async function languageSources(): Promise<PairSource[]> {
  const encoder = await loadEnglish();
  const source = (name: string, pairs: readonly (readonly [string, string])[]): PairSource => ({
    name,
    queries: encoder.encode(pairs.map(([query]) => query)),
    documents: encoder.encode(pairs.map(([, document]) => document)),
    groups: pairs.map(([, document]) => document),
  });
  const sources = [
    ['fr', 'es'],
    ['de', 'fr'],
    ['it', 'pt-br'],
    ['pl', 'cs'],
  ].map(([a = '', b = '']) => {
    const [from, to] = [messages(a), messages(b)];
    const pairs = [...from].flatMap(([key, text]): [string, string][] => {
      const other = to.get(key);
      return other === undefined ? [] : [[text, other]];
    });
    return source(`TypeScript ${a} ${b}`, pairs);
  });
  for (const language of ['de', 'fr', 'es', 'nl']) {
    sources.push(source(`CLDR ${language} en`, names(language, 'en')));
  }
  encoder.dispose();
  return sources;
}
