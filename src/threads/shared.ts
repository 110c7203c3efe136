/** The same kernels over shared memory: their code with another import, and what was in the memory. */

import analysis from '#wasm/analysis';
import core from '#wasm/core';
import nn from '#wasm/nn';
import ops from '#wasm/ops';
import search from '#wasm/search';
import sentence from '#wasm/sentence';
import { binary, compile, kernels, MAX_PAGES, moveTo, PAGE, wasmMemory } from '../core/kernels.js';

/** The modules whose kernels threads share, and those that go with them to shared memory. */
const MODULES = [core, search, analysis, nn, ops, sentence];

/** What `env.memory` looks like among a module's imports, up to its flags: 1 limited, 3 shared too. */
const IMPORT = [3, ...letters('env'), 6, ...letters('memory'), 2];
const [LIMITED, SHARED] = [1, 3];

function letters(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A module for shared memory. */
function forShared(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex((_, i) => IMPORT.every((byte, k) => bytes[i + k] === byte));
  const flags = at + IMPORT.length;
  if (at < 0 || bytes[flags] !== LIMITED) throw new Error('the module imports no memory');
  const copy = bytes.slice();
  copy[flags] = SHARED;
  return copy;
}

/** Memory that threads can share, and the modules that go with it. */
export interface Shared {
  memory: WebAssembly.Memory;
  codes: readonly Uint8Array[];
}

/** The tables of all modules' kernels. */
export function allKernels(): readonly object[] {
  return MODULES.map((code) => kernels<object>(code));
}

/** Moves kernels and memory to where threads can share them; undefined if that can't be. */
export function share(): Shared | undefined {
  const before = wasmMemory();
  const tables = allKernels();
  const modules = MODULES.map(binary);
  if (!modules.every((each) => each instanceof Uint8Array)) return undefined;
  if (typeof SharedArrayBuffer === 'undefined') return undefined;
  const codes = modules.map(forShared);
  if (before.buffer instanceof SharedArrayBuffer) return { memory: before, codes };
  try {
    const initial = before.buffer.byteLength / PAGE;
    const to = new WebAssembly.Memory({ initial, maximum: MAX_PAGES, shared: true });
    new Uint8Array(to.buffer).set(new Uint8Array(before.buffer));
    moveTo(to);
    const moved = codes.map((each) => compile(each));
    tables.forEach((table, i) => void Object.assign(table, moved[i]));
    return { memory: to, codes };
  } catch {
    moveTo(before);
    return undefined;
  }
}
