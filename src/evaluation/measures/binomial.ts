/** How often something of a known probability happens in many tries. */

/** Below this expectation counting up from zero takes few steps, and rejection would accept too rarely. */
const MAX_COUNTED = 10;

/**
 * Draws from binomial distributions with up to `maxTries` tries: inversion where the expectation is small, else
 * transformed rejection (algorithm BTRS, its squeeze left out; W. Hörmann, "The generation of binomial random
 * variates", 1993). A few steps a draw, whatever the number of tries.
 */
export class BinomialSource {
  readonly #random: () => number;
  /** Logarithms of the factorials of 0 to maxTries. */
  readonly #logFactorials: Float64Array;

  /** @param random numbers from 0 (included) to 1 (excluded) */
  constructor(random: () => number, maxTries: number) {
    this.#random = random;
    this.#logFactorials = new Float64Array(maxTries + 1);
    for (let n = 1; n <= maxTries; n++) this.#logFactorials[n] = (this.#logFactorials[n - 1] as number) + Math.log(n);
  }

  /** @param probability 0 to 1 */
  draw(tries: number, probability: number): number {
    if (tries === 0 || probability <= 0) return 0;
    if (probability >= 1) return tries;
    if (probability > 0.5) return tries - this.draw(tries, 1 - probability);
    return tries * probability < MAX_COUNTED ? this.#count(tries, probability) : this.#reject(tries, probability);
  }

  #count(tries: number, probability: number): number {
    const odds = probability / (1 - probability);
    let mass = (1 - probability) ** tries;
    let rest = this.#random();
    let successes = 0;
    while (rest >= mass && successes < tries) {
      rest -= mass;
      successes++;
      mass *= (odds * (tries - successes + 1)) / successes;
    }
    return successes;
  }

  #reject(tries: number, probability: number): number {
    const spread = Math.sqrt(tries * probability * (1 - probability));
    // The constants of the paper, fitted there so that the hat covers the distribution closely.
    const b = 1.15 + 2.53 * spread;
    const a = -0.0873 + 0.0248 * b + 0.01 * probability;
    const centre = tries * probability + 0.5;
    const alpha = (2.83 + 5.1 / b) * spread;
    const mode = Math.floor((tries + 1) * probability);
    const logOdds = Math.log(probability / (1 - probability));
    const atMode = this.#logChoose(tries, mode) + mode * logOdds;
    for (;;) {
      const u = this.#random() - 0.5;
      const v = 1 - this.#random();
      const us = 0.5 - Math.abs(u);
      const successes = Math.floor(((2 * a) / us + b) * u + centre);
      if (!(successes >= 0 && successes <= tries)) continue;
      const height = Math.log((v * alpha) / (a / (us * us) + b));
      if (height <= this.#logChoose(tries, successes) + successes * logOdds - atMode) return successes;
    }
  }

  #logChoose(tries: number, successes: number): number {
    const logs = this.#logFactorials;
    return (logs[tries] as number) - (logs[successes] as number) - (logs[tries - successes] as number);
  }
}
