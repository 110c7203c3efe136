/**
 * Sentence encoders on a runtime: folders that Python wrote, of every kind, their rows for awkward
 * texts hashed, and how a stream of them behaves in an event loop. Tokenizers are where runtimes
 * could differ: their tables of Unicode are of different versions.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { api } from '../../bench/built-package.js';
import type { Hash } from '../../bench/operations/hash.js';

/** A folder's files in base64, and texts for it. */
export interface EmbeddedFolder {
  name: string;
  files: Readonly<Record<string, string>>;
  texts: readonly string[];
}

/** Folders that the bundle of the program holds: sentence-folders.ts reads them. */
declare const SENTENCE_FOLDERS: readonly EmbeddedFolder[];

/** Texts where tables of Unicode, lowercasing and normal forms matter. */
const AWKWARD = [
  '',
  ' \t\n\u00a0\u3000\u200b\ufeff ',
  'Ünïcödé ΑΣ ΟΔΥΣΣΕΥΣ İstanbul ıI ẞß ŉ ǰ',
  'ﬁ ﬂ Ⅷ ½ ① ㍿ ﷺ ｱｲｳ ＡＢＣ é e\u0301 한국어 \u1112\u1161\u11ab',
  '你好，世界 𠮷野家 日本語テキスト ไทย العربية हिन्दी',
  '👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷 1️⃣ \u{1f9d1}\u{1f3fd}\u200d\u{1f680}',
  "don't U.S.A. 3.14 1,000 a_b x=y--z “quoted” – — … ¿qué?",
  '\ud800 lone \udc00',
  // Letters of Unicode 14 to 16, which older tables call unassigned.
  '\u1c89\u1c8a \ua7cb\ua7cc \u{10d50}\u{10d70} \u{1e4d0} \u{11b60} \u{1df00} \u0870',
  'near and far '.repeat(20),
];

/** Behavior of a stream of texts in an event loop. */
export interface StreamBehavior {
  /** A timer ticked between batches. */
  ticks: boolean;
  /** Batches that came before a signal ended the stream. */
  batches: number;
  /** Rows have the bits of one call. */
  sameBits: boolean;
  /** Indices of the nearest rows to the first one. */
  nearest: number[];
}

export interface SentenceResult {
  hashes: Hash[];
  stream: StreamBehavior;
  leakedBytes: number;
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const filesOf = ({ files }: EmbeddedFolder): Map<string, Uint8Array> =>
  new Map(Object.entries(files).map(([path, base64]) => [path, decode(base64)]));

function hashRows(folder: EmbeddedFolder, precision: 'float32' | 'int8'): Hash {
  const encoder = api.models.loadSentenceEncoder(filesOf(folder), { precision });
  const { data } = encoder.encode([...folder.texts.slice(0, 20), ...AWKWARD]);
  encoder.dispose();
  const hash = sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return { name: `${folder.name}, ${precision}`, hash: bytesToHex(hash) };
}

async function observeStream(folder: EmbeddedFolder): Promise<StreamBehavior> {
  const encoder = api.models.loadSentenceEncoder(filesOf(folder));
  const texts = Array.from({ length: 40 }, (_, i) => `near ${'far '.repeat(i % 7)}${i}`);
  const whole = encoder.encode(texts);
  let ticks = 0;
  let sameBits = true;
  const timer = setInterval(() => ticks++, 0);
  for await (const { start, rows } of encoder.encodeStream(texts, { batchSize: 2 })) {
    const own = whole.data.subarray(start * whole.cols, (start + rows.rows) * whole.cols);
    sameBits &&= own.every((value, i) => Object.is(value, rows.data[i]));
  }
  clearInterval(timer);
  const abort = new AbortController();
  let batches = 0;
  for await (const _ of encoder.encodeStream(texts, { batchSize: 2, signal: abort.signal })) {
    if (++batches === 3) abort.abort();
  }
  const { indices } = api.topK(encoder.encode(texts[0] as string), whole, 3);
  encoder.dispose();
  return { ticks: ticks > 0, batches, sameBits, nearest: [...indices] };
}

export async function observeSentence(): Promise<SentenceResult> {
  const before = api.nn.bytesInUse();
  const hashes = SENTENCE_FOLDERS.map((folder) => hashRows(folder, 'float32'));
  // Products of integers are the same code in all of them.
  for (const folder of SENTENCE_FOLDERS.slice(0, 1)) hashes.push(hashRows(folder, 'int8'));
  const stream = await observeStream(SENTENCE_FOLDERS[0] as EmbeddedFolder);
  return { hashes, stream, leakedBytes: api.nn.bytesInUse() - before };
}
