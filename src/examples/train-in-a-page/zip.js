/** Packs files into a .zip, uncompressed: weights hardly compress, and no library is needed. */

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = TABLE[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** Bytes of numbers in little-endian order, each given with its number of bytes. */
function header(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  let at = 0;
  for (const [value, size] of fields) {
    for (let i = 0; i < size; i++) bytes[at++] = (value >>> (8 * i)) & 255;
  }
  return bytes;
}

/**
 * @param {ReadonlyMap<string, Uint8Array>} files
 * @param {string} folder name of the folder that holds them
 * @returns {Blob}
 */
export function zip(files, folder) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [path, bytes] of files) {
    const name = new TextEncoder().encode(`${folder}/${path}`);
    const size = bytes.length;
    // Version 2.0, names in UTF-8, stored, 1 January 1980.
    const common = [
      [20, 2],
      [0x800, 2],
      [0, 2],
      [0, 2],
      [33, 2],
      [crc32(bytes), 4],
    ];
    const sizes = [
      [size, 4],
      [size, 4],
      [name.length, 2],
      [0, 2],
    ];
    const local = header([0x04034b50, 4], ...common, ...sizes);
    const further = [
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 4],
      [offset, 4],
    ];
    directory.push(header([0x02014b50, 4], [20, 2], ...common, ...sizes, ...further), name);
    parts.push(local, name, bytes);
    offset += local.length + name.length + size;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const counts = [
    [files.size, 2],
    [files.size, 2],
    [length, 4],
    [offset, 4],
    [0, 2],
  ];
  const end = header([0x06054b50, 4], [0, 2], [0, 2], ...counts);
  return new Blob([...parts, ...directory, end], { type: 'application/zip' });
}
