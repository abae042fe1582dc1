import { expect, it } from "vitest";
import { FeatureTable } from "../../../../src/evaluation/fit/feature-table.ts";
import { checkFitInput } from "../../../../src/evaluation/fit/fit-data.ts";

const weight = Float32Array.of(1, 2);

it.each([
  ["a hidden layer", { weight, hidden: { weight: new Float32Array(4), activation: "relu" } }, /linear head/],
  ["lower scores that are better", { weight, direction: "lower" }, /higher scores are better/],
])("no head is fitted from one with %s", (_, head, message) => {
  const features = FeatureTable.from([weight]);
  expect(() => checkFitInput({ head, features, cases: [] })).toThrow(message);
  expect(() => checkFitInput({ head: { weight }, features, cases: [] })).not.toThrow();
});
