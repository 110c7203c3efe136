/** Folders of sentence encoders that Python wrote, and what it made of texts with them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncodeOptions, Files } from 'nearfar/models';

export const FIXTURES = new URL('../golden/fixtures/sentence/', import.meta.url).pathname;

/** Real encoders, next to a checkout that has them. */
const SHARED = new URL('../../../shared/models/', import.meta.url).pathname;

/** A folder as it was written, with some files replaced, and the rows of texts. */
export interface FolderCase {
  name: string;
  files?: Record<string, unknown>;
  options?: EncodeOptions;
  texts: string[];
  rows: number[][];
  maxTokens?: number;
}

/** All files under a folder, by path. */
export function readFolder(folder: string): Files {
  const files: Files = new Map();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(folder.length).replace(/^\//, ''), new Uint8Array(readFileSync(path)));
  }
  return files;
}

export const fixtureNames: readonly string[] = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

export const fixtureFolder = (name: string): Files => readFolder(join(FIXTURES, name));

export function fixtureCases(name: string): FolderCase[] {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
}

/** JSON as the bytes of a file. */
export const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A folder with the files of a case. */
export function withFiles(folder: Files, replaced: Record<string, unknown> = {}): Files {
  const files = new Map(folder);
  for (const [path, value] of Object.entries(replaced)) {
    if (value === null) files.delete(path);
    else files.set(path, value instanceof Uint8Array ? value : json(value));
  }
  return files;
}

/** A real encoder and its rows, or undefined where there is none next to this checkout. */
export function sharedModel(
  name: string,
): { files: Files; rows: { text: string; embedding: number[] }[] } | undefined {
  if (!existsSync(join(SHARED, name))) return undefined;
  const lines = readFileSync(join(SHARED, `${name}.rows.jsonl`), 'utf8')
    .trim()
    .split('\n');
  return { files: readFolder(join(SHARED, name)), rows: lines.map((line) => JSON.parse(line)) };
}
