/** Parts of the command line by themselves: the layer's gradient, files, the judge of embeddings. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type * as ConvolutionModule from '../../src/cli/chapter/convolution.js';
import type * as NeighboursModule from '../../src/cli/chapter/neighbours.js';
import { IdxError, readIdx } from '../../src/data/idx.js';
import { Random } from '../../src/random.js';
import { check, close, same, suite } from '../harness.js';
import { load } from './load.js';

const test = suite('cli parts');

test('the convolution’s gradient is that of finite differences', async () => {
  const { Convolution } = await load<typeof ConvolutionModule>('src/cli/chapter/convolution.ts');
  const random = new Random(5);
  const shape = { side: 7, channels: 2, kernel: 3, stride: 2, outputs: 3, relu: true };
  const layer = new Convolution(shape, random);
  for (let i = 0; i < layer.bias.length; i++) layer.bias[i] = random.uniform(-0.2, 0.2);
  const samples = 2;
  const draw = (length: number): Float32Array =>
    Float32Array.from({ length }, () => random.uniform(-1, 1));
  const x = draw(samples * shape.side * shape.side * shape.channels);
  const weight = draw(layer.forward(x, samples).length);
  // A sum of outputs, each with a weight of its own: its gradient by the outputs is the weights.
  const sum = (): number =>
    layer.forward(x, samples).reduce((total, y, i) => total + y * (weight[i] as number), 0);
  sum();
  const dx = layer.backward(weight.slice(), false);
  const gradients: [string, Float32Array, Float32Array][] = [
    ['weights', layer.weights, layer.weightGradient.slice()],
    ['bias', layer.bias, layer.biasGradient.slice()],
    ['input', x, dx],
  ];
  for (const [what, values, gradient] of gradients) {
    const step = 2 ** -9;
    const expected = Array.from(values, (value, i) => {
      values[i] = value + step;
      const above = sum();
      values[i] = value - step;
      const below = sum();
      values[i] = value;
      return (above - below) / (2 * step);
    });
    // A ReLU that switches within the step would show as more.
    close(gradient, expected, { rtol: 1e-3, atol: 2e-3, what });
  }
});

test('the judge counts nearest labelled neighbours', async () => {
  const { accuracyByLabels } = await load<typeof NeighboursModule>('src/cli/chapter/neighbours.ts');
  const rows = (data: number[]) => ({
    data: Float32Array.from(data),
    rows: data.length / 2,
    cols: 2,
  });
  const known = rows([1, 0, 2, 0.1, 0, 1, 0.1, 2]);
  const heldOut = rows([3, 1, 1, 3, 1, 2, 5, 1]);
  const judged = accuracyByLabels({ known, heldOut }, [0, 0, 1, 1], [0, 1, 0, 0], [1, 2, 50], 1);
  same(
    judged.map(({ labelsPerClass, mean, range }) => [labelsPerClass, mean, range]),
    [
      [1, 0.75, [0.75, 0.75]],
      [2, 0.75, [0.75, 0.75]],
    ],
  );
});

test('the packed digits are 3,000, balanced, with their licence', () => {
  const read = (name: string) =>
    readIdx(gunzipSync(readFileSync(`dist/samples/digits/digits-${name}-ubyte.gz`)));
  const images = read('images-idx3');
  const labels = read('labels-idx1');
  same(images.shape, [3000, 28, 28]);
  same(labels.shape, [3000]);
  same(
    [...labels.data],
    Array.from({ length: 3000 }, (_, row) => row % 10),
  );
  check(images.data.includes(255), 'no pixel is white');
  const licence = readFileSync('dist/samples/digits/LICENSE.txt', 'utf8');
  check(/MNIST/.test(licence) && /MIT License/.test(licence), 'the licence is not there');
});

test('what is no IDX file is refused', () => {
  const good = [0, 0, 8, 1, 0, 0, 0, 2, 5, 6];
  same([...readIdx(Uint8Array.from(good)).data], [5, 6]);
  for (const bad of [[], [0, 0, 8], [...good, 7], good.slice(0, -1), [1, ...good.slice(1)]]) {
    let error: unknown;
    try {
      readIdx(Uint8Array.from(bad));
    } catch (thrown) {
      error = thrown;
    }
    check(error instanceof IdxError, `${JSON.stringify(bad)}: ${String(error)}`);
  }
});
