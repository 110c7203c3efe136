/**
 * Time-out after which a receiver asks for what is missing, from measured round trips as TCP has it
 * (RFC 6298): a mean that follows the round trips, and four times their mean variation.
 */

/** Time-out before any round trip is known, and the shortest one, in milliseconds. */
const MIN_MS = 500;
/** Longest time-out. */
const MAX_MS = 8000;
/** Weight of a new round trip in the mean, and in the mean variation. */
const MEAN_WEIGHT = 1 / 8;
const VARIATION_WEIGHT = 1 / 4;

/** Round trips to one rank: from a chunk that was sent to its confirmation. */
export class RoundTrip {
  #mean: number | undefined;
  #variation = 0;

  /**
   * Takes a round trip.
   *
   * @param elapsed milliseconds from the first sending to the confirmation
   * @param isAgain the chunk was sent again: as it is not known which of the two was confirmed, the
   *   time-out grows to some twice of what it was, and no further
   */
  add(elapsed: number, isAgain = false): void {
    const milliseconds = isAgain ? Math.min(elapsed, 2 * this.timeout(0)) : elapsed;
    if (this.#mean === undefined) {
      this.#mean = milliseconds;
      this.#variation = milliseconds / 2;
      return;
    }
    const error = milliseconds - this.#mean;
    this.#variation += VARIATION_WEIGHT * (Math.abs(error) - this.#variation);
    this.#mean += MEAN_WEIGHT * error;
  }

  /**
   * Milliseconds without a chunk after which one is asked for.
   *
   * @param asked times that it was asked for in vain: twice as long after each
   */
  timeout(asked: number): number {
    const measured = (this.#mean ?? 0) + 4 * this.#variation;
    return Math.min(MAX_MS, Math.max(MIN_MS, measured) * 2 ** Math.min(asked, 10));
  }
}
