/** Rows to results: items go through the library's stream and are regrouped by row, in order. */
import {
  type ItemWarning,
  isStarlingError,
  type RewardModel,
  type ScoreProgress,
  type StarlingError,
  type TokenRewards,
} from "../src/index.ts";
import { ranksOf } from "./library.ts";
import type { Row } from "./row.ts";

export interface ScoredText {
  /** Its place in the row, from 0. */
  readonly index: number;
  readonly text: string;
  readonly score: number;
  /** The score with its sign turned, where lower is better; absent: the score itself. */
  readonly merit?: number;
  readonly tokenCount: number;
  readonly truncated: boolean;
  /** With --per-token. */
  readonly tokenRewards?: TokenRewards;
  /** Among the row's texts, 1 = best; equal scores share the better rank. */
  readonly rank: number;
}

export type RowResult =
  | { readonly row: Row; readonly scored: readonly ScoredText[]; readonly warnings?: readonly ItemWarning[] }
  | { readonly row: Row; readonly error: StarlingError };

export interface ScoreRowsOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ScoreProgress) => void;
  readonly perToken?: boolean;
  /** Treat warnings as errors; default false. */
  readonly strict?: boolean;
}

/** About the most bytes of input read ahead; one row may be larger. */
const MAX_BYTES_AHEAD = 64 * 1024 * 1024;

interface Pending {
  readonly row: Row;
  readonly firstItem: number;
  readonly itemCount: number;
  readonly scored: Omit<ScoredText, "rank" | "index">[];
  /** By code: what several responses share is reported once. */
  readonly warnings: Map<string, ItemWarning>;
  error: StarlingError | undefined;
  outcomes: number;
}

type ScoreItems = Parameters<RewardModel["scoreEach"]>[0];

export async function* scoreRows(
  rows: Iterable<Row> | AsyncIterable<Row>,
  model: Pick<RewardModel, "scoreEach" | "info">,
  options: ScoreRowsOptions,
): AsyncGenerator<RowResult, void, undefined> {
  const pending: Pending[] = [];
  let items = 0;
  let wakeReader: (() => void) | undefined;
  async function* itemsOf(): AsyncGenerator<unknown> {
    for await (const row of rows) {
      // A row without items sends an invalid one, so its error comes in order.
      const rowItems = row.items.length > 0 ? row.items : [undefined];
      const error = row.error;
      pending.push({
        row,
        firstItem: items,
        itemCount: rowItems.length,
        scored: [],
        warnings: new Map(),
        error,
        outcomes: 0,
      });
      items += rowItems.length;
      // The library bounds the number of items read ahead, not their size.
      while (bytesAhead(pending) > MAX_BYTES_AHEAD && pending.length > 1) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
        });
      }
      yield* rowItems;
    }
  }
  const nameItem = (item: number) => {
    const of = pending.findLast(({ firstItem }) => firstItem <= item);
    return of?.row.many ? `responses[${item - of.firstItem}]` : "row";
  };
  const { direction } = model.info;
  for await (const outcome of model.scoreEach(itemsOf() as ScoreItems, { ...options, nameItem })) {
    const head = pending[0] as Pending;
    if ("error" in outcome) head.error ??= outcome.error;
    else {
      const { score, tokenCount, truncated, tokenRewards, warnings = [] } = outcome;
      for (const warning of warnings) if (!head.warnings.has(warning.code)) head.warnings.set(warning.code, warning);
      const text = itemText(head.row.items[head.outcomes]);
      const merit = direction === "lower" ? { merit: -score } : {};
      head.scored.push({
        text,
        score,
        ...merit,
        tokenCount,
        truncated,
        ...(tokenRewards === undefined ? {} : { tokenRewards }),
      });
    }
    head.outcomes += 1;
    if (head.outcomes < head.itemCount) continue;
    pending.shift();
    wakeReader?.();
    yield toResult(head);
  }
}

function bytesAhead(pending: readonly Pending[]): number {
  return (pending.at(-1)?.row.endOffset ?? 0) - (pending[0]?.row.endOffset ?? 0);
}

function toResult({ row, scored, warnings, error }: Pending): RowResult {
  if (isStarlingError(error)) return { row, error };
  const ranks = ranksOf(scored.map(meritOf));
  return {
    row,
    scored: scored.map((text, i) => ({ ...text, index: i, rank: ranks[i] as number })),
    warnings: [...warnings.values()],
  };
}

/** Higher is better, whatever the model's direction. */
export function meritOf({ score, merit = score }: Pick<ScoredText, "score" | "merit">): number {
  return merit;
}

/** What identifies the item to a person: the text, the response, or the last message. */
export function itemText(item: unknown): string {
  const { text, response, messages } = (item ?? {}) as Record<string, unknown>;
  if (typeof text === "string") return text;
  if (typeof response === "string") return response;
  const last: unknown = Array.isArray(messages) ? messages.at(-1)?.content : undefined;
  return typeof last === "string" ? last : "";
}
