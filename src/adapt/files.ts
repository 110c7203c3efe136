/** Files of an adapter: its own, and the Dense module of sentence-transformers. */

import {
  openSafetensors,
  readArray,
  type ShapedArray,
  writeSafetensors,
} from '../core/safetensors.js';
import { isBytes, typeError } from '../core/validation.js';
import {
  type AdapterShape,
  hasProjection,
  MAX_WIDTH,
  parameterShapes,
  SIDES,
  type Weights,
} from './shape.js';

/** Value of `nearfar` in the metadata of an adapter's file. */
const FORMAT = 'adapter 1';

/** Writes an adapter. */
export function writeAdapter(
  { inputWidth, outputWidth, rank, hidden, side, bias }: AdapterShape,
  weights: Weights | undefined,
): Uint8Array {
  const config = { inputWidth, outputWidth, rank, hidden, side, bias };
  return writeSafetensors(weights ?? new Map(), {
    nearfar: FORMAT,
    config: JSON.stringify(config),
  });
}

/** Reads an adapter; weights are undefined for one that has not been trained. */
export function readAdapter(
  name: string,
  bytes: unknown,
): { shape: AdapterShape; weights: Weights | undefined } {
  if (!isBytes(bytes)) typeError(name, 'bytes', 'a Uint8Array', bytes);
  const { arrays, metadata } = openSafetensors(name, bytes);
  if (metadata.nearfar !== FORMAT || metadata.config === undefined) {
    throw new RangeError(`${name}: bytes must be the file of an adapter, and its metadata is not`);
  }
  const shape = readConfig(name, metadata.config);
  if (arrays.size === 0) return { shape, weights: undefined };
  const expected = parameterShapes(shape);
  if (hasProjection(shape)) expected.set('projection', [shape.inputWidth, shape.outputWidth]);
  const fail = (problem: string): never => {
    throw new RangeError(`${name}: bytes must be the file of an adapter, and ${problem}`);
  };
  for (const key of arrays.keys()) {
    if (!expected.has(key)) fail(`it holds ${JSON.stringify(key.slice(0, 80))}`);
  }
  const weights = new Map<string, ShapedArray>();
  for (const [key, sizes] of expected) {
    const array = arrays.get(key);
    if (array === undefined) return fail(`it lacks ${key}`);
    if (array.shape.length !== sizes.length || sizes.some((size, i) => array.shape[i] !== size)) {
      fail(`${key} has the shape [${array.shape.join(', ')}] instead of [${sizes.join(', ')}]`);
    }
    weights.set(key, readArray(name, key, array));
  }
  return { shape, weights };
}

function readConfig(name: string, text: string): AdapterShape {
  const fail = (problem: string): never => {
    throw new RangeError(
      `${name}: bytes must be the file of an adapter, and its config ${problem}`,
    );
  };
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    fail('is not valid JSON');
  }
  const fields = new Map(Object.entries((config ?? {}) as object));
  const width = (key: string): number | undefined => {
    const value: unknown = fields.get(key);
    if (value === undefined) return undefined;
    if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_WIDTH) {
      return value as number;
    }
    return fail(`has a ${key} that is not a whole number from 1 to ${MAX_WIDTH}`);
  };
  const [side, bias] = [fields.get('side'), fields.get('bias')];
  const [inputWidth, outputWidth] = [width('inputWidth'), width('outputWidth')];
  const [rank, hidden] = [width('rank'), width('hidden')];
  if (inputWidth === undefined || outputWidth === undefined) return fail('lacks its widths');
  if (!SIDES.includes(side) || typeof bias !== 'boolean') return fail('lacks side or bias');
  if (rank !== undefined && hidden !== undefined) return fail('has both rank and hidden');
  if (side === 'query' && inputWidth !== outputWidth) return fail('narrows queries alone');
  return { inputWidth, outputWidth, rank, hidden, side, bias };
}

/**
 * Writes a Dense module without an activation.
 *
 * @param matrix (in, out)
 */
export function writeDense(
  { data, shape }: ShapedArray,
  bias: Float32Array | undefined,
): Map<string, Uint8Array> {
  const [inputs = 0, outputs = 0] = shape;
  const weight = new Float32Array(data.length);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) weight[o * inputs + i] = data[i * outputs + o] as number;
  }
  const arrays = new Map<string, ShapedArray>([
    ['linear.weight', { data: weight, shape: [outputs, inputs] }],
  ]);
  if (bias !== undefined) arrays.set('linear.bias', { data: bias, shape: [outputs] });
  const config = {
    in_features: inputs,
    out_features: outputs,
    bias: bias !== undefined,
    activation_function: 'torch.nn.modules.linear.Identity',
  };
  return new Map([
    ['config.json', new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`)],
    ['model.safetensors', writeSafetensors(arrays, {})],
  ]);
}
