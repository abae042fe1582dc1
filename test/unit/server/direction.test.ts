/** Of a cost model the lowest score is the best, in every interface that ranks. */
import { expect, it } from "vitest";
import { ranking, readRankCall } from "../../../src/server/own/rank.ts";
import { readScoreCall, rowResult } from "../../../src/server/own/score.ts";
import { serveOnce } from "./serve-once.ts";

const scores = [2, -1, 0.5];
const results = scores.map((score) => ({ score, tokenCount: 3, truncated: false, scorePosition: 2 }));

it.each([
  ["/rerank", { query: "q", documents: ["a", "b", "c"], model: "m" }],
  ["/rerank", { query: "q", texts: ["a", "b", "c"], raw_scores: true }],
  ["/v1/rerank", { query: "q", documents: ["a", "b", "c"] }],
])("reranks at %s: %j", (path, body) => {
  const answer = serveOnce(path, body, { scores, direction: "lower" }).body as { results?: unknown } | unknown[];
  const ranked = (Array.isArray(answer) ? answer : answer.results) as { readonly index: number }[];
  expect(ranked.map(({ index }) => index)).toEqual([1, 2, 0]);
});

it("ranks in its own interface", () => {
  const responses = ["a", "b", "c"];
  const ranked = ranking(readRankCall({ prompt: "q", responses }), results, "lower") as { readonly index: number }[];
  expect(ranked.map(({ index }) => index)).toEqual([1, 2, 0]);
  const { rows } = readScoreCall({ prompt: "q", responses });
  expect(rowResult(0, rows[0] as (typeof rows)[0], results, "lower")).toMatchObject({ scores, ranks: [3, 1, 2] });
});
