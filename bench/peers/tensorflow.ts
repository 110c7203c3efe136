/** TensorFlow.js on WebAssembly. */

import { dirname } from 'node:path';
import type { Numbers } from '../operations/operation.js';
import type { PackageFolder } from './installed.js';
import { localPeer, type Operations, type Peer } from './peer.js';
import { read, type Tf, type TfTensor } from './tensorflow-api.js';
import { gptTraining } from './tensorflow-gpt.js';

function tableOperations(tf: Tf): Operations {
  const put = ({ data, rows, cols }: Numbers): TfTensor =>
    tf.tensor(Float32Array.from(data), [rows, cols]);
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
        return tf.tensor(data, [rows, rows]);
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

const GPT = 'GPT training step';

interface TfWasm {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
}

async function started(packages: PackageFolder): Promise<{ tf: Tf; name: string }> {
  const tf = packages.require<Tf>('@tensorflow/tfjs');
  const backend = '@tensorflow/tfjs-backend-wasm';
  const wasm = packages.require<TfWasm>(backend);
  wasm.setWasmPaths(`${dirname(packages.path(backend))}/`);
  wasm.setThreadsCount(1);
  await tf.setBackend('wasm');
  await tf.ready();
  return { tf, name: `tfjs-wasm ${packages.version('@tensorflow/tfjs')}` };
}

/** TensorFlow.js with the gradients that come with it. */
export async function tfPeer(packages: PackageFolder): Promise<Peer> {
  const { tf, name } = await started(packages);
  const step = gptTraining(tf, (a, b) => tf.matMul(a, b));
  return localPeer(name, { ...tableOperations(tf), [GPT]: step });
}

/**
 * The same, where a product's gradient transposes its factors first: the backend is fast at a
 * product of two matrices as they lie, and has plain loops for all others.
 */
export async function transposingTfPeer(packages: PackageFolder): Promise<Peer> {
  const { tf, name } = await started(packages);
  const product = tf.customGrad((a, b, save) => {
    save([a, b]);
    return {
      value: tf.matMul(a, b),
      gradFunc: (dy, [left, right]) => [
        tf.matMul(dy, right.transpose()),
        tf.matMul(left.transpose(), dy),
      ],
    };
  });
  return localPeer(`${name}, transposed`, { [GPT]: gptTraining(tf, product) });
}
