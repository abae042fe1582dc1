import { describe, expect, it } from "vitest";
import { toRow } from "../../../cli/row.ts";
import type { StarlingError } from "../../../src/errors.ts";
import type { ItemRow } from "../../../src/inputs/item-source.ts";
import { rowItems } from "../../../src/prompt/row-items.ts";

function read(json: string): ItemRow {
  const row = { file: "x.jsonl", row: 1, where: "line 1", endOffset: 9, json, value: JSON.parse(json) };
  try {
    return { ...row, ...rowItems(row.value) };
  } catch (error) {
    return { ...row, error: error as StarlingError };
  }
}

const rowOf = (source: string) => toRow(read(source), 3);

const own = (fields: object) => new Map(Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)]));

it("takes of a row what is scored, and keeps all of its fields", () => {
  for (const value of [{ text: "a" }, { prompt: "a", response: "b" }]) {
    const row = rowOf(JSON.stringify({ ...value, id: 1 }));
    expect(row).toMatchObject({ index: 3, many: false });
    expect(row.own).toEqual(own({ ...value, id: 1 }));
    expect(row.items).toEqual([value]);
  }
});

it("makes one item for each of the responses", () => {
  expect(rowOf('{"id":1,"prompt":"a","responses":["b",""]}')).toMatchObject({
    items: [
      { prompt: "a", response: "b" },
      { prompt: "a", response: "" },
    ],
    many: true,
    own: own({ id: 1, prompt: "a", responses: ["b", ""] }),
  });
});

describe("refuses in words", () => {
  it.each([
    ["[1]", /Expected an object .*but it is an array/],
    ["12", /but it is a number/],
    ["null", /but it is null/],
    ['{"tex":"a"}', /but the row has only "tex" \(--field prompt=NAME/],
    ['{"prompt":"a","responses":"b"}', /Expected an array of strings for responses, not a string/],
    ['{"prompt":"a","responses":[]}', /responses is empty/],
    ['{"prompt":"a","responses":["b",null]}', /Expected a string for responses\[1\] but received null/],
    ['{"responses":["b"]}', /Expected "prompt" or "messages" beside "responses", but the row has only "responses"/],
    ['{"prompt":"a","response":"b","responses":["b"]}', /both "responses" and "response"/],
    ['{"text":5}', /Expected a string for row\.text/],
    ['{"id":3}', /the row has only "id"/],
    ['{"text":null,"id":3}', /the row has only "text" \(empty\), "id"/],
    ['{"messages":[]}', /non-empty array/],
    ['{"prompt":"a","response":null}', /"response" or "responses" beside "prompt", but "response" is null/],
    ['{"prompt":"a","response":NaN}'.replace("NaN", "1e999"), /row\.response but received Infinity/],
    ['{"prompt":"a","responses":["b"],"tools":[{}, {"name":"f"}]}', /"tools".*--ignore-field tools/],
    ['{"prompt":"a","responses":["\\ud800"]}', /responses\[0\] is not valid Unicode/],
  ])("%s", (source, message) => {
    const row = rowOf(source);
    expect(row.items).toEqual([]);
    expect(row.error?.message).toMatch(message);
  });

  it("and keeps the further fields of a row that failed", () => {
    expect(rowOf('{"id":"x","tex":"a"}').own).toEqual(own({ id: "x", tex: "a" }));
  });
});
