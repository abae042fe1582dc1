import { describe, expect, it } from "vitest";
import {
  LineSplitter,
  MAX_ROW_BYTES,
  type Piece,
  type Splitter,
  ValueSplitter,
} from "../../../src/rows/json-splitter.ts";

/** Feeds `text` in chunks of `size` bytes. */
function split(splitter: Splitter, text: string, size: number): Piece[] {
  const bytes = Buffer.from(text);
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(...splitter.push(bytes.subarray(at, at + size)));
  return [...pieces, ...splitter.end()];
}

const shown = (pieces: Piece[]) =>
  pieces.map(({ bytes, line, problem }) => [
    line,
    problem ??
      Buffer.from(bytes ?? [])
        .toString()
        .trim(),
  ]);

describe.each([1, 2, 3, 7, 1000])("in chunks of %i bytes", (size) => {
  it("cuts lines, counts blank ones, and takes a last line without an end", () => {
    const pieces = split(new LineSplitter(), '{"a":1}\n\n  \r\n{"a":"ü"}\r\nlast', size);
    expect(shown(pieces)).toEqual([
      [1, '{"a":1}'],
      [4, '{"a":"ü"}'],
      [5, "last"],
    ]);
    expect(pieces.map(({ endOffset }) => endOffset)).toEqual([8, 25, 29]);
  });

  it("cuts an array at its own commas, not at those inside", () => {
    const text = ' [ {"a":[1,2],"s":"x\\",]y\\\\"} ,\n\n{"b":{}},3 ]\n ';
    expect(shown(split(new ValueSplitter("array"), text, size))).toEqual([
      [1, '{"a":[1,2],"s":"x\\",]y\\\\"}'],
      [3, '{"b":{}}'],
      [3, "3"],
    ]);
  });

  it("sees an empty array as no rows, and missing elements as pieces without a value", () => {
    expect(split(new ValueSplitter("array"), "[ \n ]", size)).toEqual([]);
    expect(shown(split(new ValueSplitter("array"), "[1,,2]", size))).toEqual([
      [1, "1"],
      [1, ""],
      [1, "2"],
    ]);
  });

  it.each([
    ["[1]", 1, undefined],
    ["[1,\n]", 1, 1],
    ["[1,,]", 2, 1],
    ["[,]", 1, 1],
    ["[[1,],2]", 2, undefined],
  ])("in %j counts %i elements, and remembers the comma after the last", (text, elements, line) => {
    const splitter = new ValueSplitter("array");
    expect(split(splitter, text, size)).toHaveLength(elements);
    expect(splitter.trailingComma).toBe(line);
  });

  it.each(['[{"a":1}', '[{"a":1},', '[{"a":1},{"b":"]'])("tells that the array %s is not closed", (text) => {
    const pieces = shown(split(new ValueSplitter("array"), text, size));
    expect(pieces).toEqual([
      [1, '{"a":1}'],
      [1, 'The input ends inside the JSON array: its "]" is missing.'],
    ]);
  });

  it("tells of text after the array, once", () => {
    expect(shown(split(new ValueSplitter("array"), "[1]\n2\n3", size))).toEqual([
      [1, "1"],
      [2, "There is more text after the end of the JSON array."],
    ]);
  });

  it("says what lists of rows, one a line, should be", () => {
    const [, second] = shown(split(new ValueSplitter("array"), "[1]\n[2]\n", size));
    expect(second).toEqual([2, expect.stringMatching(/Another JSON array begins .*jq -c '\.\[\]' FILE/)]);
  });

  it("cuts values that stand one after another over several lines", () => {
    const text = '{\n  "a": [\n1]\n}\n{"b":"}"} 12\n{"c":';
    expect(shown(split(new ValueSplitter("sequence"), text, size))).toEqual([
      [1, '{\n  "a": [\n1]\n}'],
      [5, '{"b":"}"}'],
      [5, "12"],
      [6, '{"c":'],
    ]);
  });
});

it.each([
  ["lines", () => new LineSplitter(), "", "\n"],
  ["elements", () => new ValueSplitter("array"), "[", ","],
] as const)("skips %s that are too long without keeping them", (_, create, open, separator) => {
  const splitter = create();
  const pieces = splitter.push(Buffer.from(`${open}"first"${separator}"`));
  const filling = Buffer.alloc(1024 * 1024, "x");
  for (let size = 0; size <= MAX_ROW_BYTES; size += filling.length) pieces.push(...splitter.push(filling));
  pieces.push(...splitter.push(Buffer.from(`"${separator}"last"${separator}`)));
  expect(pieces.map(({ bytes, problem }) => problem ?? Buffer.from(bytes ?? []).toString())).toEqual([
    '"first"',
    expect.stringContaining(`longer than ${MAX_ROW_BYTES} bytes`),
    '"last"',
  ]);
});
