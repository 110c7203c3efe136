/**
 * The network of the digits: two convolutions with ReLU and a linear layer, 28 × 28 pixels in, 64
 * numbers out, 23,000 weights.
 */

import type { Matrix } from '../../index.js';
import { Random } from '../../random.js';
import { PIXELS } from './augment.js';
import { Convolution } from './convolution.js';

export const WIDTH = 64;
/** Pictures encoded at a time where no gradient is wanted. */
const CHUNK = 250;
const WEIGHTS = 3;

export class Encoder {
  readonly #layers: readonly Convolution[];

  constructor(seed: number) {
    const random = new Random(seed, WEIGHTS);
    const relu = { stride: 2, kernel: 5, relu: true };
    this.#layers = [
      new Convolution({ ...relu, side: 28, channels: 1, outputs: 8 }, random),
      new Convolution({ ...relu, side: 12, channels: 8, outputs: 32 }, random),
      new Convolution(
        { side: 4, channels: 32, kernel: 4, stride: 1, outputs: WIDTH, relu: false },
        random,
      ),
    ];
  }

  get parameters(): Float32Array[] {
    return this.#layers.flatMap(({ weights, bias }) => [weights, bias]);
  }

  /** Gradients of the parameters, in their order, as the last `backward` left them. */
  get gradients(): Float32Array[] {
    return this.#layers.flatMap((layer) => [layer.weightGradient, layer.biasGradient]);
  }

  /** @param pictures (samples, 28, 28) → (samples, 64) */
  forward(pictures: Float32Array): Matrix {
    const samples = pictures.length / PIXELS;
    let x = pictures;
    for (const layer of this.#layers) x = layer.forward(x, samples);
    return { data: x, rows: samples, cols: WIDTH };
  }

  /** Takes the gradient of the last `forward`'s result to all parameters. */
  backward(gradient: Float32Array): void {
    let d = gradient;
    for (const layer of [...this.#layers].reverse())
      d = layer.backward(d, layer === this.#layers[0]);
  }

  /** Encodes any number of pictures. */
  encode(pictures: Float32Array): Matrix {
    const rows = pictures.length / PIXELS;
    const data = new Float32Array(rows * WIDTH);
    for (let row = 0; row < rows; row += CHUNK) {
      const end = Math.min(rows, row + CHUNK);
      data.set(this.forward(pictures.subarray(row * PIXELS, end * PIXELS)).data, row * WIDTH);
    }
    return { data, rows, cols: WIDTH };
  }
}
