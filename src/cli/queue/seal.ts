/**
 * Seals of messages: a keyed hash of the content. Without a secret it finds damage; with one that all
 * processes of a job share, also what others have made.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';

/** Bytes of a seal. */
export const SEAL_BYTES = 16;

/** Seals and opens messages. */
export class Seal {
  readonly #key: string;

  /** @param secret shared by all processes; empty for none */
  constructor(secret: string) {
    this.#key = secret;
  }

  #hash(content: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#key).update(content).digest().subarray(0, SEAL_BYTES);
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
    bytes.set(this.#hash(bytes.subarray(SEAL_BYTES)));
    return bytes;
  }

  /** The content of a message; undefined if the seal is not its own. */
  open(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length < SEAL_BYTES) return undefined;
    const content = bytes.subarray(SEAL_BYTES);
    return timingSafeEqual(bytes.subarray(0, SEAL_BYTES), this.#hash(content))
      ? content
      : undefined;
  }
}
