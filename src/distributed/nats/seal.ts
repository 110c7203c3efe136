/**
 * Seals of messages: a keyed hash of the content (HMAC-SHA256, RFC 2104). Without a secret it finds
 * damage; with one that all processes of a job share, also what other clients of a server have made.
 */

import { builtin } from '../../core/builtin.js';
import { sha256 } from '../../core/sha256.js';

/** Bytes of a seal. */
export const SEAL_BYTES = 16;
const BLOCK_BYTES = 64;

/** The part of `node:crypto` that is used. */
interface Crypto {
  createHmac(
    name: string,
    key: Uint8Array,
  ): { update(bytes: Uint8Array): { digest(): Uint8Array } };
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

/** HMAC-SHA256 without the help of the runtime. */
export function plainHmac(key: Uint8Array, content: Uint8Array): Uint8Array {
  const short = key.length > BLOCK_BYTES ? fromHex(sha256(key)) : key;
  const padded = (byte: number, end: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(BLOCK_BYTES + end.length).fill(byte, 0, BLOCK_BYTES);
    for (const [i, own] of short.entries()) bytes[i] = own ^ byte;
    bytes.set(end, BLOCK_BYTES);
    return bytes;
  };
  return fromHex(sha256(padded(0x5c, fromHex(sha256(padded(0x36, content))))));
}

/** Seals and opens messages. */
export class Seal {
  readonly #key: Uint8Array;
  readonly #crypto = builtin<Crypto>('node:crypto');

  /** @param secret shared by all processes; empty for none */
  constructor(secret: string) {
    this.#key = new TextEncoder().encode(secret);
  }

  #hash(content: Uint8Array): Uint8Array {
    return this.#crypto === undefined
      ? plainHmac(this.#key, content)
      : this.#crypto.createHmac('sha256', this.#key).update(content).digest();
  }

  /** Puts the seal before parts of a message. */
  close(...parts: readonly Uint8Array[]): Uint8Array {
    const length = parts.reduce((sum, part) => sum + part.length, SEAL_BYTES);
    const bytes = new Uint8Array(length);
    let at = SEAL_BYTES;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    bytes.set(this.#hash(bytes.subarray(SEAL_BYTES)).subarray(0, SEAL_BYTES));
    return bytes;
  }

  /** The content of a message; undefined if the seal is not its own. */
  open(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length < SEAL_BYTES) return undefined;
    const content = bytes.subarray(SEAL_BYTES);
    const own = this.#hash(content);
    // All bytes are compared, whatever the first ones are: time tells nothing.
    let difference = 0;
    for (let i = 0; i < SEAL_BYTES; i++) {
      difference |= (own[i] as number) ^ (bytes[i] as number);
    }
    return difference === 0 ? content : undefined;
  }
}
