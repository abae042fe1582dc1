/** The best rows of each prompt, where every row has one response: 20 bytes of memory for each row. */

const FIRST_CAPACITY = 1024;

export class TopRows {
  readonly #top: number;
  #keys = new BigUint64Array(FIRST_CAPACITY);
  #scores = new Float64Array(FIRST_CAPACITY);
  #count = 0;

  constructor(top: number) {
    this.#top = top;
  }

  /** @param key of the prompt, 16 hexadecimal digits; "" for a row that is kept in any case */
  add(key: string, score: number): void {
    if (this.#count === this.#keys.length) this.#grow();
    this.#keys[this.#count] = key === "" ? 0n : BigInt(`0x${key}`);
    this.#scores[this.#count] = key === "" ? Number.POSITIVE_INFINITY : score;
    this.#count += 1;
  }

  /** By row: 1 for those that are among the best of their prompt; of equal scores the earlier ones. */
  chosen(): Uint8Array {
    const [keys, scores] = [this.#keys, this.#scores];
    const order = Uint32Array.from({ length: this.#count }, (_, i) => i).sort((a, b) => {
      const [left, right] = [keys[a] as bigint, keys[b] as bigint];
      if (left !== right) return left < right ? -1 : 1;
      return (scores[b] as number) - (scores[a] as number) || a - b;
    });
    const chosen = new Uint8Array(this.#count);
    let taken = 0;
    for (const [i, row] of order.entries()) {
      taken = i > 0 && keys[row] === keys[order[i - 1] as number] ? taken + 1 : 1;
      if (taken <= this.#top || scores[row] === Number.POSITIVE_INFINITY) chosen[row] = 1;
    }
    return chosen;
  }

  #grow(): void {
    const [keys, scores] = [this.#keys, this.#scores];
    this.#keys = new BigUint64Array(2 * keys.length);
    this.#keys.set(keys);
    this.#scores = new Float64Array(2 * scores.length);
    this.#scores.set(scores);
  }
}
