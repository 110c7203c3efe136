/** Bytes out of base64. */

/** What runtimes have for it beyond `atob`, which takes longer. */
const { fromBase64: native } = Uint8Array as { fromBase64?: (text: string) => Uint8Array };
const { Buffer } = globalThis as {
  Buffer?: { from(text: string, encoding: 'base64'): Uint8Array };
};

/**
 * The bytes that valid base64 stands for. The runtime does it: a loop of our own would run once,
 * uncompiled, for longer than the kernels take to compile.
 */
export function fromBase64(text: string): Uint8Array {
  if (native) return native.call(Uint8Array, text);
  if (Buffer) return Buffer.from(text, 'base64');
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
