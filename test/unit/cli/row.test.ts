import { describe, expect, it } from "vitest";
import { replacedFields, toRow } from "../../../cli/row.ts";
import type { SourceRow } from "../../../src/index.ts";

function sourceRow(source: string): SourceRow {
  return { where: "line 1", endOffset: 9, source, value: JSON.parse(source) };
}

const rowOf = (source: string) => toRow(sourceRow(source), 3);

it("leaves one item to the library's own checks", () => {
  for (const value of [{ text: "a" }, { text: 5 }, { prompt: "a", response: "b" }, { messages: [] }]) {
    expect(rowOf(JSON.stringify(value))).toMatchObject({ index: 3, items: [value], many: false, fields: "" });
  }
});

it("makes one item for each of the responses", () => {
  expect(rowOf('{"id":1,"prompt":"a","responses":["b",""]}')).toMatchObject({
    items: [
      { prompt: "a", response: "b" },
      { prompt: "a", response: "" },
    ],
    many: true,
    fields: ',"id":1',
  });
});

describe("refuses in words", () => {
  it.each([
    ["[1]", /Expected an object .*but it is an array/],
    ["12", /but it is a number/],
    ["null", /but it is null/],
    ['{"tex":"a"}', /has none of these fields/],
    ['{"prompt":"a","responses":"b"}', /Expected an array of strings for responses, not a string/],
    ['{"prompt":"a","responses":[]}', /responses is empty/],
    ['{"prompt":"a","responses":["b",null]}', /Expected a string for responses\[1\], not null/],
    ['{"responses":["b"]}', /Expected a string for prompt, not left out/],
    ['{"prompt":"a","response":"b","responses":["b"]}', /both "responses" and "response"/],
    ['{"prompt":"a","responses":["\\ud800"]}', /responses\[0\] is not valid Unicode/],
  ])("%s", (source, message) => {
    const row = rowOf(source);
    expect(row.items).toEqual([]);
    expect(row.error?.message).toMatch(message);
  });

  it("and keeps the further fields of a row that failed", () => {
    expect(rowOf('{"id":"x","tex":"a"}').fields).toBe(',"id":"x","tex":"a"');
  });
});

it("names the fields that the output replaces", () => {
  expect(replacedFields(sourceRow('{"text":"a","score":1,"id":2,"index":0}'))).toEqual(["score", "index"]);
  expect(rowOf('{"text":"a","score":1,"id":2,"index":0}').fields).toBe(',"id":2');
});
