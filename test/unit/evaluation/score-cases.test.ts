import { expect, test } from "vitest";
import { InvalidInputError, StarlingError } from "../../../src/errors.ts";
import type { PlacedCase } from "../../../src/evaluation/case.ts";
import { itemHash } from "../../../src/evaluation/item-texts.ts";
import { ScoreCache, type ScoreSettings } from "../../../src/evaluation/score-cache.ts";
import { type CaseOutcome, scoreCases } from "../../../src/evaluation/score-cases.ts";
import type { RewardModel, ScoreItem, ScoreOptions, ScoreOutcome } from "../../../src/index.ts";

const settings = {} as ScoreSettings;

/** Scores a response by its number, reads ahead as the real stream does, and says what it was given. */
function fakeModel(given: string[]): Pick<RewardModel, "scoreEach"> {
  return {
    async *scoreEach(items: Iterable<ScoreItem> | AsyncIterable<ScoreItem>, options: ScoreOptions = {}) {
      const ahead: { index: number; response: string }[] = [];
      let index = 0;
      const answer = ({ index: at, response }: { index: number; response: string }): ScoreOutcome => {
        if (response === "broken") {
          const name = options.nameItem?.(at) ?? "";
          return { index: at, error: new InvalidInputError("ERR_EMPTY_TEXT", `${name} is broken.`) };
        }
        return { index: at, score: Number(response), tokenCount: 5, truncated: response === "9", scorePosition: 4 };
      };
      for await (const item of items) {
        const { response } = item as { response: string };
        given.push(response);
        ahead.push({ index: index++, response });
        if (ahead.length > 3) yield answer(ahead.shift() as (typeof ahead)[number]);
      }
      for (const rest of ahead) yield answer(rest);
    },
  };
}

function placed(row: number, responses: readonly string[]): PlacedCase {
  return {
    source: 0,
    row,
    comparisons: [{ better: 0, worse: 1 }],
    responses: responses.map((response, i) => ({ item: { prompt: "p", response }, grade: 10 - i })),
  };
}

async function collect(outcomes: AsyncIterable<CaseOutcome>): Promise<CaseOutcome[]> {
  const all: CaseOutcome[] = [];
  for await (const outcome of outcomes) all.push(outcome);
  return all;
}

test("cases come in order, with what is known of each response", async () => {
  const cases = [placed(1, ["3", "1"]), placed(4, ["9", "7"]), placed(5, ["2", "2"])];
  cases[1] = { ...cases[1], id: "x", subset: "s" } as PlacedCase;
  const given: string[] = [];
  const cache = ScoreCache.open(undefined, settings);
  const outcomes = await collect(scoreCases([cases[0], cases[2]] as PlacedCase[], fakeModel(given), cache, {}));
  expect(outcomes).toMatchObject([
    { placed: cases[0], scored: { row: 1, scores: [3, 1], grades: [10, 9], lengths: [1, 1], tokenCounts: [5, 5] } },
    { placed: cases[2], scored: { row: 5, scores: [2, 2] } },
  ]);
  const [marked] = await collect(scoreCases([cases[1]] as PlacedCase[], fakeModel(given), cache, {}));
  expect(marked).toMatchObject({ scored: { id: "x", subset: "s", truncated: [true, false] } });
});

test("what the cache knows is not scored again, also in the middle of a case", async () => {
  const cache = ScoreCache.open(undefined, settings);
  for (const response of ["1", "4", "5"])
    cache.add(itemHash({ prompt: "p", response }), {
      score: Number(response),
      tokenCount: 5,
      truncated: false,
    });
  const given: string[] = [];
  const cases = [placed(1, ["1", "2"]), placed(2, ["4", "5"]), placed(3, ["3", "1"]), placed(4, ["5", "4"])];
  const outcomes = await collect(scoreCases(cases, fakeModel(given), cache, {}));
  expect(given).toEqual(["2", "3"]);
  expect(outcomes.map((outcome) => "scored" in outcome && outcome.scored.scores)).toEqual([
    [1, 2],
    [4, 5],
    [3, 1],
    [5, 4],
  ]);
  given.length = 0;
  await collect(scoreCases(cases, fakeModel(given), cache, {}));
  expect(given).toEqual([]);
});

test("a case with a response that cannot be scored names it, and the others go on", async () => {
  const cases = [placed(1, ["1", "2"]), placed(2, ["3", "broken", "broken"]), placed(3, ["4", "5"])];
  const cache = ScoreCache.open(undefined, settings);
  const outcomes = await collect(scoreCases(cases, fakeModel([]), cache, {}));
  expect(outcomes.map((outcome) => ("error" in outcome ? outcome.error.message : outcome.scored.scores))).toEqual([
    [1, 2],
    "responses[1] is broken.",
    [4, 5],
  ]);
  expect((outcomes[1] as { error: unknown }).error).toBeInstanceOf(StarlingError);
  // The one that could be scored is kept all the same.
  expect(cache.get(itemHash({ prompt: "p", response: "3" }))?.score).toBe(3);
});

test("cases that are all known come while the rest is read, so that few of them are held", async () => {
  const cache = ScoreCache.open(undefined, settings);
  const known = Array.from({ length: 50 }, (_, i) => String(i));
  for (const response of known)
    cache.add(itemHash({ prompt: "p", response }), { score: Number(response), tokenCount: 5, truncated: false });
  const total = 20_000;
  let read = 0;
  let closed = false;
  async function* cases() {
    try {
      for (; read < total; read++) {
        // A few in between are for the model.
        const response = read % 7000 === 6999 ? String(read) : (known[read % 50] as string);
        yield placed(read, [response, known[(read + 1) % 50] as string]);
      }
    } finally {
      closed = true;
    }
  }
  let most = 0;
  let seen = 0;
  const eager: Pick<RewardModel, "scoreEach"> = {
    async *scoreEach(items: Iterable<ScoreItem> | AsyncIterable<ScoreItem>) {
      let index = 0;
      for await (const item of items) {
        const score = Number((item as { response: string }).response);
        yield { index: index++, score, tokenCount: 5, truncated: false, scorePosition: 4 };
      }
    },
  };
  for await (const outcome of scoreCases(cases(), eager, cache, {})) {
    expect(outcome.placed.row).toBe(seen);
    seen += 1;
    most = Math.max(most, read - seen);
    if (seen === 15_000) break;
  }
  expect(most).toBeLessThan(2000);
  await new Promise(setImmediate);
  expect(closed).toBe(true);
});
