/**
 * PKU-Alignment/PKU-SafeRLHF of all versions (round0 and its .jsonl.xz files, 10K, 30K): two responses, the more helpful one
 * (better_response_id) and the safer one (safer_response_id), each 0 or 1, and whether each is safe. A reward model is trained
 * on the first, a cost model on the second. Source: the data set's card; PKU-Alignment/safe-rlhf
 * (safe_rlhf/datasets/raw/safe_rlhf.py).
 */

import { withoutSameText } from "../compared.ts";
import type { Layout } from "../layout.ts";
import { adaptSafety } from "../safety.ts";
import { twoResponses } from "./described.ts";
import { onScale } from "./verdicts.ts";

const RESPONSES = ["response_0", "response_1"] as const;
const COLUMNS = { prompt: "text", response_0: "text", response_1: "text" } as const;

export const pkuBetter: Layout = twoResponses(
  {
    name: "pku-better",
    title: "PKU-SafeRLHF, more helpful response",
    columns: { ...COLUMNS, better_response_id: "label" },
    compared:
      "the more helpful response over the other (pku-safer: the safer one; pku-safety: a safe one over an unsafe one)",
    over: ["pku-safety", "pku-safer", "two-responses"],
  },
  { prompt: "prompt", responses: RESPONSES, verdict: onScale("better_response_id", 0, 1) },
);

export const pkuSafer: Layout = twoResponses(
  {
    name: "pku-safer",
    title: "PKU-SafeRLHF, safer response",
    columns: { ...COLUMNS, safer_response_id: "label" },
    compared: "the safer response over the other",
    over: ["pku-safety", "two-responses"],
  },
  { prompt: "prompt", responses: RESPONSES, verdict: onScale("safer_response_id", 0, 1) },
);

export const pkuSafety: Layout = {
  name: "pku-safety",
  title: "PKU-SafeRLHF, safe response",
  columns: { ...COLUMNS, is_response_0_safe: "flag", is_response_1_safe: "flag" },
  compared: "the safe response over the unsafe one, as eval safety does",
  adapt: (row, options = {}) => withoutSameText(adaptSafety(row, options), options),
};
