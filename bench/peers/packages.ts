/**
 * Peers from npm, installed in any folder: TensorFlow.js on WebAssembly, onnxruntime-web, jax-js
 * and usearch. The package.json next to this file has all of them.
 */

import type { EncodingInputs } from '../encoding.js';
import type { Numbers } from '../operations/operation.js';
import { type OrtSessions, ortEncoding } from './encoding.js';
import { PackageFolder } from './installed.js';
import { localPeer, type Missing, type Operations, type Peer } from './peer.js';
import { tfPeer, transposingTfPeer } from './tensorflow.js';

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

async function ortPeer(packages: PackageFolder): Promise<Peer> {
  const ort = await packages.import<Ort>('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(productModel());
  // It leaves one behind, which jax-js would take for a browser's and count on.
  Reflect.deleteProperty(globalThis, 'Worker');
  const name = `onnxruntime-web ${packages.version('onnxruntime-web')}`;
  const operations = localPeer(name, {
    matmul: ({ a, b }) => {
      const put = ({ data, rows, cols }: Numbers) =>
        new ort.Tensor('float32', Float32Array.from(data), [rows, cols]);
      const feeds = { a: put(a as Numbers), b: put(b as Numbers) };
      return async () => ({
        product: ((await session.run(feeds)).c as { data: Float32Array }).data,
      });
    },
  });
  return {
    name,
    prepare: (operation, sizes, inputs) =>
      'folder' in inputs
        ? ortEncoding(name, ort as unknown as OrtSessions, inputs as unknown as EncodingInputs)
        : operations.prepare(operation, sizes, inputs),
  };
}

/** The part of jax-js that is used here; an array is used up by what it goes into, `ref` keeps it. */
interface JaxArray {
  ref: JaxArray;
  data(): Promise<Float32Array>;
  add(other: JaxArray): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  sum(axis: number, options?: { keepdims: boolean }): JaxArray;
  mean(): JaxArray;
  transpose(): JaxArray;
}
type JaxLoss = (z: JaxArray, itself: JaxArray, positive: JaxArray) => JaxArray;
interface Jax {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): void;
  jit<F>(f: F): F;
  valueAndGrad(f: JaxLoss): (...args: Parameters<JaxLoss>) => [JaxArray, JaxArray];
  numpy: {
    array(data: Float32Array, options: { shape: number[] }): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    square(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
  };
  nn: {
    logsumexp(x: JaxArray, axis: number): JaxArray;
    softmax(x: JaxArray): JaxArray;
  };
}

function jaxOperations({ numpy: np, nn, jit, valueAndGrad }: Jax): Operations {
  const put = ({ data, rows, cols }: Numbers): JaxArray =>
    np.array(Float32Array.from(data), { shape: [rows, cols] });
  const product = (name: string, of: (a: JaxArray, b: JaxArray) => JaxArray) => {
    const call = jit(of);
    return (inputs: Record<string, Numbers>) => {
      const [a, b] = [put(inputs.a as Numbers), put(inputs.b as Numbers)];
      return async () => ({ [name]: await call(a.ref, b.ref).data() });
    };
  };
  const contrast: JaxLoss = (z, itself, positive) => {
    const unit = z.ref.div(np.sqrt(np.square(z).sum(1, { keepdims: true })));
    const logits = np.matmul(unit.ref, unit.transpose()).div(0.5);
    return nn.logsumexp(logits.ref.sub(itself), 1).sub(logits.mul(positive).sum(1)).mean();
  };
  /** Inputs of the loss: rows, 1e9 on the diagonal, 1 where the positives stand. */
  const given = (z: Numbers): Parameters<JaxLoss> => {
    const { rows } = z;
    const mask = (value: number, at: (row: number) => number): JaxArray => {
      const data = new Float32Array(rows * rows);
      for (let r = 0; r < rows; r++) data[r * rows + at(r)] = value;
      return np.array(data, { shape: [rows, rows] });
    };
    return [put(z), mask(1e9, (r) => r), mask(1, (r) => (r + rows / 2) % rows)];
  };
  const refs = (arrays: Parameters<JaxLoss>) => arrays.map(({ ref }) => ref) as Parameters<JaxLoss>;
  const forward = jit(contrast);
  const backward = jit(valueAndGrad(contrast));
  return {
    matmul: product('product', (a, b) => np.matmul(a, b)),
    'matmul transposeB': product('product', (a, b) => np.matmul(a, b.transpose())),
    dotMatrix: product('matrix', (a, b) => np.matmul(a, b.transpose())),
    softmax: ({ x }) => {
      const call = jit(nn.softmax);
      const rows = put(x as Numbers);
      return async () => ({ softmax: await call(rows.ref).data() });
    },
    'ntXent temperature 0.5': ({ z }) => {
      const arrays = given(z as Numbers);
      return async () => ({ loss: await forward(...refs(arrays)).data() });
    },
    'ntXent temperature 0.5, gradient': ({ z }) => {
      const arrays = given(z as Numbers);
      return async () => {
        const [loss, grad] = backward(...refs(arrays));
        return { loss: await loss.data(), z: await grad.data() };
      };
    },
  };
}

async function jaxPeer(packages: PackageFolder): Promise<Peer> {
  const jax = await packages.import<Jax>('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return localPeer(`jax-js ${packages.version('@jax-js/jax')}`, jaxOperations(jax));
}

/** The part of usearch that is used here. */
interface USearch {
  MetricKind: Record<'Cos' | 'IP' | 'L2sq', string>;
  exactSearch(
    dataset: Float32Array,
    queries: Float32Array,
    dimensions: number,
    count: number,
    metric: string,
    threads: number,
  ): { keys: BigUint64Array };
}

async function uSearchPeer(packages: PackageFolder): Promise<Peer> {
  const { exactSearch, MetricKind } = packages.require<USearch>('usearch');
  const search = (metric: string) => (inputs: Record<string, Numbers>) => {
    const [queries, corpus] = [inputs.queries as Numbers, inputs.corpus as Numbers];
    const [few, many] = [queries, corpus].map(({ data }) => Float32Array.from(data)) as [
      Float32Array,
      Float32Array,
    ];
    const count = inputs.k?.data[0] as number;
    return () => ({
      indices: Array.from(exactSearch(many, few, corpus.cols, count, metric, 1).keys, Number),
    });
  };
  return localPeer(`usearch ${packages.version('usearch')}, exact`, {
    'topK cosine': search(MetricKind.Cos),
    'topK euclidean': search(MetricKind.L2sq),
  });
}

const MAKERS: Record<string, (packages: PackageFolder) => Promise<Peer>> = {
  'tfjs-wasm': tfPeer,
  'tfjs-wasm, transposed': transposingTfPeer,
  'onnxruntime-web': ortPeer,
  'jax-js': jaxPeer,
  usearch: uSearchPeer,
};

/** Each of them, or why it is not there. */
export async function packagePeers(folder: string): Promise<(Peer | Missing)[]> {
  const packages = new PackageFolder(folder);
  const found: (Peer | Missing)[] = [];
  // One after the other, as each of them changes the global object.
  for (const [name, make] of Object.entries(MAKERS)) {
    found.push(await make(packages).catch((error) => ({ name, missing: error.message })));
  }
  return found;
}
