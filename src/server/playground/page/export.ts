/** What is shown, as rows that can be read again: by this page, and by the command line. */
import type { ScoreDirection } from "../../../reward-head.ts";
import { csvCell } from "../../../rows/write/csv-cell.ts";
import { ranksOf } from "../../../scoring/ranks.ts";
import { contextOf, responseOf } from "./items.ts";
import { type Item, isScore, type Outcome } from "./types.ts";

export interface Scored {
  readonly item: Item;
  readonly outcome: Outcome | undefined;
  /** Where it was in a file. */
  readonly where?: string;
}

/** One row for each text, in the order given; ranks are among those of the same group. */
export function rowsOf(groups: readonly (readonly Scored[])[], direction?: ScoreDirection): Record<string, unknown>[] {
  return groups.flatMap((group) => {
    const scores = group.flatMap(({ outcome }) => (isScore(outcome) ? [outcome.score] : []));
    const ranks = ranksOf(scores, direction);
    let next = 0;
    return group.map(({ item, outcome, where }) => {
      const texts = "text" in item ? { text: item.text } : { prompt: promptOf(item), response: responseOf(item) };
      const place = where === undefined ? {} : { where };
      if (!isScore(outcome)) return { ...texts, ...place, error: outcome?.error ?? "not scored" };
      const { score, tokenCount, truncated, headScores } = outcome;
      const own = { score, rank: ranks[next++], tokenCount, truncated };
      return { ...texts, ...place, ...own, ...(headScores === undefined ? {} : { headScores }) };
    });
  });
}

/** A prompt of one turn is a text. */
function promptOf(item: Item): unknown {
  const turns = contextOf(item);
  return turns.length === 1 && turns[0]?.role === "user" ? turns[0].content : turns;
}

export function jsonLines(rows: readonly Record<string, unknown>[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** RFC 4180; what is no text is JSON. */
export function csv(rows: readonly Record<string, unknown>[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown) => {
    if (value === undefined || value === null) return "";
    return csvCell(typeof value === "string" ? value : JSON.stringify(value), ",");
  };
  const lines = [names.map(cell), ...rows.map((row) => names.map((name) => cell(row[name])))];
  return lines.map((cells) => `${cells.join(",")}\n`).join("");
}
