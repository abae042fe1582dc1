/** How many tokens texts have: their distribution, exactly. */

/** From the shortest text to the longest; quantiles are lengths that texts have (the nearest rank). */
export interface TokenDistribution {
  readonly min: number;
  readonly median: number;
  readonly mean: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Texts by length: from `from` to `to` tokens, both included. */
  readonly histogram: readonly HistogramBin[];
}

export interface HistogramBin {
  readonly from: number;
  readonly to: number;
  readonly texts: number;
}

const BINS = 10;

export class TokenCounts {
  /** Texts by their number of tokens. */
  readonly #texts = new Map<number, number>();
  #count = 0;
  #total = 0;

  get count(): number {
    return this.#count;
  }

  get total(): number {
    return this.#total;
  }

  add(tokens: number): void {
    this.#texts.set(tokens, (this.#texts.get(tokens) ?? 0) + 1);
    this.#count += 1;
    this.#total += tokens;
  }

  /** Undefined without texts. */
  distribution(): TokenDistribution | undefined {
    if (this.#count === 0) return undefined;
    const sorted = [...this.#texts].sort(([a], [b]) => a - b);
    const [min, max] = [sorted[0]?.[0] as number, sorted.at(-1)?.[0] as number];
    const quantile = (part: number) => {
      const rank = Math.max(1, Math.ceil(part * this.#count));
      let seen = 0;
      for (const [tokens, texts] of sorted) {
        seen += texts;
        if (seen >= rank) return tokens;
      }
      return max;
    };
    const width = Math.max(1, Math.ceil((max - min + 1) / BINS));
    const bins = Array.from({ length: Math.ceil((max - min + 1) / width) }, (_, i) => {
      const from = min + i * width;
      return { from, to: Math.min(max, from + width - 1), texts: 0 };
    });
    for (const [tokens, texts] of sorted)
      (bins[Math.floor((tokens - min) / width)] as { texts: number }).texts += texts;
    return {
      ...{ min, median: quantile(0.5), mean: this.#total / this.#count, p90: quantile(0.9), p99: quantile(0.99), max },
      histogram: bins,
    };
  }
}
