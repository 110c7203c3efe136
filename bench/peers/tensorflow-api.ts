/** The part of TensorFlow.js that is used here. */

import type { Outputs } from '../operations/operation.js';

export interface TfTensor {
  rank: number;
  data(): Promise<Float32Array>;
  add(more: TfTensor | number): TfTensor;
  sub(less: TfTensor | number): TfTensor;
  mul(by: TfTensor | number): TfTensor;
  div(by: TfTensor | number): TfTensor;
  square(): TfTensor;
  sqrt(): TfTensor;
  rsqrt(): TfTensor;
  erf(): TfTensor;
  sum(axis?: number, keepDims?: boolean): TfTensor;
  mean(): TfTensor;
  logSumExp(axis: number): TfTensor;
  reshape(shape: number[]): TfTensor;
  transpose(order?: number[]): TfTensor;
  toFloat(): TfTensor;
  dispose(): void;
}
export interface TfVariable extends TfTensor {
  assign(value: TfTensor): void;
}
type TfGradients = Record<string, TfTensor>;
export type Product = (a: TfTensor, b: TfTensor) => TfTensor;
export interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: Float32Array, shape: number[]): TfTensor;
  tensor1d(data: number[], type: 'int32'): TfTensor;
  variable(value: TfTensor): TfVariable;
  ones(shape: number[]): TfTensor;
  oneHot(indices: TfTensor, depth: number): TfTensor;
  matMul(a: TfTensor, b: TfTensor, ta?: boolean, tb?: boolean): TfTensor;
  softmax(x: TfTensor): TfTensor;
  moments(x: TfTensor, axis: number, keepDims: boolean): { mean: TfTensor; variance: TfTensor };
  split(x: TfTensor, parts: number, axis: number): TfTensor[];
  addN(parts: TfTensor[]): TfTensor;
  div(a: number, b: TfTensor): TfTensor;
  minimum(a: TfTensor, b: number): TfTensor;
  linalg: { bandPart(a: TfTensor, below: number, above: number): TfTensor };
  losses: { softmaxCrossEntropy(labels: TfTensor, logits: TfTensor): TfTensor };
  train: {
    adam(rate: number, beta1: number, beta2: number, eps: number): TfAdam;
  };
  valueAndGrad(f: (x: TfTensor) => TfTensor): (x: TfTensor) => { value: TfTensor; grad: TfTensor };
  variableGrads(f: () => TfTensor): { value: TfTensor; grads: TfGradients };
  customGrad(
    f: (
      a: TfTensor,
      b: TfTensor,
      save: (tensors: TfTensor[]) => void,
    ) => {
      value: TfTensor;
      gradFunc: (dy: TfTensor, saved: [TfTensor, TfTensor]) => TfTensor[];
    },
  ): Product;
  tidy<T>(body: () => T): T;
}
interface TfAdam {
  learningRate: number;
  applyGradients(grads: TfGradients): void;
}

/** Reads the result of an operation and frees it. */
export async function read(name: string, y: TfTensor): Promise<Outputs> {
  const data = await y.data();
  y.dispose();
  return { [name]: data };
}
