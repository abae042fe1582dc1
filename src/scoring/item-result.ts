/** Turns what the native side computed for an item into its result. */
import { jsonArray } from "../json-array.ts";
import type { LocatedItem, RewardTokenizer } from "./reward-tokenizer.ts";
import type { FeatureResult, ScoreResult } from "./types.ts";

/** What is computed for each item besides its score. */
export type Wanted = "score" | "token-rewards" | "features";

/** @param value the score; or the rewards of the response's tokens, or the features, with the score after them */
export function itemResult(
  value: number | Float32Array,
  index: number,
  item: LocatedItem,
  wanted: Wanted,
  tokenizer: RewardTokenizer,
): ScoreResult | FeatureResult {
  const result = {
    index,
    score: typeof value === "number" ? value : (value[value.length - 1] as number),
    tokenCount: item.ids.length,
    truncated: item.truncated,
    scorePosition: item.scorePosition,
    ...(item.warnings === undefined ? {} : { warnings: item.warnings }),
  };
  if (typeof value === "number") return result;
  if (wanted === "features") return { ...result, features: jsonArray(value.subarray(0, -1)) };
  const start = item.responseStart ?? 0;
  const ids = Array.from(item.ids.subarray(start, item.scorePosition + 1));
  return { ...result, tokenRewards: { start, ids, pieces: tokenizer.pieces(ids), rewards: Array.from(value) } };
}
