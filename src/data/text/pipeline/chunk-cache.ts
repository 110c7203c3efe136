/**
 * Tokens of the chunks of text that were seen lately. A chunk is looked up where it stands in its
 * text: no string is made of it.
 */

import type { TokenList } from './token-list.js';

/** Chunks that are kept at most; past it all are forgotten. */
const MAX_CHUNKS = 50_000;
/** Longer ones are not kept. */
const MAX_LENGTH = 64;
/** Slots that a chunk may lie behind its own: texts made to collide cost no more than others. */
const MAX_PROBES = 16;

export class ChunkCache {
  /** For each slot a hash, and where its record begins; 0 for none. */
  #slots = new Int32Array(2 * 2048);
  /** A record: length, number of tokens, the tokens, UTF-16 units in pairs. */
  #records = new Int32Array(8192);
  #end = 1;
  #count = 0;

  /** Mixes a character into the hash of those before it, which begins with 0. */
  static mix(hash: number, unit: number): number {
    return Math.imul(hash ^ unit, 0x9e3779b1);
  }

  /** Adds the tokens of a chunk to a list. @returns false if it is not kept */
  append(list: TokenList, text: string, start: number, end: number, hash: number): boolean {
    const slots = this.#slots;
    const records = this.#records;
    const mask = slots.length - 1;
    for (let probe = 0, slot = (hash >>> 11) & mask & ~1; probe < MAX_PROBES; probe++) {
      const at = slots[slot + 1] as number;
      if (at === 0) return false;
      if (slots[slot] === hash && records[at] === end - start) {
        const ids = at + 2;
        const units = ids + (records[at + 1] as number);
        if (isAt(text, start, end, records, units)) {
          list.pushAll(records, ids, units);
          return true;
        }
      }
      slot = (slot + 2) & mask;
    }
    return false;
  }

  /** Keeps the tokens of a chunk, those of a list from `first` on. */
  keep(
    text: string,
    start: number,
    end: number,
    hash: number,
    ids: Int32Array,
    first: number,
  ): void {
    const length = end - start;
    if (length > MAX_LENGTH) return;
    if (this.#count === MAX_CHUNKS) this.#clear();
    if (4 * this.#count >= this.#slots.length) this.#rehash();
    let at = this.#end;
    if (!putRecord(this.#slots, hash, at)) return;
    this.#count++;
    this.#end = at + 2 + ids.length - first + ((length + 1) >> 1);
    if (this.#end > this.#records.length) {
      const records = new Int32Array(2 * this.#end);
      records.set(this.#records);
      this.#records = records;
    }
    const records = this.#records;
    records[at++] = length;
    records[at++] = ids.length - first;
    for (let i = first; i < ids.length; i++) records[at++] = ids[i] as number;
    for (let i = start; i < end; i += 2) records[at++] = pairAt(text, i, end);
  }

  #rehash(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    for (let slot = 0; slot < this.#slots.length; slot += 2) {
      const at = this.#slots[slot + 1] as number;
      if (at !== 0) putRecord(slots, this.#slots[slot] as number, at);
    }
    this.#slots = slots;
  }

  #clear(): void {
    this.#slots.fill(0);
    this.#end = 1;
    this.#count = 0;
  }
}

/** Two UTF-16 units of a text as one number; behind its end 0. */
function pairAt(text: string, i: number, end: number): number {
  const first = text.charCodeAt(i);
  return i + 1 < end ? first | (text.charCodeAt(i + 1) << 16) : first;
}

/** Tells whether a part of a text is what a record has from `at` on. */
function isAt(text: string, start: number, end: number, records: Int32Array, at: number): boolean {
  for (let i = start, k = at; i < end; i += 2, k++) {
    if (pairAt(text, i, end) !== records[k]) return false;
  }
  return true;
}

/** Gives a record a slot. @returns false if those near its own are taken */
function putRecord(slots: Int32Array, hash: number, at: number): boolean {
  const mask = slots.length - 1;
  for (let probe = 0, slot = (hash >>> 11) & mask & ~1; probe < MAX_PROBES; probe++) {
    if (slots[slot + 1] === 0) {
      slots[slot] = hash;
      slots[slot + 1] = at;
      return true;
    }
    slot = (slot + 2) & mask;
  }
  return false;
}
