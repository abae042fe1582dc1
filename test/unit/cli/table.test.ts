import { describe, expect, it } from "vitest";
import type { RowResult } from "../../../cli/score-rows.ts";
import { propertyTable, rankTable, scoreTable } from "../../../cli/table.ts";
import { textWidth } from "../../../cli/visible-text.ts";
import { InvalidInputError } from "../../../src/index.ts";

const row = { index: 0, where: "line 1", endOffset: 1, items: [], many: false, own: new Map() };
const text = { index: 0, text: "Paris.", score: 1.23456, tokenCount: 19, truncated: false, rank: 1 };
const one: RowResult = { row, scored: [text] };
const many: RowResult = {
  row: { ...row, index: 1, many: true, items: [{ prompt: "Capital?", response: "Lyon" }] },
  scored: [
    { ...text, text: "Lyon", score: -0.5, rank: 2 },
    { ...text, index: 1, truncated: true },
  ],
};
const failed: RowResult = {
  row: { ...row, index: 2, items: [{ text: "" }] },
  error: new InvalidInputError("ERR_EMPTY_TEXT", "row.text is empty"),
};

describe("the table of scores", () => {
  it("has fixed columns, the model's notice, and explains its mark", () => {
    const table = scoreTable({ columns: 60, notice: "A demonstration." });
    expect(table.begin() + table.row(one) + table.row(many) + table.row(failed) + table.end()).toBe(
      [
        "A demonstration.",
        "       #       score   tokens  text",
        "       0      1.2346       19  Paris.",
        "     1.0     -0.5000       19  (rank 2) Lyon",
        "     1.1      1.2346      19+  (rank 1) Paris.",
        "       2      failed        -",
        "+ = truncated: only the last tokens were scored",
        "",
      ].join("\n"),
    );
  });

  it("shortens texts to the terminal and lets none of them move the cursor", () => {
    const table = scoreTable({ columns: 50, notice: undefined });
    const line = table.row({ row, scored: [{ ...text, text: "\x1b[2J\r你好".repeat(100) }] });
    expect(textWidth(line.trimEnd())).toBeLessThanOrEqual(50);
    expect(line.trimEnd()).not.toMatch(/\p{Cc}/u);
  });
});

it("the table of ranks has each prompt with its responses, best first", () => {
  const table = rankTable({ columns: 60, notice: "A demonstration." });
  expect(table.begin() + table.row(many) + table.row(failed) + table.end()).toBe(
    [
      "A demonstration.",
      "",
      "1: Capital?",
      "    rank       score   tokens  response",
      "       1      1.2346      19+  Paris.",
      "       2     -0.5000       19  Lyon",
      "",
      "       2      failed        -",
      "",
      "+ = truncated: only the last tokens were scored",
      "",
    ].join("\n"),
  );
});

it("a table of properties is aligned and visible", () => {
  expect(
    propertyTable([
      ["name", "a\x1b"],
      ["hidden size", "64"],
    ]),
  ).toBe("name         a\\u{1b}\nhidden size  64\n");
});
