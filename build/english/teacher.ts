/**
 * Rows of the teacher, all-MiniLM-L6-v2. Those that a folder next to the checkout holds already are
 * taken from there; the others are encoded with weights of 8 bits and kept in a folder that git
 * ignores, a file per chunk of texts, so that a run that was stopped goes on.
 */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSentenceEncoder, type SentenceEncoder } from 'nearfar/models';
import { readNpy } from '../../src/data/files/npy.js';
import { digest, readFolder, writeWhole } from '../files.js';
import { isHeldOut, type Source } from './corpus.js';

const SHARED = '../shared';
/** Folder of the teacher. */
export const TEACHER = `${SHARED}/models/all-MiniLM-L6-v2`;
/** Folder of what takes long to make. */
export const CACHE = 'nearfar-english';

/** Columns of the teacher's rows. */
const WIDTH = 384;
/** Texts of a file. */
const CHUNK = 2048;

/** Rows that are there: texts of a field of NAME.jsonl, and the file of their rows. */
const READY = [
  ['wordnet', 'words', 'wordnet-words'],
  ['wordnet', 'gloss', 'wordnet-glosses'],
  ['aws', 'query', 'aws-queries'],
  ['aws', 'document', 'aws-documents'],
] as const;

/** The rows that are there, by text. */
function readReadyRows(): Map<string, Float32Array> {
  const rows = new Map<string, Float32Array>();
  for (const [name, field, file] of READY) {
    const folder = `${SHARED}/embeddings`;
    const { data } = readNpy(file, readFileSync(`${folder}/${file}.npy`));
    const lines = readFileSync(`${folder}/${name}.jsonl`, 'utf8').trim().split('\n');
    lines.forEach((line, i) => {
      const entry = JSON.parse(line);
      if (name === 'aws' && isHeldOut(entry.service)) return;
      rows.set(entry[field], data.subarray(i * WIDTH, (i + 1) * WIDTH) as Float32Array);
    });
  }
  return rows;
}

/** Texts with the teacher's rows of them, (texts, 384). */
export interface Taught {
  texts: string[];
  rows: Float32Array;
}

/** Encodes the texts of all sources, in their order. */
export function encodeSources(
  makeSources: (ready: readonly string[]) => readonly Source[],
  onProgress: (done: number, total: number) => void,
): Taught {
  const files = readFolder(TEACHER);
  const model = digest(files.get('model.safetensors') as Uint8Array);
  const ready = readReadyRows();
  const sources = makeSources([...ready.keys()]);
  const texts = sources.flatMap((source) => source.texts);
  const rows = new Float32Array(texts.length * WIDTH);
  const indices = new Map(texts.map((text, i) => [text, i]));
  let teacher: SentenceEncoder | undefined;
  let done = 0;
  for (const text of texts) {
    const row = ready.get(text);
    if (row === undefined) continue;
    rows.set(row, (indices.get(text) as number) * WIDTH);
    done++;
  }
  mkdirSync(CACHE, { recursive: true });
  for (const source of sources) {
    const missing = source.texts.filter((text) => !ready.has(text));
    for (let start = 0; start < missing.length; start += CHUNK) {
      const some = missing.slice(start, start + CHUNK);
      const key = digest(model, JSON.stringify(some)).slice(0, 16);
      const path = join(CACHE, `${source.name}-${start / CHUNK}-${key}`);
      if (!existsSync(path)) {
        teacher ??= loadSentenceEncoder(files, { precision: 'int8' });
        writeWhole(path, new Uint8Array(teacher.encode(some).data.buffer));
      }
      const bytes = new Uint8Array(readFileSync(path));
      const encoded = new Float32Array(bytes.buffer);
      some.forEach((text, i) => {
        const row = encoded.subarray(i * WIDTH, (i + 1) * WIDTH);
        rows.set(row, (indices.get(text) as number) * WIDTH);
      });
      done += some.length;
      onProgress(done, texts.length);
    }
  }
  teacher?.dispose();
  return { texts, rows };
}
