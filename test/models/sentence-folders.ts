/** Folders of sentence encoders that Python wrote, and what it made of texts with them. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EncodeOptions, Files } from 'nearfar/models';
import { openSafetensors, writeRawSafetensors } from '../../src/core/safetensors.js';

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

/** Writes the files of a folder. */
export function writeFolder(folder: string, files: Files): void {
  for (const [path, bytes] of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
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

/**
 * A folder's weights cut into two shards.
 * @param at '' or a path that ends in a slash
 */
export function inShards(
  files: Files,
  at: string,
): { replaced: Record<string, unknown>; shards: string[] } {
  const { arrays } = openSafetensors('test', files.get(`${at}model.safetensors`) as Uint8Array);
  const map: Record<string, string> = {};
  const shards = [1, 2].map((n) => `model-0000${n}-of-00002.safetensors`);
  const replaced: Record<string, unknown> = { [`${at}model.safetensors`]: null };
  shards.forEach((shard, n) => {
    const part = [...arrays].filter((_, i) => i % 2 === n);
    for (const [key] of part) map[key] = shard;
    replaced[at + shard] = writeRawSafetensors(new Map(part), {});
  });
  replaced[`${at}model.safetensors.index.json`] = { metadata: {}, weight_map: map };
  return { replaced, shards };
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
