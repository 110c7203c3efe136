/** Rows of the teacher, kept in a file per chunk of texts: a study that was stopped goes on there. */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSentenceEncoder, type SentenceEncoder } from 'nearfar/models';
import { CACHE, TEACHER } from '../../../build/english/teacher.js';
import { digest, readFolder, writeWhole } from '../../../build/files.js';
import type { Encode } from './evaluate.js';

/** Texts of a file. */
const CHUNK = 200;

/** Makes a function that encodes texts by the teacher, with weights of 8 bits, or reads their rows. */
export function openTeacher(onProgress: (done: number, total: number) => void): Encode {
  const files = readFolder(TEACHER);
  const model = digest(files.get('model.safetensors') as Uint8Array);
  const folder = join(CACHE, 'study');
  mkdirSync(folder, { recursive: true });
  let teacher: SentenceEncoder | undefined;
  return (texts) => {
    const chunks: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += CHUNK) {
      const some = texts.slice(start, start + CHUNK);
      const path = join(folder, digest(model, JSON.stringify(some)).slice(0, 16));
      if (!existsSync(path)) {
        teacher ??= loadSentenceEncoder(files, { precision: 'int8' });
        writeWhole(path, new Uint8Array(teacher.encode(some).data.buffer));
      }
      chunks.push(new Float32Array(new Uint8Array(readFileSync(path)).buffer));
      onProgress(start + some.length, texts.length);
    }
    const data = new Float32Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      data.set(chunk, at);
      at += chunk.length;
    }
    return { data, rows: texts.length, cols: data.length / texts.length };
  };
}
