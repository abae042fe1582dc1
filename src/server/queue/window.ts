/**
 * How much may be in the scoring process at the same time: about half a second of work by the rate that is measured, so that a
 * newcomer waits no longer for what others have there; but enough to keep all of it busy. Pure: it is told the time.
 */

/** Of work in the scoring process. */
const TARGET_SECONDS = 0.5;
/** Until a rate is known. */
const FIRST_TOKENS = 2048;
/** Busy time that a sample of the rate covers. */
const SAMPLE_MS = 250;
/** What an older rate counts beside a new sample. */
const MEMORY = 0.6;
/** More do not make it faster, and each is a promise and a message. */
const MAX_ITEMS = 4096;

export interface WindowLimits {
  /** Sequences that are evaluated at the same time, each with a cache of its own. */
  readonly lanes: number;
  /** Items that keep a lane busy, however long they are. */
  readonly minItems: number;
  /** Tokens that keep the process busy, where a batch takes several items. */
  readonly minTokens: number;
}

export class Window {
  limits: WindowLimits = { lanes: 1, minItems: 4, minTokens: 0 };
  #items = 0;
  #tokens = 0;
  /** Tokens a millisecond. */
  #rate: number | undefined;
  #sampleTokens = 0;
  #sampleMs = 0;
  #busySince = 0;

  get items(): number {
    return this.#items;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Tokens a second; undefined until it was measured. */
  get rate(): number | undefined {
    return this.#rate === undefined ? undefined : this.#rate * 1000;
  }

  /** Tokens that may be in flight. */
  get size(): number {
    const wanted = this.#rate === undefined ? FIRST_TOKENS : this.#rate * 1000 * TARGET_SECONDS;
    return Math.max(wanted, this.limits.minTokens);
  }

  /** Tokens for which a lane with so much in flight has room; 0 or less: none. */
  roomOf(lane: { readonly items: number; readonly tokens: number }): number {
    if (this.roomItems <= 0) return 0;
    const room = this.size / this.limits.lanes - lane.tokens;
    return lane.items < this.limits.minItems ? Math.max(room, 1) : room;
  }

  /** Items for which there is room. */
  get roomItems(): number {
    return MAX_ITEMS - this.#items;
  }

  start(tokens: number, now: number): void {
    if (this.#items === 0) this.#busySince = now;
    this.#items += 1;
    this.#tokens += tokens;
  }

  /** @param isDone it was computed, not cancelled or lost */
  finish(tokens: number, now: number, isDone: boolean): void {
    this.#items -= 1;
    this.#tokens -= tokens;
    if (isDone) this.#sampleTokens += tokens;
    this.#sampleMs += Math.max(0, now - this.#busySince);
    this.#busySince = now;
    if (this.#sampleMs < SAMPLE_MS) return;
    const sample = this.#sampleTokens / this.#sampleMs;
    this.#rate = this.#rate === undefined ? sample : MEMORY * this.#rate + (1 - MEMORY) * sample;
    [this.#sampleTokens, this.#sampleMs] = [0, 0];
  }
}
