/** Moves the kernels to shared memory: their code with another import, and a copy of the memory. */

import { binary, kernels, MAX_PAGES, moveTo, PAGE, wasmMemory } from '../core/kernels.js';
import { PARTITIONS } from './partitions.js';

/** `env.memory` among a module's imports, up to its flags: 1 limited, 3 limited and shared. */
const IMPORT = [3, ...bytesOf('env'), 6, ...bytesOf('memory'), 2];
const [LIMITED, SHARED] = [1, 3];

function bytesOf(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A module for shared memory. */
function forShared(code: unknown): Uint8Array {
  const bytes = code as Uint8Array;
  const at = bytes.findIndex((_, i) => IMPORT.every((byte, k) => bytes[i + k] === byte));
  const flags = at + IMPORT.length;
  if (at < 0 || bytes[flags] !== LIMITED) throw new Error('the module imports no memory');
  const copy = bytes.slice();
  copy[flags] = SHARED;
  return copy;
}

/** Memory that threads can share, and the modules whose kernels they run. */
export interface Shared {
  memory: WebAssembly.Memory;
  codes: readonly Uint8Array[];
}

/** Moves kernels and memory to where threads can share them; undefined if that can't be. */
export function share(): Shared | undefined {
  const modules = PARTITIONS.map(({ code }) => binary(code));
  if (!modules.every((each) => each instanceof Uint8Array)) return undefined;
  if (typeof SharedArrayBuffer === 'undefined') return undefined;
  for (const { code } of PARTITIONS) kernels<object>(code);
  const codes = modules.map(forShared);
  const before = wasmMemory();
  if (before.buffer instanceof SharedArrayBuffer) return { memory: before, codes };
  try {
    const initial = before.buffer.byteLength / PAGE;
    const memory = new WebAssembly.Memory({ initial, maximum: MAX_PAGES, shared: true });
    new Uint8Array(memory.buffer).set(new Uint8Array(before.buffer));
    moveTo(memory, forShared);
    return { memory, codes };
  } catch {
    return undefined;
  }
}
