/**
 * Pre-trained models: their bytes are those of their runs, and the command that makes them gives the
 * same bytes again, stopped and resumed or not.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Files, GPT, loadBert, loadClip, loadGpt, loadMae, saveGpt } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { digestFiles, readFolder } from '../../build/files.js';
import { encodeFloat16 } from '../../build/pretrain/float16.js';
import type { PretrainingRecord, Recipe, Run } from '../../build/pretrain/recipe.js';
import { pretrain } from '../../build/pretrain/run.js';
import { decodeFloat16 } from '../../src/core/float16.js';
import { check, same, suite, throws } from '../harness.js';
import { temporaryFolder } from '../temporary.js';

const test = suite('pretrain');

const NAMES = ['bert', 'gpt', 'clip', 'mae'] as const;
const WEIGHTS = 'src/weights';
const MAX_BYTES = 6e6;

test('the weights in the repository are those of their runs, and load', () => {
  const runs: Record<string, Run> = JSON.parse(readFileSync(join(WEIGHTS, 'runs.json'), 'utf8'));
  same(Object.keys(runs).sort(), [...NAMES].sort(), 'runs');
  let all = 0;
  for (const name of NAMES) {
    const files = readFolder(join(WEIGHTS, name));
    const { sha256, bytes, bits, command } = runs[name] as Run;
    same(command, `npm run pretrain -- ${name}`, `${name}: the command that the demo's page names`);
    same(digestFiles(files), sha256, `${name}: npm run pretrain writes weights and runs.json`);
    all += bytes;
    const record = recordOf(files);
    same([record.model, record.bits], [name, bits], `${name}: pretraining.json`);
    check(Object.values(record.metrics).every(Number.isFinite), `${name}: metrics`);
    const load = { bert: loadBert, gpt: loadGpt, clip: loadClip, mae: loadMae }[name];
    const model = load(files);
    const size = [...model.parameters().values()].reduce(
      (sum, parameter) => sum + parameter.size,
      0,
    );
    same(size, record.parameters, `${name}: parameters`);
    model.dispose();
  }
  check(all <= MAX_BYTES, `all weights are ${all} bytes, at most ${MAX_BYTES}`);
});

function recordOf(files: Files): PretrainingRecord {
  return JSON.parse(new TextDecoder().decode(files.get('pretraining.json')));
}

const TEXT = 'near and far, far and near; what is near is not far. '.repeat(40);

/** A recipe that takes a moment. */
const SMALL: Recipe<string> = {
  name: 'small',
  training: { steps: 12, batchSize: 4 },
  prepare(seed) {
    manualSeed(seed);
    const model = new GPT(TEXT, { layers: 1, heads: 2, width: 16, context: 16, dropout: 0.1 });
    return {
      model,
      data: TEXT,
      description: 'a text',
      metric: 'valLoss',
      unit: { name: 'characters', perStep: 64 },
      validate: () => model.evaluate(TEXT),
      files: () => saveGpt(model),
      measure(files) {
        const stored = loadGpt(files);
        const valLoss = stored.evaluate(TEXT);
        stored.dispose();
        return { valLoss };
      },
    };
  },
};

test('a run is the same bytes whenever it is made, and where it is stopped and resumed', async () => {
  const whole = await pretrain(SMALL, { seed: 3, cache: temporaryFolder('pretrain') });
  const cache = temporaryFolder('pretrain');
  for (const at of [1, 5, 8]) {
    const stop = new AbortController();
    const stopped = await pretrain(SMALL, {
      ...{ seed: 3, cache, signal: stop.signal },
      onStep: (step) => {
        if (step === at - 1) stop.abort();
      },
    });
    if (at > 1) same(stopped, undefined, `stopped at ${at}`);
    if (stopped !== undefined) break;
  }
  const resumed = await pretrain(SMALL, { seed: 3, cache });
  check(whole !== undefined && resumed !== undefined, 'both ended');
  same(digestFiles(resumed.files), digestFiles(whole.files), 'bytes');
  const { losses, validation, metrics } = recordOf(whole.files);
  check(losses.length > 0 && (validation.at(-1)?.[0] as number) === 12, 'curves');
  check((metrics.valLoss as number) < (validation[0]?.[1] as number), 'it has learned');
  const other = await pretrain(SMALL, { seed: 4, cache });
  check(other !== undefined && digestFiles(other.files) !== digestFiles(whole.files), 'seed 4');
});

test('float16: all halves and back, the nearest in between, ties to even', () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, i) => i).filter(
    (bits) => ((bits >> 10) & 31) !== 31,
  );
  const values = decodeFloat16(halves);
  same(encodeFloat16(values), halves, 'exact numbers');
  for (let i = 0; i < 0x7bff; i++) {
    const [low, high] = [decodeFloat16(Uint16Array.of(i)), decodeFloat16(Uint16Array.of(i + 1))];
    const between = Float32Array.from([0.5, 0.25, 0.75], (part) => {
      return (low[0] as number) + part * ((high[0] as number) - (low[0] as number));
    });
    const even = i % 2 === 0 ? i : i + 1;
    const got = encodeFloat16(between);
    check(got[0] === even && got[1] === i && got[2] === i + 1, `between ${i} and ${i + 1}: ${got}`);
  }
  throws(() => encodeFloat16(Float32Array.of(65520)), RangeError, /float16 has no 65520/);
  throws(() => encodeFloat16(Float32Array.of(Number.NaN)), RangeError, /NaN/);
});
