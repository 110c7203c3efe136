/** GPT and its training loop: cache, files, resuming, stopping, the event loop's turns. */

import { GPT, loadGpt, saveGpt, type TrainState, train } from 'nearfar/models';
import { loadSafetensors, manualSeed, noGrad, saveSafetensors, tidy } from 'nearfar/nn';
import { check, same, sameBits, suite, throws } from '../harness.js';

const test = suite('gpt');
const TEXT = 'near and far, far and near, nearer and farther. '.repeat(20);
const SMALL = { layers: 2, heads: 2, width: 16, context: 16 };

function small(dropout = 0): GPT {
  manualSeed(3);
  return new GPT(TEXT, { ...SMALL, dropout });
}

function weights(gpt: GPT): Float32Array {
  return Float32Array.from([...gpt.stateDict().values()].flatMap((part) => [...part.data]));
}

test('greedy generation with the cache picks what the whole pass picks', () => {
  const gpt = small();
  const prompt = 'near ';
  const text = gpt.generate(prompt, { maxNewTokens: 10, topK: 1 });
  let ids = gpt.tokenizer.encode(prompt);
  for (let n = 0; n < 10; n++) {
    const logits = tidy(() => noGrad(() => gpt.forward(ids).toArray()));
    const last = logits.slice(-gpt.tokenizer.size);
    ids = [...ids, last.indexOf(Math.max(...last))];
  }
  same(text, gpt.tokenizer.decode(ids.slice(prompt.length)));
  same(gpt.generate(prompt, { maxNewTokens: 60, seed: 4 }).length, 60, 'past the context');
  same(
    [...gpt.generateStream(prompt, { maxNewTokens: 20, seed: 4 })].join(''),
    gpt.generate(prompt, { maxNewTokens: 20, seed: 4 }),
  );
  gpt.dispose();
});

test('ids that are not tokens, and a temperature past the range of f32, are refused', () => {
  const gpt = small();
  for (const data of [
    [1.5, 2],
    ['a', 'b'],
    [-1, 0],
  ]) {
    throws(() => gpt.evaluate(data as number[]), Error, /^evaluate: data\[\d\] must be/);
  }
  throws(() => gpt.generate('n', { temperature: 1e-39 }), RangeError, /temperature must be/);
});

test('the files give the same model again', () => {
  const gpt = small();
  const files = saveGpt(gpt);
  const again = loadGpt(files);
  sameBits(weights(again), weights(gpt));
  same(again.generate('near', { seed: 1 }), gpt.generate('near', { seed: 1 }));
  files.delete('model.safetensors');
  throws(() => loadGpt(files), RangeError, 'loadGpt: files must hold model.safetensors');
});

test('each pass sees every part of the text once, cut at other offsets than the last', () => {
  const gpt = small();
  for (const length of [17, 32, 33, 48, 200, 333]) {
    const ids = Array.from({ length }, (_, i) => i);
    const { context } = gpt.config;
    const at = gpt.batches(ids, { batchSize: 3, seed: 5 });
    const windows = Math.max(1, Math.floor((length - context) / context));
    const starts = Array.from({ length: 4 * windows }, (_, step) => at(step)).flatMap((batch) => {
      same([batch.inputs.length, batch.targets.length], [3 * context, 3 * context]);
      return [0, 1, 2].map((b) => {
        const own = batch.inputs.subarray(b * context, (b + 1) * context);
        const first = own[0] as number;
        own.forEach((id, i) => void same(id, first + i, 'a window is a part of the text'));
        same(batch.targets[(b + 1) * context - 1], first + context, 'the token after it');
        return first;
      });
    });
    const shifts = new Set<number>();
    for (let pass = 0; pass < 12; pass++) {
      const own = starts.slice(pass * windows, (pass + 1) * windows).sort((a, b) => a - b);
      shifts.add(own[0] as number);
      own.forEach((start, i) => void same(start, (own[0] as number) + i * context, `${length}`));
      check((own[0] as number) < context, 'no more than a window is left out before the first');
      check((own.at(-1) as number) + context < length, 'the last one has a token after it');
    }
    check(length === 17 || shifts.size > 3, `${length}: always cut at the same offsets`);
  }
  gpt.dispose();
});

test('a run that goes on from a state has the bits of one that was never stopped', async () => {
  const options = { steps: 12, batchSize: 3, seed: 9 };
  const whole = small(0.1);
  for await (const _ of train(whole, TEXT, options));
  const first = small(0.1);
  let state: TrainState | undefined;
  for await (const step of train(first, TEXT, options)) {
    if (step.step < 7) continue;
    const { optimizer, ...rest } = step.state();
    state = { ...rest, optimizer: loadSafetensors(saveSafetensors(optimizer)) };
    break;
  }
  check(state !== undefined, 'no state was given');
  for await (const _ of train(first, TEXT, { ...options, state }));
  sameBits(weights(first), weights(whole));
});

test('a timer ticks between steps, and a signal stops training', async () => {
  const abort = new AbortController();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 0);
  let steps = 0;
  for await (const { step } of train(small(), TEXT, {
    steps: 50,
    batchSize: 2,
    signal: abort.signal,
  })) {
    steps = step;
    if (step === 20) abort.abort();
  }
  clearInterval(timer);
  same(steps, 20, 'steps');
  check(ticks >= 5, `${ticks} ticks in 20 steps`);
});

test('the loss falls, and falls to the same bits for the same seed', async () => {
  const run = async (): Promise<number[]> => {
    const losses: number[] = [];
    for await (const { loss } of train(small(), TEXT, {
      steps: 60,
      batchSize: 4,
      learningRate: 0.01,
    })) {
      losses.push(loss);
    }
    return losses;
  };
  const losses = await run();
  check((losses.at(-1) as number) < 0.7 * (losses[0] as number), `losses: ${losses}`);
  same(await run(), losses);
});
