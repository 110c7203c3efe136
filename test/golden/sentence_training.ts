/**
 * Trains fixture folders of sentence encoders with LoRA and has PEFT open their adapters on top of
 * the folders, and compare the rows:
 *
 *   npx tsx test/golden/sentence_training.ts VENV/bin/python
 *
 * The environment is that of sentence_training.py.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSentenceEncoder, saveSentenceEncoder, train } from 'nearfar/models';
import { fixtureFolder, writeFolder } from '../models/sentence-folders.js';
import { TRAINING_NAMES, TRAINING_PAIRS } from '../models/sentence-training-pairs.js';

const [python = 'python3'] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), 'nearfar-adapters-'));
try {
  for (const name of TRAINING_NAMES) {
    const folder = fixtureFolder(name);
    const encoder = loadSentenceEncoder(folder);
    const options = { steps: 5, learningRate: 0.01, lora: { rank: 4 } };
    for await (const { loss } of train(encoder, { pairs: TRAINING_PAIRS }, options)) void loss;
    const texts = TRAINING_PAIRS.flat();
    const { data, cols } = encoder.encode(texts);
    const rows = texts.map((_, t) => [...data.subarray(t * cols, (t + 1) * cols)]);
    writeFolder(join(root, name), folder);
    writeFolder(join(root, `${name}.adapter`), saveSentenceEncoder(encoder, { adapter: true }));
    writeFileSync(join(root, `${name}.json`), JSON.stringify(rows));
    encoder.dispose();
  }
  const script = new URL('sentence_training.py', import.meta.url).pathname;
  process.exitCode = spawnSync(python, [script, root], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
