import { expect, it } from "vitest";
import { ranksOf } from "../../../src/scoring/ranks.ts";

it("shares the better rank between equal scores", () => {
  expect(ranksOf([1, 3, 2, 3])).toEqual([4, 1, 3, 1]);
  expect(ranksOf([])).toEqual([]);
});
