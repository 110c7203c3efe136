/**
 * Decoders in C that packages hold as WebAssembly: the same bits on every runtime. An instance
 * keeps what it has allocated, so that a new one takes over when one has grown or has failed.
 */

import { fromBase64 } from '../../core/base64.js';

/** Functions that every decoder exports. */
export interface CodecExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  free(pointer: number): void;
}

/** Memory of an instance up to which it is used again, in bytes. */
const MAX_KEPT = 2 ** 25;

/** Decoders read bytes and write pixels: they have no business with files. */
const noSystem = (): never => {
  throw new Error('the decoder has failed');
};

/** Functions that the modules import; a jump out of an error ends in an exception. */
const IMPORTS = {
  env: { setjmp: () => 0, longjmp: noSystem },
  wasi_snapshot_preview1: {
    environ_sizes_get: () => 0,
    environ_get: noSystem,
    proc_exit: noSystem,
    fd_close: noSystem,
    fd_seek: noSystem,
    fd_write: noSystem,
  },
};

/** A decoder, compiled at first use. */
export class Codec<Exports extends CodecExports> {
  readonly #code: string;
  #module: WebAssembly.Module | undefined;
  #exports: Exports | undefined;

  /** @param code module in base64 */
  constructor(code: string) {
    this.#code = code;
  }

  /** Calls a function with the decoder; what it leaves allocated after an error is dropped. */
  run<T>(use: (exports: Exports) => T): T {
    this.#module ??= new WebAssembly.Module(fromBase64(this.#code) as Uint8Array<ArrayBuffer>);
    const exports =
      this.#exports ??
      (new WebAssembly.Instance(this.#module, IMPORTS).exports as unknown as Exports);
    this.#exports = undefined;
    const result = use(exports);
    if (exports.memory.buffer.byteLength <= MAX_KEPT) this.#exports = exports;
    return result;
  }
}

/** Allocates memory of a decoder. */
export function allocate({ malloc }: CodecExports, bytes: number): number {
  const pointer = malloc(bytes);
  if (pointer === 0) throw new Error('the decoder is out of memory');
  return pointer;
}

/** Copies parts of bytes into the memory of a decoder, one after the other. */
export function copyIn(codec: CodecExports, ...parts: readonly Uint8Array[]): number {
  const pointer = allocate(
    codec,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = pointer;
  for (const part of parts) {
    new Uint8Array(codec.memory.buffer, at, part.length).set(part);
    at += part.length;
  }
  return pointer;
}
