/**
 * Writes every fixture folder of sentence encoders again with saveSentenceEncoder and has Python
 * compare the rows that it gives for them:
 *
 *   npx tsx test/golden/sentence.ts VENV/bin/python
 *
 * The environment is that of sentence.py.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { distill, loadSentenceEncoder, saveSentenceEncoder } from 'nearfar/models';
import {
  fixtureCases,
  fixtureFolder,
  fixtureNames,
  withFiles,
  writeFolder,
} from '../models/sentence-folders.js';

/** Files of model2vec's own folders; sentence-transformers reads unknown tokens of them differently. */
const isModel2Vec = (name: string): boolean => name.startsWith('model2vec');

const [python = 'python3'] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), 'nearfar-sentence-'));
try {
  for (const name of fixtureNames) {
    fixtureCases(name).forEach(({ name: title, files, texts, options }, i) => {
      const encoder = loadSentenceEncoder(withFiles(fixtureFolder(name), files));
      const dtypes =
        encoder.kind === 'static' ? ['float32', 'float16', 'int8'] : ['float32', 'float16'];
      for (const dtype of dtypes as ('float32' | 'float16' | 'int8')[]) {
        // A few of the many cases of a folder are enough in half precision.
        if (dtype !== 'float32' && i > 0) continue;
        const saved = saveSentenceEncoder(encoder, { dtype });
        const again = loadSentenceEncoder(saved);
        const { data, cols } = again.encode(texts, options);
        const rows = texts.map((_, t) => [...data.subarray(t * cols, (t + 1) * cols)]);
        const folder = join(root, `${name}-${i}-${dtype}`);
        writeFolder(folder, saved);
        // model2vec knows no Dense.
        if (dtype === 'int8' && name === 'static-v5') continue;
        const layout =
          dtype === 'int8' || isModel2Vec(name) ? 'model2vec' : 'sentence-transformers';
        const entry = { name: title, options, texts, rows, readers: [layout] };
        writeFileSync(`${folder}.json`, JSON.stringify([entry]));
        again.dispose();
      }
      encoder.dispose();
    });
  }
  for (const name of fixtureNames) {
    const encoder = loadSentenceEncoder(fixtureFolder(name));
    if (encoder.kind === 'bert') {
      const small = await distill(encoder);
      // Of unknown tokens the two readers make different rows.
      const unknown = small.parts.tokens.tokenizer.model.unknown ?? -1;
      const texts = (fixtureCases(name)[0]?.texts ?? []).filter((text) => {
        const ids = small.parts.tokens.tokenizer.encode(text);
        return ids.length > 0 && !ids.includes(unknown);
      });
      const { data, cols } = small.encode(texts);
      const rows = texts.map((_, t) => [...data.subarray(t * cols, (t + 1) * cols)]);
      const folder = join(root, `${name}-distilled`);
      writeFolder(folder, saveSentenceEncoder(small));
      const readers = ['sentence-transformers', 'model2vec'];
      writeFileSync(
        `${folder}.json`,
        JSON.stringify([{ name: 'distilled', texts, rows, readers }]),
      );
    }
  }
  const { status } = spawnSync(python, ['test/golden/sentence.py', '--check', root], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(root, { recursive: true });
}
