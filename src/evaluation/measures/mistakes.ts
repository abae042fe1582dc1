/** Collects the worst mistakes while cases stream by, so only their texts stay in memory. */
import type { ScoredCase } from "../case.ts";
import { isRight, marginOf } from "./outcome.ts";

/** A comparison that the model gets wrong. */
export interface Mistake {
  /** Index of the source. */
  readonly source: number;
  /** Row number in the source, from 1. */
  readonly row: number;
  /** The data set's own id; absent if it has none. */
  readonly id?: string;
  /** The data set's own name for a part of it; absent if it has none. */
  readonly subset?: string;
  /** What the responses answer, as readable text: all turns of a conversation. */
  readonly prompt: string;
  /** The response that should win. */
  readonly better: JudgedText;
  /** The response that wins instead. */
  readonly worse: JudgedText;
  /** Score of the better response minus that of the worse one: 0 or less. */
  readonly margin: number;
}

/** A response in a mistake. */
export interface JudgedText {
  /** The response, shortened. */
  readonly text: string;
  /** What the data set calls it; absent if it does not. */
  readonly label?: string;
  /** Its raw reward. */
  readonly score: number;
  /** Tokens of prompt and response after truncation. */
  readonly tokenCount: number;
}

/** A case as readable text. */
export interface CaseTexts {
  readonly prompt: string;
  /** By response. */
  readonly responses: readonly { readonly text: string; readonly label?: string }[];
}

const DEFAULT_MISTAKES = 20;

/**
 * Keeps the `limit` mistakes with the largest margins, at most one per case: one bad list of responses must not fill the
 * report. The result does not depend on the order of the cases: equal margins are ordered by source, row and comparison.
 */
export class WorstMistakes {
  readonly #limit: number;
  /** Worst first, at most `limit`. */
  readonly #kept: Mistake[] = [];

  /** @param limit how many mistakes to keep, 0 or more */
  constructor(limit = DEFAULT_MISTAKES) {
    this.#limit = limit;
  }

  /** @param texts called only if the case is kept */
  add(scored: ScoredCase, texts: () => CaseTexts): void {
    let worst: { better: number; worse: number; margin: number } | undefined;
    for (const comparison of scored.comparisons) {
      if (isRight(scored, comparison)) continue;
      const margin = marginOf(scored, comparison);
      if (worst === undefined || margin < worst.margin)
        worst = { better: comparison.better, worse: comparison.worse, margin };
    }
    if (worst === undefined) return;
    const place = this.#placeOf({ margin: worst.margin, source: scored.source, row: scored.row });
    if (place >= this.#limit) return;
    const { prompt, responses } = texts();
    const judged = (index: number): JudgedText => {
      const { text = "", label } = responses[index] ?? {};
      const [score, tokenCount] = [scored.scores[index] as number, scored.tokenCounts[index] as number];
      return { text, ...(label !== undefined && { label }), score, tokenCount };
    };
    this.#kept.splice(place, 0, {
      source: scored.source,
      row: scored.row,
      ...(scored.id !== undefined && { id: scored.id }),
      ...(scored.subset !== undefined && { subset: scored.subset }),
      prompt,
      better: judged(worst.better),
      worse: judged(worst.worse),
      margin: worst.margin,
    });
    if (this.#kept.length > this.#limit) this.#kept.pop();
  }

  /** Worst first. */
  get worst(): readonly Mistake[] {
    return [...this.#kept];
  }

  #placeOf(mistake: Pick<Mistake, "margin" | "source" | "row">): number {
    const behind = this.#kept.findIndex((kept) => compare(mistake, kept) < 0);
    return behind === -1 ? this.#kept.length : behind;
  }
}

/** The worst of several lists, as if their cases had been added to one. */
export function worstOf(mistakes: readonly Mistake[], limit = DEFAULT_MISTAKES): readonly Mistake[] {
  return [...mistakes].sort(compare).slice(0, limit);
}

type Place = Pick<Mistake, "margin" | "source" | "row">;

function compare(a: Place, b: Place): number {
  return a.margin - b.margin || a.source - b.source || a.row - b.row;
}
