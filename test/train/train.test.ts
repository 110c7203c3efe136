/** The training loop: its options, the weights of accumulated parts, states and divergence. */

import { BERT, DivergedError, GPT, type TrainState, type TrainStep, train } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { check, close, same, sameBits, suite } from '../harness.js';

const test = suite('train');

const TEXT = 'near and far, far and near, nearer and farther. '.repeat(8);
const SIZES = { layers: 1, heads: 1, width: 8, context: 8, dropout: 0 };

function gpt(): GPT {
  manualSeed(2);
  return new GPT(TEXT, SIZES);
}

async function run(options: object, model = gpt()): Promise<TrainStep[]> {
  const steps: TrainStep[] = [];
  for await (const step of train(model, TEXT, { steps: 4, batchSize: 2, ...options })) {
    steps.push(step);
  }
  return steps;
}

async function refused(options: object, kind: typeof Error, message: RegExp): Promise<void> {
  try {
    await run(options);
  } catch (error) {
    check(error instanceof kind, `${error} is not a ${kind.name}`);
    check(message.test((error as Error).message), `${error}`);
    return;
  }
  check(false, `${JSON.stringify(options)} was not refused`);
}

test('unknown options and wrong values are refused by name', async () => {
  await refused({ lr: 0.1 }, TypeError, /^train: unknown option "lr"; it has steps, .*batchSize/);
  await refused({ batch: 4 }, TypeError, /unknown option "batch"/);
  await refused({ resume: {} }, TypeError, /unknown option "resume"/);
  await refused({ steps: 0 }, RangeError, /train: steps must be/);
  await refused({ steps: '4' }, TypeError, /train: steps must be/);
  await refused({ batchSize: 1.5 }, RangeError, /batchSize/);
  await refused({ learningRate: 0 }, RangeError, /learningRate/);
  await refused({ warmup: 5 }, RangeError, /warmup/);
  await refused({ weightDecay: -1 }, RangeError, /weightDecay/);
  await refused({ betas: [0.9] }, RangeError, /betas/);
  await refused({ schedule: 'step' }, RangeError, /schedule/);
  await refused({ seed: -1 }, RangeError, /seed/);
  await refused({ seed: null }, TypeError, /seed/);
  await refused({ evalEvery: 0 }, RangeError, /evalEvery/);
  await refused({ signal: {} }, TypeError, /signal/);
  await refused({ state: {} }, TypeError, /state/);
});

test('a warm-up that was asked for is kept, a default one is at most a tenth of the run', async () => {
  const rates = async (options: object): Promise<number[]> =>
    (await run({ steps: 20, learningRate: 1, gradClip: 1e-6, ...options })).map(
      (step) => step.learningRate,
    );
  const asked = await rates({ warmup: 10 });
  close(
    asked.slice(0, 10),
    Array.from({ length: 10 }, (_, i) => (i + 1) / 11),
    { rtol: 1e-6 },
  );
  close((await rates({})).slice(0, 3), [1 / 3, 2 / 3, 1], { rtol: 1e-6 });
});

test('evalEvery evaluates the model, by its own data or other data, and changes no bit', async () => {
  const [plain, evaluated] = [gpt(), gpt()];
  await run({}, plain);
  const steps = await run({ evalEvery: 2 }, evaluated);
  same(
    steps.map(({ evaluation }) => typeof evaluation),
    ['undefined', 'number', 'undefined', 'number'],
  );
  same(steps[3]?.evaluation, evaluated.evaluate(TEXT));
  sameBits(evaluated.tokenEmbeddings.toArray(), plain.tokenEmbeddings.toArray());
  const model = gpt();
  const [, , , last] = await run({ evalEvery: 4, evalData: 'nearer' }, model);
  same(last?.evaluation, model.evaluate('nearer'));
});

test("accumulated parts of BERT's batch have the gradient of the whole, by hidden tokens", async () => {
  const texts = ['near', 'far and far and near and farther and nearer', 'nearer', 'farther, far'];
  const norms: number[] = [];
  for (const accumulate of [1, 2, 4, 8]) {
    manualSeed(1);
    const bert = new BERT(texts, { ...SIZES, context: 16 });
    const options = { steps: 1, batchSize: 8 / accumulate, accumulate, seed: 3 };
    for await (const { loss, gradNorm } of train(bert, texts, options)) norms.push(loss, gradNorm);
    bert.dispose();
  }
  const whole = norms.slice(0, 2);
  for (let i = 2; i < norms.length; i += 2) close(norms.slice(i, i + 2), whole, { rtol: 1e-5 });
});

test('a state holds step, seed and optimizer, and refuses another seed', async () => {
  let state: TrainState | undefined;
  const model = gpt();
  for await (const step of train(model, TEXT, { steps: 4, batchSize: 2, seed: 7 })) {
    state = step.state();
    same(Object.keys(state).sort(), ['optimizer', 'seed', 'step']);
    same([state.step, state.seed], [step.step, 7]);
    await refused({ state, seed: 8 }, RangeError, /train: seed must be 7, the seed of the state/);
    break;
  }
});

test('weights that become infinite are found in the step that made them', async () => {
  for (const learningRate of [1e38, 3e38]) {
    const seen: number[] = [];
    try {
      for await (const { step } of train(gpt(), TEXT, {
        ...{ steps: 10, batchSize: 2, warmup: 0, weightDecay: 0, learningRate },
      })) {
        seen.push(step);
      }
      check(false, 'it did not diverge');
    } catch (error) {
      check(error instanceof DivergedError, String(error));
      same(
        [(error as Error).name, (error as DivergedError).constructor.name],
        ['DivergedError', 'DivergedError'],
      );
      check(seen.length <= 1, `found after ${seen.length} steps`);
    }
  }
});
