/** Bytes of hexadecimal text. */

/** Faster decoders than a loop, which only some runtimes have. */
const { fromHex: native } = Uint8Array as { fromHex?: (text: string) => Uint8Array };
const { Buffer } = globalThis as {
  Buffer?: { from(text: string, encoding: 'hex'): Uint8Array };
};

/** Decodes valid hexadecimal text, two digits a byte. */
export function fromHex(text: string): Uint8Array {
  if (native) return native.call(Uint8Array, text);
  if (Buffer) return Buffer.from(text, 'hex');
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}
