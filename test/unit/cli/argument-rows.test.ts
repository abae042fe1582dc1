import { expect, it } from "vitest";
import { argumentRows, rankingRow } from "../../../cli/argument-rows.ts";
import { UsageError } from "../../../cli/errors.ts";

const items = (args: { text?: string[]; prompt?: string[]; response?: string[] }) =>
  argumentRows({ text: [], prompt: [], response: [], ...args }).map((row) => row.items[0]);

it("gives one row for each text", () => {
  expect(items({ text: ["a", ""] })).toEqual([{ text: "a" }, { text: "" }]);
});

it("puts all responses to the one prompt", () => {
  expect(items({ prompt: ["p"], response: ["a", "b"] })).toEqual([
    { prompt: "p", response: "a" },
    { prompt: "p", response: "b" },
  ]);
});

it("pairs as many prompts as responses", () => {
  expect(items({ prompt: ["p", "q"], response: ["a", "b"] })).toEqual([
    { prompt: "p", response: "a" },
    { prompt: "q", response: "b" },
  ]);
});

it.each([
  [
    { prompt: ["p", "q"], response: ["a"] },
    "one --prompt for all responses, or one for each, but received 2 for 1 response",
  ],
  [{ prompt: ["p", "q"], response: ["a", "b", "c"] }, "but received 2 for 3 responses"],
  [{ prompt: ["p"] }, "--prompt needs at least one --response"],
  [{ response: ["a"] }, "--response needs --prompt"],
  [{ text: ["t"], prompt: ["p"] }, "cannot be combined"],
])("refuses %j", (args, message) => {
  expect(() => items(args)).toThrow(UsageError);
  expect(() => items(args)).toThrow(message);
});

it("ranks the responses to one prompt as one row", () => {
  expect(rankingRow({ prompt: ["p"], response: ["a", "b"] })).toMatchObject({ many: true, items: [{}, {}] });
  expect(() => rankingRow({ prompt: ["p", "q"], response: ["a", "b"] })).toThrow("one --prompt");
});
