/**
 * Inflate (RFC 1951), a part at a time: input comes in pieces, output goes to a buffer that keeps
 * the last 32 KiB, so that memory holds neither the packed nor the unpacked whole.
 *
 * The state is a block of memory: fields at the addresses below, then tables.
 */

/** Next byte of input, and the end of what has come; 32 bytes beyond it can be read. */
const IN: usize = 0, IN_END: usize = 4;
/** Not 0 if no input follows. */
const LAST: usize = 8;
/** Where the next byte of output goes, where to stop, and where the bytes begin that may be copied. */
const OUT: usize = 12, OUT_END: usize = 16, HISTORY: usize = 20;
/** Phase: 0 the header of a block, 1 stored bytes, 2 codes; whether the block is the last. */
const PHASE: usize = 24, FINAL: usize = 28;
/** Bits that have been read and not used: their number, and the bits. */
const BITS: usize = 32, HOLD: usize = 40;
/** Stored bytes that remain. */
const STORED: usize = 36;
/** Codes of literals and lengths, and of distances. */
const LITERALS: usize = 64, CODE_BYTES: usize = 2880, DISTANCES: usize = LITERALS + CODE_BYTES;
/** Lengths of codes while a block's header is read. */
const LENGTHS: usize = DISTANCES + CODE_BYTES;

/** Bits of a code that the table is looked up by; longer ones are rare. */
const FAST: i32 = 10;
/** Parts of a code: its table, the number of codes of each length, what comes next, the symbols. */
const COUNTS: usize = 2 << FAST, NEXT: usize = COUNTS + 32, SYMBOLS: usize = NEXT + 64;
/** Input that the header of a block may need. */
const HEADER: usize = 1024;
/** Longest copy, and the bytes that a copy may write beyond its end. */
const MAX_COPY: usize = 258, SLACK: usize = 8;

/** The input is used up, the output is full, all is done, or an error. */
const NEEDS_INPUT: i32 = 0, IS_FULL: i32 = 1, IS_DONE: i32 = 2, IS_DAMAGED: i32 = -1;
const IS_SHORT: i32 = -2, GOES_ON: i32 = 3;

/** Bytes of a state. */
export function inflateStateBytes(): usize {
  return LENGTHS + 512;
}

const LENGTH_BASES = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
]);
const LENGTH_BITS = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
/** Order in which the lengths of the code for lengths are stored. */
const LENGTH_ORDER = memory.data<u8>([
  16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
]);

/** Bits of the state at hand; a call keeps them in globals. */
let at: usize = 0, end: usize = 0, hold: u64 = 0, bits: u32 = 0;

/** Reads bits until there are 56 or more. */
@inline
function refill(): void {
  hold |= load<u64>(at) << bits;
  at += (63 - bits) >> 3;
  bits |= 56;
}

@inline
function take(count: u32): u32 {
  const value = <u32>hold & ((<u32>1 << count) - 1);
  hold >>= count;
  bits -= count;
  return value;
}

/** Puts whole bytes back that were read and not used. */
function putBack(): void {
  at -= bits >> 3;
  bits &= 7;
  hold &= (<u64>1 << bits) - 1;
}

/** True if more bits were used than there are. */
@inline
function isPast(): bool {
  return at - (bits >> 3) > end;
}

/** Makes a code of the lengths of its symbols' codes; false if they are no code. */
function makeCode(code: usize, lengths: usize, symbols: i32): bool {
  const counts = code + COUNTS;
  memory.fill(counts, 0, 32);
  for (let symbol = 0; symbol < symbols; symbol++) {
    const to = counts + (<usize>load<u8>(lengths + symbol) << 1);
    store<u16>(to, load<u16>(to) + 1);
  }
  store<u16>(counts, 0);
  let free = 1, used = 0;
  for (let length = 1; length < 16; length++) {
    const count = <i32>load<u16>(counts + (length << 1));
    free = (free << 1) - count;
    used += count;
    if (free < 0) return false;
  }
  // A code may be incomplete only if it has a single symbol, or none.
  if (free > 0 && used > 1) return false;
  // The next index among the symbols, and the next code, of each length.
  const indices = code + NEXT, codes = indices + 32;
  for (let length = 1, index = 0, value = 0; length < 16; length++) {
    const count = <i32>load<u16>(counts + (length << 1));
    store<u16>(indices + (length << 1), <u16>index);
    store<u16>(codes + (length << 1), <u16>value);
    index += count;
    value = (value + count) << 1;
  }
  memory.fill(code, 0, COUNTS);
  for (let symbol = 0; symbol < symbols; symbol++) {
    const length = <i32>load<u8>(lengths + symbol);
    if (length == 0) continue;
    const index = load<u16>(indices + (length << 1)), value = load<u16>(codes + (length << 1));
    store<u16>(indices + (length << 1), index + 1);
    store<u16>(codes + (length << 1), value + 1);
    store<u16>(code + SYMBOLS + (<usize>index << 1), <u16>symbol);
    if (length > FAST) continue;
    const entry = <u16>((symbol << 4) | length);
    for (let slot = reversed(value, length); slot < 1 << FAST; slot += 1 << length) {
      store<u16>(code + (slot << 1), entry);
    }
  }
  return true;
}

/** The lowest bits of a value in the other order. */
function reversed(value: u32, count: i32): i32 {
  let result = 0;
  for (let i = 0; i < count; i++) result |= <i32>((value >> i) & 1) << (count - 1 - i);
  return result;
}

/** Reads the next symbol of a code; -1 if there is none. At least 15 bits are at hand. */
@inline
function readSymbol(code: usize): i32 {
  const entry = <u32>load<u16>(code + (<usize>(<u32>hold & ((1 << FAST) - 1)) << 1));
  if (entry == 0) return readLongSymbol(code);
  const length = entry & 15;
  hold >>= length;
  bits -= length;
  return <i32>(entry >> 4);
}

function readLongSymbol(code: usize): i32 {
  let value = 0, first = 0, index = 0;
  for (let length = 1; length < 16; length++) {
    value |= <i32>((hold >> (length - 1)) & 1);
    const count = <i32>load<u16>(code + COUNTS + (length << 1));
    if (value - first < count) {
      hold >>= length;
      bits -= length;
      return <i32>load<u16>(code + SYMBOLS + ((index + value - first) << 1));
    }
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  return -1;
}

/** Makes the codes that the format itself defines. */
function makeFixedCodes(state: usize): void {
  const lengths = state + LENGTHS;
  memory.fill(lengths, 8, 144);
  memory.fill(lengths + 144, 9, 112);
  memory.fill(lengths + 256, 7, 24);
  memory.fill(lengths + 280, 8, 8);
  makeCode(state + LITERALS, lengths, 288);
  memory.fill(lengths, 5, 32);
  makeCode(state + DISTANCES, lengths, 32);
}

/** Reads the codes of a block; false if they are damaged. */
function readCodes(state: usize): bool {
  refill();
  const literals = <i32>take(5) + 257, distances = <i32>take(5) + 1, count = <i32>take(4) + 4;
  if (literals > 286 || distances > 30) return false;
  const lengths = state + LENGTHS;
  memory.fill(lengths, 0, 19);
  for (let i = 0; i < count; i++) {
    refill();
    store<u8>(lengths + load<u8>(LENGTH_ORDER + i), <u8>take(3));
  }
  if (!makeCode(state + LITERALS, lengths, 19)) return false;
  const total = literals + distances;
  for (let i = 0; i < total; ) {
    refill();
    const symbol = readSymbol(state + LITERALS);
    if (symbol < 0 || isPast()) return false;
    if (symbol < 16) {
      store<u8>(lengths + i++, <u8>symbol);
      continue;
    }
    if (symbol == 16 && i == 0) return false;
    const value = symbol == 16 ? load<u8>(lengths + i - 1) : 0;
    const repeats = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7);
    if (i + <i32>repeats > total) return false;
    memory.fill(lengths + i, value, repeats);
    i += repeats;
  }
  if (load<u8>(lengths + 256) == 0) return false;
  if (!makeCode(state + LITERALS, lengths, literals)) return false;
  return makeCode(state + DISTANCES, lengths + literals, distances);
}

/**
 * Unpacks until the input is used up (0), the output is full (1) or all is done (2); -1 if the data
 * are damaged, -2 if they end too early.
 */
export function inflate(state: usize): i32 {
  at = load<u32>(state, IN);
  end = load<u32>(state, IN_END);
  bits = load<u32>(state, BITS);
  hold = load<u64>(state, HOLD);
  const status = unpack(state, load<u32>(state, LAST) != 0);
  putBack();
  store<u32>(state, <u32>at, IN);
  store<u32>(state, bits, BITS);
  store<u64>(state, hold, HOLD);
  return status;
}

function unpack(state: usize, last: bool): i32 {
  let status: i32 = GOES_ON;
  while (status == GOES_ON) {
    const phase = load<u32>(state, PHASE);
    if (phase == 0) status = beginBlock(state, last);
    else if (phase == 1) status = copyStored(state, last);
    else status = readBlock(state, last);
    if (phase != 0 && status == IS_DONE) {
      store<u32>(state, 0, PHASE);
      status = GOES_ON;
    }
  }
  return status;
}

/** Reads the header of the next block. */
function beginBlock(state: usize, last: bool): i32 {
  if (load<u32>(state, FINAL) != 0) return IS_DONE;
  putBack();
  if (!last && at + HEADER > end) return NEEDS_INPUT;
  refill();
  store<u32>(state, take(1), FINAL);
  const kind = take(2);
  if (kind == 3) return isPast() ? IS_SHORT : IS_DAMAGED;
  if (kind == 0) {
    take(bits & 7);
    putBack();
    if (at + 4 > end) return IS_SHORT;
    const size = <u32>load<u16>(at);
    if (size + <u32>load<u16>(at + 2) != 0xffff) return IS_DAMAGED;
    at += 4;
    store<u32>(state, size, STORED);
  } else if (kind == 1) {
    makeFixedCodes(state);
  } else if (!readCodes(state)) {
    return isPast() ? IS_SHORT : IS_DAMAGED;
  }
  store<u32>(state, kind == 0 ? 1 : 2, PHASE);
  return isPast() ? IS_SHORT : GOES_ON;
}

/** Copies bytes that are stored as they are. */
function copyStored(state: usize, last: bool): i32 {
  const remaining: usize = load<u32>(state, STORED);
  const out: usize = load<u32>(state, OUT), room: usize = load<u32>(state, OUT_END) - out;
  const size = min(remaining, min(room, end - at));
  memory.copy(out, at, size);
  at += size;
  store<u32>(state, <u32>(out + size), OUT);
  store<u32>(state, <u32>(remaining - size), STORED);
  if (size == remaining) return IS_DONE;
  return size == room ? IS_FULL : last ? IS_SHORT : NEEDS_INPUT;
}

/** Unpacks the codes of a block, up to its end. */
function readBlock(state: usize, last: bool): i32 {
  const outEnd: usize = load<u32>(state, OUT_END);
  const literals = state + LITERALS, distances = state + DISTANCES;
  const history: usize = load<u32>(state, HISTORY);
  let out: usize = load<u32>(state, OUT), status: i32 = IS_DAMAGED;
  let sound = out;
  for (;;) {
    if (out + MAX_COPY + SLACK > outEnd) {
      status = IS_FULL;
      break;
    }
    if (at + 8 > end) {
      if (!last) {
        status = NEEDS_INPUT;
        break;
      }
      if (isPast()) break;
      sound = out;
    }
    refill();
    let symbol = readSymbol(literals);
    if (symbol < 256) {
      if (symbol < 0) break;
      store<u8>(out++, <u8>symbol);
      // A second literal needs no more bits than are there.
      symbol = readSymbol(literals);
      if (symbol < 256) {
        if (symbol < 0) break;
        store<u8>(out++, <u8>symbol);
        continue;
      }
      refill();
    }
    if (symbol == 256) {
      status = IS_DONE;
      break;
    }
    symbol -= 257;
    if (symbol > 28) break;
    const size: usize =
      load<u16>(LENGTH_BASES + (symbol << 1)) + take(load<u8>(LENGTH_BITS + symbol));
    const code = readSymbol(distances);
    if (code < 0 || code > 29) break;
    const extra = code < 4 ? 0 : <u32>(code >> 1) - 1;
    const base: u32 = code < 4 ? code + 1 : ((2 + (code & 1)) << extra) + 1;
    const distance: usize = base + take(extra);
    const from = out - distance;
    if (from < history) break;
    copy(out, from, size, distance);
    out += size;
  }
  // What came of the zeros past the end is nothing.
  if (last && isPast()) {
    out = sound;
    status = IS_SHORT;
  }
  store<u32>(state, <u32>out, OUT);
  return status;
}

/** Copies bytes that may be some of those that are being written. */
@inline
function copy(to: usize, from: usize, size: usize, distance: usize): void {
  if (distance >= 8) {
    for (let i: usize = 0; i < size; i += 8) store<u64>(to + i, load<u64>(from + i));
  } else if (distance == 1) {
    memory.fill(to, load<u8>(from), size);
  } else {
    for (let i: usize = 0; i < size; i++) store<u8>(to + i, load<u8>(from + i));
  }
}
