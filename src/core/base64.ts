/** Bytes of base64. */

/** Faster decoders than `atob`, which only some runtimes have. */
const { fromBase64: native } = Uint8Array as { fromBase64?: (text: string) => Uint8Array };
const { Buffer } = globalThis as {
  Buffer?: { from(text: string, encoding: 'base64'): Uint8Array };
};

/**
 * Decodes valid base64. The runtime does it: a loop of our own would run once, not compiled, for
 * longer than the kernels take to compile.
 */
export function fromBase64(text: string): Uint8Array {
  if (native) return native.call(Uint8Array, text);
  if (Buffer) return Buffer.from(text, 'base64');
  return parseBase64(text);
}

/**
 * Decodes base64 that may not be valid.
 * @throws if it is not
 */
export function parseBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
