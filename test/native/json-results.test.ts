/** Results survive JSON.stringify, and what was read back can be used. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { FeatureTable, fitHead } from "../../src/entry/fit.ts";
import { isStarlingError, loadRewardModel, type RewardModel } from "../../src/index.ts";

const prompt = "Name a fruit.";
const items = ["An apple.", "A stone.", "I hate you."].map((response) => ({ prompt, response }));
const throughJson = (value: unknown) => JSON.parse(JSON.stringify(value));

let model: RewardModel;
beforeAll(async () => {
  model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
});
afterAll(() => model.close());

it.each([
  ["score", () => model.score(items)],
  ["score with the reward of each token", () => model.score(items, { perToken: true })],
  ["rank", () => model.rank({ prompt, responses: ["a", "b"] })],
  ["info", async () => model.info],
])("%s comes back as it was", async (_, call) => {
  const result = await call();
  expect(throughJson(result)).toEqual(result);
});

it("typed arrays come back as numbers", async () => {
  const [tokenized] = await model.tokenize(items);
  expect(throughJson(tokenized)).toEqual({ ...tokenized, ids: Array.from(tokenized?.ids ?? []) });
  const [result] = await model.features(items);
  expect(throughJson(result)).toEqual({ ...result, features: Array.from(result?.features ?? []) });
  expect(throughJson(model.head).weight).toEqual(Array.from(model.head.weight));
});

it("an error keeps its message and code", async () => {
  const outcomes = model.scoreEach([{ text: "" }]);
  for await (const outcome of outcomes)
    expect(throughJson(outcome)).toEqual({
      index: 0,
      error: {
        name: "InvalidInputError",
        code: "ERR_EMPTY_TEXT",
        message: "error" in outcome && outcome.error.message,
        field: "items[0].text",
      },
    });
});

it("features that were read back make the table that the features themselves make", async () => {
  const features = (await model.features(items)).map((result) => result.features);
  const [fresh, read] = [FeatureTable.from(features), FeatureTable.from(throughJson(features))];
  expect([fresh.rows, fresh.width]).toEqual([items.length, model.info.embeddingLength]);
  for (const [i, row] of features.entries()) {
    expect(Array.from(fresh.row(i))).toEqual(Array.from(row));
    expect(Array.from(read.row(i))).toEqual(Array.from(row));
  }
});

it("a head is fitted to rows of one's own", async () => {
  const features = FeatureTable.from([
    [1, 0],
    [0, 1],
    [0.5, 0],
    [0, 0.25],
  ]);
  const caseOf = (rows: [number, number], group: string) => {
    return { source: 0, row: 1, rows, grades: [1, 0], comparisons: [{ better: 0, worse: 1 }], group };
  };
  const data = { head: { weight: new Float32Array(2) }, features, cases: [caseOf([0, 1], "a"), caseOf([2, 3], "b")] };
  const { head, training } = await fitHead(data, { ridge: 0.1, heldOut: 0 });
  expect(head.weight[0]).toBeGreaterThan(0);
  expect(head.weight[1]).toBeLessThan(0);
  expect(training.after.accuracy).toBe(1);
  expect(throughJson(head)).toEqual({ weight: Array.from(head.weight) });
  const outside = { ...data, cases: [caseOf([0, 4], "a")] };
  await expect(fitHead(outside)).rejects.toThrow(/cases\[0\]/);
});

it.each([
  ["of different lengths", [[1, 2], [1]], /^Expected 2 numbers, like rows\[0\], for rows\[1\]/],
  ["that are not finite", [[1, Number.NaN]], /^Expected finite float32 numbers for rows\[0\]/],
  ["beyond float32", [[1, 1e39]], /^Expected finite float32 numbers for rows\[0\]/],
  ["of texts", [["a"]], /^Expected a Float32Array or an array of numbers for rows\[0\]/],
  ["without numbers", [[]], /for rows\[0\]/],
])("rows %s are refused", (_, rows, message) => {
  try {
    FeatureTable.from(rows as never);
    expect.unreachable();
  } catch (error) {
    expect(isStarlingError(error) && error.message).toMatch(message);
  }
});
