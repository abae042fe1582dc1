/** Tokens of a text that nobody has tokenised yet, by a ratio that is learned from those that were. Pure. */

/** Of English in most vocabularies. */
const FIRST_RATIO = 0.27;
/** What a template writes around a short conversation. */
const TEMPLATE_TOKENS = 8;
/** The weight of the results so far against a new one of as many bytes. */
const MEMORY_BYTES = 20_000;
/** Of a text of bytes that are no characters, and of one that repeats a long word. */
const [MAX_RATIO, MIN_RATIO] = [2, 0.02];

export class TokenEstimate {
  #bytes = MEMORY_BYTES;
  #tokens = MEMORY_BYTES * FIRST_RATIO;
  /** Most tokens of a text. */
  maxTokens = 4096;

  tokensOf(bytes: number): number {
    return Math.min(this.maxTokens, Math.ceil(bytes * this.#ratio) + TEMPLATE_TOKENS);
  }

  /** @param tokens of a text that was not truncated */
  learn(bytes: number, tokens: number): void {
    this.#bytes += bytes;
    this.#tokens += Math.max(0, tokens - TEMPLATE_TOKENS);
    if (this.#bytes < 2 * MEMORY_BYTES) return;
    this.#bytes /= 2;
    this.#tokens /= 2;
  }

  get #ratio(): number {
    return Math.min(MAX_RATIO, Math.max(MIN_RATIO, this.#tokens / this.#bytes));
  }
}
