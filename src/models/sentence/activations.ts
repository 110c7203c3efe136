/** Activations by the names that folders have for them. */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import type { Pointer } from '../../core/memory.js';

/** In the order of assembly/sentence/activations.ts. */
export const ACTIVATIONS = [
  'ReLU',
  'ReLU6',
  'LeakyReLU',
  'ELU',
  'SELU',
  'SiLU',
  'Mish',
  'Sigmoid',
  'LogSigmoid',
  'Tanh',
  'Tanhshrink',
  'Hardtanh',
  'Hardsigmoid',
  'Hardswish',
  'Hardshrink',
  'Softshrink',
  'Softplus',
  'Softsign',
  'QuickGELU',
] as const;

/** A function of each number. */
export type Activation = (typeof ACTIVATIONS)[number] | 'GELU' | 'GELUTanh' | 'Identity';

/** y = the activation of x, n numbers in whole vectors; y may be x. */
export function applyActivation(activation: Activation, y: Pointer, x: Pointer, n: number): void {
  if (activation === 'Identity' && y === x) return;
  const core = kernels(sentence);
  if (activation === 'GELU' || activation === 'GELUTanh') {
    core.geluArray(y, x, n, activation === 'GELUTanh');
  } else {
    core.activationArray(y, x, n, ACTIVATIONS.indexOf(activation as (typeof ACTIVATIONS)[number]));
  }
}

/** Names of `hidden_act` in a config.json of transformers. */
const HIDDEN: Readonly<Record<string, Activation>> = {
  gelu: 'GELU',
  gelu_python: 'GELU',
  gelu_new: 'GELUTanh',
  gelu_fast: 'GELUTanh',
  gelu_pytorch_tanh: 'GELUTanh',
  gelu_accurate: 'GELUTanh',
  gelu_python_tanh: 'GELUTanh',
  quick_gelu: 'QuickGELU',
  relu: 'ReLU',
  relu6: 'ReLU6',
  hardswish: 'Hardswish',
  leaky_relu: 'LeakyReLU',
  silu: 'SiLU',
  swish: 'SiLU',
  mish: 'Mish',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  linear: 'Identity',
};

/** Names of middle layers' activations that can be read. */
export const HIDDEN_ACTIVATIONS: readonly string[] = Object.keys(HIDDEN);

/** Activation of a network's middle layers by the name that transformers has for it. */
export function hiddenActivation(name: string): Activation | undefined {
  return Object.hasOwn(HIDDEN, name) ? HIDDEN[name] : undefined;
}

const MODULES = ['Identity', 'GELU', 'CELU', ...ACTIVATIONS.filter((kind) => kind !== 'QuickGELU')];

/** Activation of a Dense module by the path of its class: torch.nn.modules.activation.Tanh. */
export function moduleActivation(path: string): Activation | undefined {
  const name = /^torch\.nn\.(?:modules\.(?:activation|linear)\.)?(\w+)$/.exec(path)?.[1];
  if (name === undefined || !MODULES.includes(name)) return undefined;
  // With its default of alpha = 1, CELU is ELU.
  return name === 'CELU' ? 'ELU' : (name as Activation);
}

/** Names of modules' activations that can be read. */
export const MODULE_ACTIVATIONS: readonly string[] = MODULES;
