import { describe, expect, it } from "vitest";
import { detectLayout, readJsonRows, type SourceRow } from "../../../src/rows/json-rows.ts";

async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(input: string | Uint8Array, size = 5): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const row of readJsonRows(chunked(Buffer.from(input as string), size), "rows.jsonl")) rows.push(row);
  return rows;
}

const short = (rows: SourceRow[]) => rows.map((row) => [row.where, "error" in row ? row.error.message : row.value]);

describe("the layout", () => {
  it.each([
    ['{"a":1}\n{"a":2}', "lines"],
    ['\n\n{\n  "a"', "sequence"],
    ["{\n}", "sequence"],
    ['{"a": 1,\n "b"', "sequence"],
    ['{"a": 1,\n{"a":2}\n', "lines"],
    ['{"a": [\r\n', "sequence"],
    ['{"a": 1\n{"a":2}\n', "lines"],
    ['{"text": "cut off\n{"a":2}\n', "lines"],
    [" \n[", "array"],
    ["hello", "lines"],
  ])("of %j is %s", (text, layout) => {
    expect(detectLayout(Buffer.from(text), false)).toBe(layout);
  });

  it("waits for the first line's end", () => {
    expect(detectLayout(Buffer.from(' {"a":'), false)).toBeUndefined();
    expect(detectLayout(Buffer.from(' {"a":'), true)).toBe("lines");
    expect(detectLayout(Buffer.from(" \n"), true)).toBeUndefined();
    expect(detectLayout(Buffer.from('{"a": 1,\n '), false)).toBeUndefined();
    expect(detectLayout(Buffer.from('{"a": 1,\n '), true)).toBe("lines");
  });
});

describe("a key that a row has twice", () => {
  it.each([
    ['{"chosen":"a","rejected":"b","chosen":"c"}', "chosen"],
    ['{"a": 1, "b": {"c": 1}, "b" : 2}', "b"],
    ['{"messages":[{"role":"user","content":"x","content":"y"}]}', "content"],
    ['{"a":NaN,"a":1}', "a"],
    ['{"caf\\u00e9":1,"café":2}', "café"],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    ['{"say \\"a\\":":1,"b":":","b":2}', "b"],
  ])("is a problem of the row: %s", async (text, key) => {
    const rows = await read(`{"a":1}\n${text}\n{"a":2}`);
    expect(short(rows)).toEqual([
      ["line 1", { a: 1 }],
      ["line 2", `It has the key ${JSON.stringify(key)} twice in one object: remove or rename one of them.`],
      ["line 3", { a: 2 }],
    ]);
  });

  it.each([
    '{"a":{"b":1},"c":{"b":1},"b":[{"b":1},{"b":2}]}',
    '{"a":":","b":"\\":","c":"x\\\\","d\\\\":"\\\\"}',
    '{"a":"{\\"a\\":1,\\"a\\":2}","A":1}',
    '"a\\":"',
    '[{"a":1},{"a":1}]',
  ])("is none, where objects or texts have it: %s", async (text) => {
    expect(short(await read(`{"text":"x"}\n${text}`))).toEqual([
      ["line 1", { text: "x" }],
      ["line 2", JSON.parse(text)],
    ]);
  });

  it("is looked for without recursion", async () => {
    const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
    const [row] = await read(deep, 1000);
    expect(row).toHaveProperty("value.a.a");
    const [doubled] = await read(deep.replace('{"a":1}', '{"a":1,"a":1}'), 1000);
    expect(doubled).toHaveProperty("error");
  });
});

describe("rows", () => {
  it("names lines as an editor counts them, and goes on after a broken one", async () => {
    const rows = await read('\ufeff{"text":"a"}\r\n\r\nnonsense\r\n{"text":"ä"}');
    expect(short(rows)).toEqual([
      ["line 1", { text: "a" }],
      ["line 3", expect.stringMatching(/^It is not valid JSON: .*nonsense/)],
      ["line 4", { text: "ä" }],
    ]);
    expect(rows.at(-1)?.endOffset).toBe(Buffer.byteLength('\ufeff{"text":"a"}\r\n\r\nnonsense\r\n{"text":"ä"}'));
  });

  it("names the elements of an array from 0, as the output's index does", async () => {
    expect(short(await read('[{"text":"a"},\n{"text":}]'))).toEqual([
      ["element 0 (line 1)", { text: "a" }],
      ["element 1 (line 2)", expect.stringContaining("not valid JSON")],
    ]);
  });

  it("reads an array with a comma after its last element, and says so", async () => {
    const notices: string[] = [];
    const rows: SourceRow[] = [];
    const bytes = Buffer.from('[{"a":1},\n{"a":2},\n]');
    for await (const row of readJsonRows(chunked(bytes, 5), "rows.json", (notice) => void notices.push(notice)))
      rows.push(row);
    expect(short(rows)).toEqual([
      ["element 0 (line 1)", { a: 1 }],
      ["element 1 (line 2)", { a: 2 }],
    ]);
    expect(notices).toEqual([
      "rows.json has a comma after its last element (line 2), which is not valid JSON: ignored",
    ]);
  });

  it.each([
    [
      '{"a":1},\n{"a":2}',
      "line 1",
      "It is not valid JSON: a comma follows the value. JSON lines have none between them.",
    ],
    ['{"a":[1,2,]}', "line 1", 'It is not valid JSON: there is a comma before the closing "]".'],
    ['{"a":",}",\t}', "line 1", 'It is not valid JSON: there is a comma before the closing "}".'],
    ["[1,,2]", "element 1 (line 1)", "It is not valid JSON: there is nothing before its comma."],
    ["[,1]", "element 0 (line 1)", "It is not valid JSON: there is nothing before its comma."],
  ])("names the comma that is too much in %j", async (text, where, message) => {
    const rows = short(await read(text));
    expect(rows).toContainEqual([where, message]);
  });

  it("gives what is wrong with an array as a whole no element's number", async () => {
    expect((await read('[{"a":1}')).map(({ where }) => where)).toEqual(["element 0 (line 1)", "line 1"]);
    expect((await read('[{"a":1}]\n{}')).map(({ where }) => where)).toEqual(["element 0 (line 1)", "line 2"]);
  });

  it("reads files behind one another, each with its byte order mark", async () => {
    const file = '\ufeff{"a":"\ufeff"}\n';
    expect(short(await read(file + file))).toEqual([
      ["line 1", { a: "\ufeff" }],
      ["line 2", { a: "\ufeff" }],
    ]);
  });

  it.each([
    ['\ufeff[{"a":1}]', 1, ["element 0 (line 1)", { a: 1 }]],
    ['\ufeff\n \r\n\t[\n{"a":1}]', 1, ["element 0 (line 4)", { a: 1 }]],
    ['\n\n  {"a":1}\n', 1, ["line 3", { a: 1 }]],
    ['\n\n{"a":1,\n"b":2}\n', 1, ["line 3", { a: 1, b: 2 }]],
    [`{"a":1}${" ".repeat(70_000)}\n`, 4096, ["line 1", { a: 1 }]],
  ])("counts lines and bytes behind blanks that it does not keep: %j", async (text, size, expected) => {
    const rows = await read(text, size);
    expect(short(rows)).toEqual([expected]);
    expect(rows[0]?.endOffset).toBeGreaterThan(Buffer.from(text).indexOf("}"));
  });

  it("reads NaN and the infinities as Python writes them, and hands null on", async () => {
    const text = '{"a":NaN,"b":[-Infinity,Infinity, 1],"c":"NaN, -Infinity \\" NaN","NaN":2}';
    const [row] = await read(`${text}\n`);
    expect(row).toMatchObject({
      value: { a: Number.NaN, b: [-Infinity, Infinity, 1], c: 'NaN, -Infinity " NaN', NaN: 2 },
      source: '{"a":null,"b":[null,null, 1],"c":"NaN, -Infinity \\" NaN","NaN":2}',
    });
  });

  it.each(['{"a":-NaN}', '{"a":NaN1}', '{"a":nan}', '{"a":NaN,}', "{NaN:1}", '{"a":Infinity'])(
    "does not take %s for JSON of any kind",
    async (text) => {
      expect(short(await read(`${text}\n`))).toEqual([["line 1", expect.stringContaining("not valid JSON")]]);
    },
  );

  it("refuses a row of more values than fit into memory, whatever they are", async () => {
    const many = (value: string) => `[${`${value},`.repeat(1_000_001)}${value}]`;
    for (const value of ["{}", '""', "1", "[[]]"])
      expect(short(await read(`{"x":${many(value)}}\n{"x":1}\n`, 65_536))).toEqual([
        ["line 1", "It contains more than 1000000 values."],
        ["line 2", { x: 1 }],
      ]);
    const [row] = await read(`{"x":"${",[{".repeat(1_000_000)}"}\n`, 65_536);
    expect(row).toHaveProperty("value");
  });

  it("reads one pretty-printed object", async () => {
    expect(short(await read(JSON.stringify({ prompt: "a", responses: ["b"] }, null, 2)))).toEqual([
      ["line 1", { prompt: "a", responses: ["b"] }],
    ]);
  });

  it("reads one object without a line end", async () => {
    expect(short(await read('{"text":"a"}'))).toEqual([["line 1", { text: "a" }]]);
  });

  it("gives nothing for nothing", async () => {
    expect(await read("")).toEqual([]);
    expect(await read("\n \n")).toEqual([]);
    expect(await read("[]")).toEqual([]);
  });

  it("refuses wrong UTF-8 row by row instead of replacing it", async () => {
    const bytes = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xc3]), Buffer.from('"}\n{"text":"b"}\n')]);
    expect(short(await read(bytes))).toEqual([
      ["line 1", "It is not valid UTF-8."],
      ["line 2", { text: "b" }],
    ]);
  });

  it.each(["utf16le", "utf16be"] as const)("recognises UTF-16 (%s)", async (encoding) => {
    const little = Buffer.from('{"text":"a"}', "utf16le");
    const bytes = encoding === "utf16le" ? little : little.swap16();
    await expect(read(bytes)).rejects.toThrow(/rows\.jsonl.*UTF-16.*iconv/);
  });

  it("recognises a binary file", async () => {
    await expect(read(Buffer.from("GGUF\x03\0\0\0"), 100)).rejects.toThrow("it is a binary file");
  });
});
