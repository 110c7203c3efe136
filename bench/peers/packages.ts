/**
 * Libraries from npm, of a package of their own (package.json beside this file), installed when they
 * are first asked for: TensorFlow.js on WebAssembly and onnxruntime-web.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Numbers, Outputs } from '../operations/operation.js';
import { localPeer, type Missing, type Operations, type Peer } from './peer.js';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);

function install(): void {
  // npm writes the hidden lock file last: without it an earlier install was cut off.
  if (existsSync(`${FOLDER}node_modules/.package-lock.json`)) return;
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  execFileSync('npm', ['ci', ...quiet], {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
}

function version(name: string): string {
  return JSON.parse(readFileSync(`${FOLDER}node_modules/${name}/package.json`, 'utf8')).version;
}

/** The part of TensorFlow.js that is used here. */
interface TfTensor {
  data(): Promise<Float32Array>;
  div(by: TfTensor | number): TfTensor;
  mul(by: TfTensor | number): TfTensor;
  sub(less: TfTensor): TfTensor;
  add(more: TfTensor): TfTensor;
  square(): TfTensor;
  sum(axis?: number, keepDims?: boolean): TfTensor;
  sqrt(): TfTensor;
  logSumExp(axis: number): TfTensor;
  mean(): TfTensor;
  dispose(): void;
}
interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor2d(data: Float32Array, shape: [number, number]): TfTensor;
  matMul(a: TfTensor, b: TfTensor, ta?: boolean, tb?: boolean): TfTensor;
  softmax(x: TfTensor): TfTensor;
  valueAndGrad(f: (x: TfTensor) => TfTensor): (x: TfTensor) => { value: TfTensor; grad: TfTensor };
  tidy<T>(body: () => T): T;
}

function tfOperations(tf: Tf): Operations {
  const put = ({ data, rows, cols }: Numbers): TfTensor =>
    tf.tensor2d(Float32Array.from(data), [rows, cols]);
  const read = async (name: string, y: TfTensor): Promise<Outputs> => {
    const data = await y.data();
    y.dispose();
    return { [name]: data };
  };
  const product = (name: string, transposeA: boolean, transposeB: boolean) => {
    return (inputs: Record<string, Numbers>) => {
      const [a, b] = [put(inputs.a as Numbers), put(inputs.b as Numbers)];
      return () => read(name, tf.matMul(a, b, transposeA, transposeB));
    };
  };
  return {
    matmul: product('product', false, false),
    'matmul transposeA': product('product', true, false),
    'matmul transposeB': product('product', false, true),
    dotMatrix: product('matrix', false, true),
    softmax: (inputs) => {
      const x = put(inputs.x as Numbers);
      return () => read('softmax', tf.softmax(x));
    },
    'ntXent temperature 0.5, gradient': ({ z }) => {
      const { rows } = z as Numbers;
      const x = put(z as Numbers);
      // 1 on the diagonal, which is left out, and where the positives stand.
      const mask = (at: (row: number) => number): TfTensor => {
        const data = new Float32Array(rows * rows);
        for (let r = 0; r < rows; r++) data[r * rows + at(r)] = 1;
        return tf.tensor2d(data, [rows, rows]);
      };
      const itself = mask((r) => r).mul(1e9);
      const positive = mask((r) => (r + rows / 2) % rows);
      const loss = tf.valueAndGrad((rowsOfZ) => {
        const unit = rowsOfZ.div(rowsOfZ.square().sum(1, true).sqrt());
        const logits = tf.matMul(unit, unit, false, true).div(0.5);
        return logits.sub(itself).logSumExp(1).sub(logits.mul(positive).sum(1)).mean();
      });
      return async () => {
        const { value, grad } = tf.tidy(() => loss(x));
        const outputs = { ...(await read('loss', value)), ...(await read('z', grad)) };
        return outputs;
      };
    },
  };
}

async function tfPeer(): Promise<Peer> {
  const tf: Tf = require('@tensorflow/tfjs');
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${FOLDER}node_modules/@tensorflow/tfjs-backend-wasm/dist/`);
  wasm.setThreadsCount?.(1);
  await tf.setBackend('wasm');
  await tf.ready();
  return localPeer(`tfjs-wasm ${version('@tensorflow/tfjs')}`, tfOperations(tf));
}

/** The part of onnxruntime-web that is used here. */
interface Ort {
  env: { wasm: { numThreads: number; wasmPaths?: string } };
  Tensor: new (type: 'float32', data: Float32Array, dims: number[]) => { data: Float32Array };
  InferenceSession: {
    create(model: Uint8Array): Promise<{
      run(feeds: object): Promise<Record<string, { data: Float32Array }>>;
    }>;
  };
}

/** A field of a protobuf message: bytes, text or a whole number. */
function field(number: number, value: Uint8Array | string | number): Uint8Array {
  const varint = (n: number): number[] => (n < 128 ? [n] : [(n % 128) + 128, ...varint(n >> 7)]);
  if (typeof value === 'number') return Uint8Array.from([...varint(number * 8), ...varint(value)]);
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return Uint8Array.from([...varint(number * 8 + 2), ...varint(bytes.length), ...bytes]);
}

const message = (...fields: Uint8Array[]): Uint8Array =>
  Uint8Array.from(fields.flatMap((bytes) => [...bytes]));

/** An ONNX model of one product: c = a b. */
function productModel(): Uint8Array {
  const value = (name: string, rows: string, cols: string): Uint8Array => {
    const shape = message(...[rows, cols].map((dim) => field(1, field(2, dim))));
    const type = field(1, message(field(1, 1), field(2, shape)));
    return message(field(1, name), field(2, type));
  };
  const node = message(field(1, 'a'), field(1, 'b'), field(2, 'c'), field(4, 'MatMul'));
  const graph = message(
    field(1, node),
    field(2, 'product'),
    field(11, value('a', 'N', 'K')),
    field(11, value('b', 'K', 'M')),
    field(12, value('c', 'N', 'M')),
  );
  return message(field(1, 8), field(7, graph), field(8, field(2, 13)));
}

async function ortPeer(): Promise<Peer> {
  const path = require.resolve('onnxruntime-web/wasm');
  const ort: Ort = await import(pathToFileURL(path).href);
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(productModel());
  return localPeer(`onnxruntime-web ${version('onnxruntime-web')}`, {
    matmul: ({ a, b }) => {
      const put = ({ data, rows, cols }: Numbers) =>
        new ort.Tensor('float32', Float32Array.from(data), [rows, cols]);
      const feeds = { a: put(a as Numbers), b: put(b as Numbers) };
      return async () => ({
        product: ((await session.run(feeds)).c as { data: Float32Array }).data,
      });
    },
  });
}

/** Each of them, or why it is not there. */
export async function packagePeers(): Promise<(Peer | Missing)[]> {
  const makers = { 'tfjs-wasm': tfPeer, 'onnxruntime-web': ortPeer };
  const missing = (name: string, error: unknown): Missing => {
    return { name, missing: error instanceof Error ? error.message : String(error) };
  };
  try {
    install();
  } catch (error) {
    return Object.keys(makers).map((name) => missing(name, error));
  }
  return Promise.all(
    Object.entries(makers).map(([name, make]) => make().catch((error) => missing(name, error))),
  );
}
