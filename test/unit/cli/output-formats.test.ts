import { describe, expect, it } from "vitest";
import { csv, jsonArray, jsonLines, recordJson, safeJson } from "../../../cli/output-formats.ts";
import { chosenFields, responseRecords, rowRecords } from "../../../cli/records.ts";
import type { Row } from "../../../cli/row.ts";
import type { RowResult } from "../../../cli/score-rows.ts";
import { select } from "../../../cli/selection.ts";
import { InvalidInputError } from "../../../src/index.ts";

const row = { index: 0, where: "line 1", endOffset: 1, items: [], many: false, own: new Map() };
const text = { index: 0, text: "a", score: 1.25, tokenCount: 19, truncated: false, rank: 1 };
const one: RowResult = {
  row: {
    ...row,
    own: new Map([
      ["text", '"a"'],
      ["id", "12345678901234567890"],
    ]),
  },
  scored: [text],
};
const responses = ["responses", '["b","c"]'] as const;
const many: RowResult = {
  row: { ...row, index: 1, many: true, own: new Map([["prompt", '"p"'], responses, ["id", "7"]]) },
  scored: [
    { ...text, text: "b", score: -0.5, rank: 2 },
    { ...text, index: 1, text: "c", truncated: true },
  ],
};
const failed: RowResult = {
  row: { ...row, index: 2, own: new Map([["id", "8"]]) },
  error: new InvalidInputError("ERR_EMPTY_TEXT", 'It says "no",\nreally'),
};

const json = (toRecords: ReturnType<typeof rowRecords>, result: RowResult) =>
  toRecords(result).map(jsonLines().record).join("");

describe("JSON lines", () => {
  it("are one object for each row: the results, then all fields of the row, as they were written", () => {
    const records = rowRecords({ order: "input" });
    expect(json(records, one)).toBe(
      '{"index":0,"score":1.25,"tokenCount":19,"truncated":false,"text":"a","id":12345678901234567890}\n',
    );
    expect(json(records, many)).toBe(
      '{"index":1,"scores":[-0.5,1.25],"ranks":[2,1],"tokenCount":[19,19],"truncated":[false,true],' +
        '"prompt":"p","responses":["b","c"],"id":7}\n',
    );
    expect(json(records, failed)).toBe(
      '{"index":2,"error":{"code":"ERR_EMPTY_TEXT","message":"It says \\"no\\",\\nreally"},"id":8}\n',
    );
  });

  it("of rank have the responses once, best first", () => {
    expect(JSON.parse(json(rowRecords({ order: "rank" }), many))).toEqual({
      index: 1,
      ranking: [
        { rank: 1, index: 1, score: 1.25, tokenCount: 19, truncated: true, response: "c" },
        { rank: 2, index: 0, score: -0.5, tokenCount: 19, truncated: false, response: "b" },
      ],
      prompt: "p",
      id: 7,
    });
  });
});

describe("a choice", () => {
  const chosen = (options: Parameters<typeof select>[1], order: "input" | "rank" = "input") => {
    const result = select(many, options);
    if (result === undefined) return undefined;
    return JSON.parse(json(rowRecords({ order, best: options.best === true, chosen: true }), result));
  };

  it("of the best response is a row with this response alone", () => {
    const best = { index: 1, responseIndex: 1, score: 1.25, tokenCount: 19, truncated: true, response: "c" };
    for (const order of ["input", "rank"] as const)
      expect(chosen({ best: true }, order)).toEqual({ ...best, prompt: "p", id: 7 });
  });

  it("of several keeps lists, which say where the responses were", () => {
    expect(chosen({ top: 5 })).toMatchObject({ responseIndex: [1, 0], responses: ["c", "b"], scores: [1.25, -0.5] });
    expect(chosen({ minScore: -0.5 })).toMatchObject({ responseIndex: [0, 1], responses: ["b", "c"], ranks: [2, 1] });
    expect(chosen({ minScore: 0 })).toMatchObject({ responseIndex: [1], responses: ["c"], ranks: [1] });
    expect(chosen({ top: 1 }, "rank")).toMatchObject({ ranking: [{ response: "c" }] });
    expect(chosen({ minScore: 2 })).toBeUndefined();
  });

  it("leaves out what has no score", () => {
    expect(select(failed, { minScore: -100 })).toBeUndefined();
    expect(select(failed, {})).toBe(failed);
  });
});

describe("fields of a row with the name of a result", () => {
  const clash = (own: Row["own"]): [object, unknown] => {
    let renamed: unknown;
    const records = rowRecords({
      order: "input",
      onRenamed: (_, names) => {
        renamed = Object.fromEntries(names);
      },
    });
    const record = records({ row: { ...row, own }, scored: [text] })[0] as ReadonlyMap<string, string>;
    return [JSON.parse(recordJson(record)), renamed];
  };

  it("are kept under another one, which is free", () => {
    const own = new Map([
      ["score", '"old"'],
      ["error", "null"],
      ["input_score", "3"],
    ]);
    expect(clash(own)).toEqual([
      {
        index: 0,
        score: 1.25,
        tokenCount: 19,
        truncated: false,
        input_input_score: "old",
        input_error: null,
        input_score: 3,
      },
      { score: "input_input_score", error: "input_error" },
    ]);
  });
});

it("--fields chooses and orders", () => {
  const seen = new Set<string>();
  const records = chosenFields(rowRecords({ order: "input" }), ["id", "score", "none"], seen);
  expect(json(records, one)).toBe('{"id":12345678901234567890,"score":1.25}\n');
  expect([...seen]).toEqual(["id", "score"]);
});

describe("JSON", () => {
  it("is one array, also of no rows", () => {
    const records = rowRecords({ order: "input" });
    const some = jsonArray();
    const written =
      some.begin() + [one, many].flatMap((result) => records(result).map(some.record)).join("") + some.end();
    expect(JSON.parse(written)).toHaveLength(2);
    expect(written.endsWith("\n]\n")).toBe(true);
    const none = jsonArray();
    expect(none.begin() + none.end()).toBe("[]\n");
  });

  it("keeps characters that terminals obey as escapes", () => {
    expect(safeJson('"\x9b\u2028é"')).toBe('"\\u009b\\u2028é"');
  });
});

describe("CSV", () => {
  const columns = ["index", "responseIndex", "rank", "score", "errorCode", "errorMessage", "response", "text", "id"];

  it("quotes as RFC 4180 says, and has one line for each response", () => {
    const format = csv(",", () => columns);
    const records = responseRecords({ order: "input" });
    const lines = [one, many, failed].flatMap((result) => records(result).map(format.record));
    expect(format.begin() + lines.join("")).toBe(
      [
        columns.join(","),
        "0,,,1.25,,,,a,12345678901234567890",
        "1,0,2,-0.5,,,b,,7",
        "1,1,1,1.25,,,c,,7",
        '2,,,,ERR_EMPTY_TEXT,"It says ""no"",',
        'really",,,8',
        "",
      ].join("\n"),
    );
  });

  it("leaves texts as they are, and writes objects as JSON", () => {
    const cells = ['"=1+1"', '"a\\r\\nb"', '" x"', "null", '{"a":[1,null]}', '"1e5"', "true", '"tab\\there"'];
    const record = new Map(cells.map((cell, i) => [`c${i}`, cell]));
    expect(csv(",", () => [...record.keys()]).record(record)).toBe(
      '=1+1,"a\r\nb", x,,"{""a"":[1,null]}",1e5,true,tab\there\n',
    );
    expect(csv("\t", () => [...record.keys()]).record(record)).toContain('"tab\there"\n');
  });

  it("names what it has no column for", () => {
    const lost: string[] = [];
    const format = csv(
      ",",
      () => ["a"],
      (names) => lost.push(...names),
    );
    format.begin();
    expect(format.record(new Map([["b", "1"]]))).toBe('""\n');
    expect(lost).toEqual(["b"]);
  });
});
