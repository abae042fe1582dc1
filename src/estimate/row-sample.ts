/** Blocks of neighbouring rows, drawn from a stream of unknown length: rows alone would not show which prompts meet. */

export interface Block<Row> {
  /** Number of its first row, from 0. */
  readonly first: number;
  readonly rows: Row[];
}

/** The same numbers in every run. */
const SEED = 20240315;

export class BlockSample<Row> {
  readonly #blocks: Block<Row>[] = [];
  readonly #wanted: number;
  readonly #blockRows: number;
  #current: Block<Row> | undefined;
  #count = 0;
  #state = SEED;

  constructor(blocks: number, blockRows: number) {
    this.#wanted = blocks;
    this.#blockRows = blockRows;
  }

  /** Rows that were offered. */
  get count(): number {
    return this.#count;
  }

  /** Every block of the stream has the same chance (reservoir sampling). */
  offer(row: Row): void {
    if (this.#count % this.#blockRows === 0) this.#begin(this.#count / this.#blockRows);
    this.#count += 1;
    this.#current?.rows.push(row);
  }

  /** In the order of the stream. */
  get blocks(): readonly Block<Row>[] {
    return [...this.#blocks].sort((a, b) => a.first - b.first);
  }

  #begin(index: number): void {
    this.#current = undefined;
    const place = index < this.#wanted ? index : this.#below(index + 1);
    if (place >= this.#wanted) return;
    this.#current = { first: this.#count, rows: [] };
    this.#blocks[place] = this.#current;
  }

  #below(n: number): number {
    // xorshift32.
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return Math.floor(((state >>> 0) / 2 ** 32) * n);
  }
}
