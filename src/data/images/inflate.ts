/** The packed data of a PNG, unpacked as far as it is asked for: memory holds a part at a time. */

import pngCode from '#wasm/png';
import { kernels } from '../../core/kernels.js';
import { i32, type Pointer, type Scope, scoped, u8 } from '../../core/memory.js';

/** Bytes of input and of output that are held at once. */
const INPUT = 2 ** 16;
const OUTPUT = 2 ** 18;
/** Bytes that may be copied from what was unpacked before. */
const HISTORY = 2 ** 15;
/** Bytes beyond the input that are read. */
const SLACK = 32;
/** Fields of the kernel's state, in numbers of 32 bits; assembly/images/inflate.ts says more. */
const [IN, IN_END, LAST, OUT, FIRST] = [0, 1, 2, 3, 5];
/** Results of the kernel. */
const [NEEDS_INPUT, IS_DONE, IS_SHORT] = [0, 2, -2];

/** Unpacks data in the format of zlib. */
export class Inflater {
  readonly #parts: readonly Uint8Array[];
  /** The part that is read, and where. */
  #part = 0;
  #at = 0;
  readonly #state: Pointer;
  readonly #input: Pointer;
  readonly #output: Pointer;
  /** The next byte that was unpacked and has not been read. */
  #next: Pointer;
  #isDone = false;
  #damage: string | undefined;

  /**
   * @param parts packed data, one part after the other
   * @param scope memory, for as long as the inflater is used
   * @throws {Error} if it has another format
   */
  constructor(parts: readonly Uint8Array[], scope: Scope) {
    this.#parts = parts;
    const bytes = kernels(pngCode).inflateStateBytes();
    this.#state = scope.bytes(bytes);
    this.#input = scope.bytes(INPUT + SLACK);
    this.#output = scope.bytes(OUTPUT);
    this.#next = this.#output;
    u8().fill(0, this.#state, this.#state + bytes);
    const [method = 0, flags = 0] = this.#takeBytes(2);
    // Method 8, windows of up to 32 KiB, no dictionary.
    if ((method & 15) !== 8 || method > 0x78 || (method * 256 + flags) % 31 !== 0 || flags & 32) {
      throw new Error('its pixels are packed in an unknown way');
    }
    const field = this.#state / 4;
    i32().set([this.#input, this.#input, 0, this.#output, this.#output + OUTPUT], field);
    i32()[field + FIRST] = this.#output;
  }

  /** Takes bytes off the parts; fewer at their end. */
  #takeBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count && this.#part < this.#parts.length) {
      const part = this.#parts[this.#part] as Uint8Array;
      const piece = part.subarray(this.#at, this.#at + count - filled);
      bytes.set(piece, filled);
      filled += piece.length;
      this.#at += piece.length;
      if (this.#at === part.length) [this.#part, this.#at] = [this.#part + 1, 0];
    }
    return bytes.subarray(0, filled);
  }

  /**
   * Unpacks the next bytes to an address.
   *
   * @returns false if there are not so many
   * @throws {Error} if the data are damaged
   */
  read(to: Pointer, count: number): boolean {
    const field = this.#state / 4;
    for (let filled = 0; ; ) {
      const ready = (i32()[field + OUT] as number) - this.#next;
      const taken = Math.min(ready, count - filled);
      u8().copyWithin(to + filled, this.#next, this.#next + taken);
      this.#next += taken;
      filled += taken;
      if (filled === count) return true;
      if (this.#damage !== undefined) throw new Error(this.#damage);
      if (this.#isDone) return false;
      this.#unpack();
    }
  }

  /** Unpacks more, all of whose output has been taken. */
  #unpack(): void {
    const field = this.#state / 4;
    const end = i32()[field + OUT] as number;
    if (end - this.#output > OUTPUT / 2) {
      u8().copyWithin(this.#output, end - HISTORY, end);
      i32()[field + OUT] = this.#output + HISTORY;
    }
    this.#next = i32()[field + OUT] as number;
    const status = kernels(pngCode).inflate(this.#state);
    // What was unpacked before the damage is sound.
    if (status < 0) {
      this.#damage = status === IS_SHORT ? 'ends within its pixels' : 'its pixels are damaged';
    }
    this.#isDone = status === IS_DONE || status < 0;
    if (status === NEEDS_INPUT) this.#refill();
  }

  #refill(): void {
    const field = this.#state / 4;
    const [from, end] = [i32()[field + IN] as number, i32()[field + IN_END] as number];
    u8().copyWithin(this.#input, from, end);
    const kept = end - from;
    const added = this.#takeBytes(INPUT - kept);
    const filled = this.#input + kept + added.length;
    u8().set(added, this.#input + kept);
    u8().fill(0, filled, filled + SLACK);
    i32().set([this.#input, filled], field);
    i32()[field + LAST] = Number(this.#part === this.#parts.length);
  }
}

/** Unpacks so many bytes of data in the format of zlib; undefined if there are fewer. */
export function unzlib(parts: readonly Uint8Array[], length: number): Uint8Array | undefined {
  return scoped((scope) => {
    const to = scope.bytes(length);
    if (!new Inflater(parts, scope).read(to, length)) return undefined;
    return u8().slice(to, to + length);
  });
}
