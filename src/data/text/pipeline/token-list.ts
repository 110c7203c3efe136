/** A list of token numbers that grows. */

export class TokenList {
  #ids = new Int32Array(1024);
  #length = 0;

  /** Tokens in the list. */
  get length(): number {
    return this.#length;
  }

  /** The tokens, as a view that is valid until one is added. */
  get ids(): Int32Array {
    return this.#ids.subarray(0, this.#length);
  }

  /** The tokens as an array of their own. */
  toArray(): number[] {
    const ids = this.#ids;
    const array: number[] = [];
    for (let i = 0; i < this.#length; i++) array.push(ids[i] as number);
    return array;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#ids.length) return;
    const grown = new Int32Array(2 * (this.#length + count));
    grown.set(this.#ids);
    this.#ids = grown;
  }

  /** Adds one token. */
  push(id: number): void {
    if (this.#length === this.#ids.length) this.#reserve(1);
    this.#ids[this.#length++] = id;
  }

  /** Adds several tokens, those of a list from `start` to before `end`. */
  pushAll(ids: ArrayLike<number>, start = 0, end = ids.length): void {
    this.#reserve(end - start);
    const own = this.#ids;
    let at = this.#length;
    for (let i = start; i < end; i++) own[at++] = ids[i] as number;
    this.#length = at;
  }

  /** Keeps the first tokens alone. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** Removes the tokens from `start` to before `end`. */
  remove(start: number, end: number): void {
    this.#ids.copyWithin(start, end, this.#length);
    this.#length -= end - start;
  }

  /** Removes every token `id` from `start` on. */
  drop(id: number, start: number): void {
    const own = this.#ids;
    let at = start;
    for (let i = start; i < this.#length; i++) {
      if (own[i] !== id) own[at++] = own[i] as number;
    }
    this.#length = at;
  }
}
