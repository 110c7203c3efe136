/** CRC-32 of messages, as zlib and PNG have it. */

import { builtin } from '../../core/builtin.js';

const POLYNOMIAL = 0xedb88320;

/** Remainders of each byte. */
function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    return crc;
  });
}

let table: Uint32Array | undefined;

/** CRC-32 without the help of the runtime. */
export function plainCrc32(bytes: Uint8Array): number {
  table ??= makeTable();
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 0xff] as number);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Computes the CRC-32 of bytes; by zlib where the runtime has it. */
export function crc32(bytes: Uint8Array): number {
  const zlib = builtin<{ crc32?(bytes: Uint8Array): number }>('node:zlib');
  return zlib?.crc32 === undefined ? plainCrc32(bytes) : zlib.crc32(bytes);
}
