/** Bytes as characters, as GPT-2's tokenizer writes them. */

/** Characters that stand for the 256 bytes, as GPT-2 has them. */
export function byteCharacters(): string[] {
  const characters: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const shown = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    characters.push(String.fromCharCode(shown ? byte : next++));
  }
  return characters;
}
