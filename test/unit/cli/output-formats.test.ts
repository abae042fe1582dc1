import { describe, expect, it } from "vitest";
import { asLists, asRanking, csv, jsonArray, jsonLines, safeJson } from "../../../cli/output-formats.ts";
import type { RowResult } from "../../../cli/score-rows.ts";
import { InvalidInputError } from "../../../src/index.ts";

const row = { index: 0, where: "line 1", endOffset: 1, items: [], many: false, fields: "" };
const text = { text: "a", score: 1.25, tokenCount: 19, truncated: false, rank: 1 };
const one: RowResult = { row: { ...row, fields: ',"id":12345678901234567890' }, scored: [text] };
const many: RowResult = {
  row: { ...row, index: 1, many: true, fields: ',"id":7' },
  scored: [
    { ...text, text: "b", score: -0.5, rank: 2 },
    { ...text, text: "c", truncated: true },
  ],
};
const failed: RowResult = {
  row: { ...row, index: 2, fields: ',"id":8' },
  error: new InvalidInputError("ERR_EMPTY_TEXT", 'It says "no",\nreally'),
};

describe("JSON lines", () => {
  it("are one object for each row, the row's own fields last", () => {
    const { row: line } = jsonLines(asLists);
    expect(line(one)).toBe('{"index":0,"score":1.25,"tokenCount":19,"truncated":false,"id":12345678901234567890}\n');
    expect(line(many)).toBe(
      '{"index":1,"scores":[-0.5,1.25],"ranks":[2,1],"tokenCount":[19,19],"truncated":[false,true],"id":7}\n',
    );
    expect(line(failed)).toBe(
      '{"index":2,"error":{"code":"ERR_EMPTY_TEXT","message":"It says \\"no\\",\\nreally"},"id":8}\n',
    );
  });

  it("of rank have the responses, best first", () => {
    expect(JSON.parse(jsonLines(asRanking).row(many))).toEqual({
      index: 1,
      ranking: [
        { rank: 1, index: 1, score: 1.25, tokenCount: 19, truncated: true, response: "c" },
        { rank: 2, index: 0, score: -0.5, tokenCount: 19, truncated: false, response: "b" },
      ],
      id: 7,
    });
  });
});

describe("JSON", () => {
  it("is one array, also of no rows", () => {
    const some = jsonArray(asLists);
    const written = some.begin() + some.row(one) + some.row(many) + some.end();
    expect(JSON.parse(written)).toHaveLength(2);
    expect(written.endsWith("\n]\n")).toBe(true);
    const none = jsonArray(asLists);
    expect(none.begin() + none.end()).toBe("[]\n");
  });

  it("keeps characters that terminals obey as escapes", () => {
    expect(safeJson('"\x9b\u2028é"')).toBe('"\\u009b\\u2028é"');
  });
});

it("CSV quotes as RFC 4180 says, and has one line for each response", () => {
  const format = csv();
  expect(format.begin() + format.row(one) + format.row(many) + format.row(failed)).toBe(
    [
      "index,response,rank,score,tokenCount,truncated,errorCode,errorMessage",
      "0,,,1.25,19,false,,",
      "1,0,2,-0.5,19,false,,",
      "1,1,1,1.25,19,true,,",
      '2,,,,,,ERR_EMPTY_TEXT,"It says ""no"",',
      'really"',
      "",
    ].join("\n"),
  );
});
