/**
 * A convolution with its gradient, as a product of matrices: the patches that the kernel sees are
 * laid out as rows (`unfold`), and nearfar's `matmul` does the rest. A kernel as large as its
 * picture is a fully connected layer.
 */

import { type Matrix, matmul } from '../../index.js';
import type { Random } from '../../random.js';

export interface ConvolutionShape {
  /** Side of the square input, in pixels. */
  side: number;
  channels: number;
  /** Side of the kernel. */
  kernel: number;
  stride: number;
  /** Channels of the output. */
  outputs: number;
  /** Whether negative outputs become 0. */
  relu: boolean;
}

export class Convolution {
  readonly shape: ConvolutionShape;
  /** Side of the square output. */
  readonly outputSide: number;
  /** (kernel · kernel · channels, outputs) */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly weightGradient: Float32Array;
  readonly biasGradient: Float32Array;
  #patches: Matrix = { data: new Float32Array(0), rows: 0, cols: 0 };
  #output: Float32Array = new Float32Array(0);

  /** Uniform weights of the variance that keeps activations of the same size (He et al., 2015). */
  constructor(shape: ConvolutionShape, random: Random) {
    this.shape = shape;
    this.outputSide = Math.floor((shape.side - shape.kernel) / shape.stride) + 1;
    const fan = shape.kernel * shape.kernel * shape.channels;
    const reach = Math.sqrt((shape.relu ? 6 : 3) / fan);
    this.weights = new Float32Array(fan * shape.outputs).map(() => random.uniform(-reach, reach));
    this.bias = new Float32Array(shape.outputs);
    this.weightGradient = new Float32Array(this.weights.length);
    this.biasGradient = new Float32Array(this.bias.length);
  }

  #weightMatrix(): Matrix {
    const { outputs } = this.shape;
    return { data: this.weights, rows: this.weights.length / outputs, cols: outputs };
  }

  /** @param x (samples, side, side, channels) → (samples, outputSide, outputSide, outputs) */
  forward(x: Float32Array, samples: number): Float32Array {
    const { outputs, relu } = this.shape;
    this.#patches = this.#unfold(x, samples);
    const y = matmul(this.#patches, this.#weightMatrix()).data;
    for (let row = 0; row < y.length; row += outputs) {
      for (let channel = 0; channel < outputs; channel++) {
        const value = (y[row + channel] as number) + (this.bias[channel] as number);
        y[row + channel] = relu && value < 0 ? 0 : value;
      }
    }
    this.#output = y;
    return y;
  }

  /**
   * Sets the gradients of weights and bias from that of the output, and returns that of the input.
   * The first layer has no use for its input's and saves the work.
   */
  backward(dy: Float32Array, first: boolean): Float32Array {
    const { outputs, relu } = this.shape;
    this.biasGradient.fill(0);
    for (let row = 0; row < dy.length; row += outputs) {
      for (let channel = 0; channel < outputs; channel++) {
        const i = row + channel;
        if (relu && this.#output[i] === 0) dy[i] = 0;
        this.biasGradient[channel] = (this.biasGradient[channel] as number) + (dy[i] as number);
      }
    }
    const d: Matrix = { data: dy, rows: dy.length / outputs, cols: outputs };
    this.weightGradient.set(matmul(this.#patches, d, { transposeA: true }).data);
    if (first) return new Float32Array(0);
    return this.#fold(matmul(d, this.#weightMatrix(), { transposeB: true }).data);
  }

  /** The patches under the kernel, a row each: (samples · outputSide², kernel² · channels). */
  #unfold(x: Float32Array, samples: number): Matrix {
    const { kernel, channels } = this.shape;
    const cols = kernel * kernel * channels;
    const rows = samples * this.outputSide * this.outputSide;
    const data = new Float32Array(rows * cols);
    this.#eachRun(samples, (patch, input, length) => {
      for (let i = 0; i < length; i++) data[patch + i] = x[input + i] as number;
    });
    return { data, rows, cols };
  }

  /** The reverse of `unfold`: what several patches share is added up. */
  #fold(patches: Float32Array): Float32Array {
    const { side, channels } = this.shape;
    const samples = this.#patches.rows / (this.outputSide * this.outputSide);
    const x = new Float32Array(samples * side * side * channels);
    this.#eachRun(samples, (patch, input, length) => {
      for (let i = 0; i < length; i++) {
        x[input + i] = (x[input + i] as number) + (patches[patch + i] as number);
      }
    });
    return x;
  }

  /** Calls back for each line of each patch: where it starts among patches and in the input. */
  #eachRun(samples: number, run: (patch: number, input: number, length: number) => void): void {
    const { side, channels, kernel, stride } = this.shape;
    const length = kernel * channels;
    let patch = 0;
    for (let sample = 0; sample < samples; sample++) {
      for (let y = 0; y < this.outputSide; y++) {
        for (let x = 0; x < this.outputSide; x++) {
          for (let line = 0; line < kernel; line++) {
            const row = (sample * side + y * stride + line) * side + x * stride;
            run(patch, row * channels, length);
            patch += length;
          }
        }
      }
    }
  }
}
