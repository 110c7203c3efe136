/**
 * Texts from files: `.txt`, `.jsonl` with `text` (and `label`), `.csv` with a header that has these
 * names, or a folder of such files, read in the order of their names.
 */

import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { parse } from 'csv-parse/sync';
import { InputError } from '../../terminal/errors.js';
import { readBytes } from '../../terminal/files.js';

export interface Text {
  text: string;
  label?: string;
}

const KINDS = ['.txt', '.jsonl', '.csv'];

/** The files of a path: itself, or those of a kind that we read below a folder. */
function filesOf(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw new InputError(`${path}: cannot read it (${(error as { code?: string }).code})`);
  }
  if (!isFolder) return [path];
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => KINDS.includes(extname(file)))
    .sort()
    .map((file) => join(path, file));
  if (files.length === 0) throw new InputError(`${path}: holds no ${KINDS.join(', ')} file`);
  return files;
}

/** A file's text. */
export function readUtf8(file: string): string {
  const bytes = readBytes(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`${file}: is not valid UTF-8`);
  }
}

/** A row's text and label, whatever kind of file it stands in. */
function parseRow(place: string, row: unknown): Text {
  const { text, label } = (row ?? {}) as { text?: unknown; label?: unknown };
  if (typeof text !== 'string') throw new InputError(`${place}: there is no text`);
  // An empty cell of a table is no label either.
  return label === undefined || label === null || label === ''
    ? { text }
    : { text, label: String(label) };
}

/** The values of a file of one JSON value a line, and where they stand. */
export function readJsonLines(file: string, contents: string): { place: string; row: unknown }[] {
  return contents.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const place = `${file}:${i + 1}`;
    try {
      return [{ place, row: JSON.parse(line) as unknown }];
    } catch {
      throw new InputError(`${place}: is not JSON`);
    }
  });
}

function readCsv(file: string, contents: string): Text[] {
  let rows: unknown[];
  try {
    rows = parse(contents, { columns: true, skip_empty_lines: true, bom: true });
  } catch (error) {
    throw new InputError(`${file}: ${(error as Error).message}`);
  }
  return rows.map((row, i) => parseRow(`${file}: row ${i + 1}`, row));
}

function readFile(file: string): Text[] {
  const contents = readUtf8(file);
  if (extname(file) === '.jsonl') {
    return readJsonLines(file, contents).map(({ place, row }) => parseRow(place, row));
  }
  if (extname(file) === '.csv') return readCsv(file, contents);
  return [{ text: contents }];
}

/**
 * All texts of a path, in order.
 * @throws InputError if there is nothing to read or something is not sound
 */
export function readTexts(path: string): Text[] {
  const texts = filesOf(path).flatMap(readFile);
  if (texts.every(({ text }) => text.trim() === '')) throw new InputError(`${path}: is empty`);
  return texts;
}

/** Two values of the same hash are the same. */
export function hashOf(value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(value))));
}

/** The first nine tenths of all characters, and the last, which validates. */
export function splitTexts(texts: readonly Text[]): { training: string[]; validation: string[] } {
  const total = texts.reduce((sum, { text }) => sum + text.length, 0);
  let left = Math.floor(total * 0.9);
  const parts = texts.map(({ text }) => {
    const cut = Math.min(left, text.length);
    left -= cut;
    return [text.slice(0, cut), text.slice(cut)] as const;
  });
  const filled = (side: 0 | 1): string[] =>
    parts.map((part) => part[side]).filter((text) => text !== '');
  return { training: filled(0), validation: filled(1) };
}

/** All texts as one. */
export function joinTexts(texts: readonly Text[]): string {
  return texts.map(({ text }) => text).join('\n');
}
