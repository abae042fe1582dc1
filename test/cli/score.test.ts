import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { file, folder, jsonLines, parseLines, run, tiny } from "./run-cli.ts";

const score = (args: readonly string[], input?: string | Uint8Array) => run(["score", ...tiny, ...args], input);

describe("score", () => {
  it("scores each response to the prompt, with full precision, and says how many tokens count", async () => {
    const { code, stdout } = await score(["-p", "Capital of France?", "-r", "Paris.", "-r", "No idea."]);
    expect(code).toBe(0);
    const rows = parseLines(stdout);
    expect(rows.map(({ index }) => index)).toEqual([0, 1]);
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(["index", "score", "tokenCount", "truncated", "prompt", "response"]);
      expect(Math.fround(row["score"] as number)).toBe(row["score"]);
      expect(row["truncated"]).toBe(false);
    }
  });

  it("gives the same scores whichever way a text comes", async () => {
    const [prompt, response] = ["Capital of France?", "Paris."];
    const text = `<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n${response}<|im_end|>`;
    const messages = [
      { role: "user", content: prompt },
      { role: "assistant", content: response },
    ];
    const other = { prompt, responses: ["No.", response] };
    const { stdout } = await score(
      ["--input", "-"],
      jsonLines([{ prompt, response }, { text }, { messages }, other, { text, id: 1 }]),
    );
    const rows = parseLines(stdout);
    const expected = rows[0]?.["score"];
    expect(expected).toEqual(expect.any(Number));
    expect(rows[1]?.["score"]).toBe(expected);
    expect(rows[2]?.["score"]).toBe(expected);
    expect(rows[3]?.["scores"]).toEqual([expect.any(Number), expected]);
    expect(rows[4]).toMatchObject({ index: 4, score: expected, id: 1 });
    const arguments_ = await score(["--text", text, "--output", "-"]);
    expect(parseLines(arguments_.stdout)[0]?.["score"]).toBe(expected);
  });

  it("gives ranks that fit the scores", async () => {
    const { stdout } = await score(
      ["--input", "-"],
      jsonLines([{ prompt: "Hi", responses: ["a", "b b b", "c!", "a"], n: 1 }]),
    );
    const [row] = parseLines(stdout);
    const [scores, ranks] = [row?.["scores"] as number[], row?.["ranks"] as number[]];
    expect(ranks).toEqual(scores.map((one) => 1 + scores.filter((other) => other > one).length));
    expect(ranks[0]).toBe(ranks[3]);
    expect(row).toMatchObject({
      index: 0,
      n: 1,
      tokenCount: [expect.any(Number), {}, {}, {}].map(() => expect.any(Number)),
    });
  });

  it("keeps all fields as they are written, and renames those with names of results", async () => {
    const line = '{"id":12345678901234567890,"text":"a","score":"old","__proto__":{"x":1},"deep":[1.0,{"k":null}]}\n';
    const { stdout, stderr } = await score(["--input", "-"], line);
    expect(stdout).toMatch(
      /"truncated":false,"id":12345678901234567890,"text":"a","input_score":"old","__proto__":\{"x":1\},"deep":\[1\.0,\{"k":null\}\]\}\n$/,
    );
    expect(stdout.match(/"score"/g)).toHaveLength(1);
    expect(stderr).toMatch(
      /line 1: input fields with the names of results are renamed: "score" to "input_score" \(reported once\)/,
    );
  });

  it("says when only the last tokens of a text count", async () => {
    const { stdout } = await score(["--input", "-"], jsonLines([{ text: "word ".repeat(5000) }]));
    expect(parseLines(stdout)).toMatchObject([{ tokenCount: 2048, truncated: true }]);
  });

  it("takes values that begin with a dash", async () => {
    const { code, stdout } = await score(["-p", "--model", "--response", "-5", "--response=--"]);
    expect([code, parseLines(stdout).length]).toEqual([0, 2]);
  });

  it("does the first row before it complains of a text as argument", async () => {
    const { code, stdout, stderr } = await score(["--text", "a", "--text", ""]);
    expect(code).toBe(1);
    expect(parseLines(stdout)).toHaveLength(2);
    expect(stderr).toMatch(/--text number 2: .*empty/);
  });
});

describe("inputs", () => {
  const rows = [{ text: "a" }, { text: "b", id: 2 }];

  it.each<[string, string | Uint8Array]>([
    [
      "JSON lines with a BOM, CRLF, blank lines and no last line end",
      `\ufeff${jsonLines(rows).replaceAll("\n", "\r\n\r\n").trim()}`,
    ],
    ["a JSON array", JSON.stringify(rows)],
    ["a pretty-printed JSON array", JSON.stringify(rows, null, 2)],
    ["pretty-printed objects one after another", rows.map((row) => JSON.stringify(row, null, 2)).join("\n")],
    ["gzip", gzipSync(jsonLines(rows))],
  ])("%s", async (_, content) => {
    for (const args of [
      ["--input", file("rows.json", content)],
      ["--input", "-"],
    ]) {
      const { code, stdout } = await score(args, content);
      expect(code).toBe(0);
      expect(parseLines(stdout)).toMatchObject([{ index: 0 }, { index: 1, id: 2 }]);
    }
  });

  it("one that is truncated gives what came before, and says so", async () => {
    const zipped = gzipSync(jsonLines(rows));
    const { code, stderr } = await score(["--input", file("cut.jsonl.gz", zipped.subarray(0, -4))]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/cut\.jsonl\.gz is truncated: it ends at byte \d+, inside gzip data/);
  });

  it("one JSON object", async () => {
    const { stdout } = await score(["--input", "-"], JSON.stringify({ text: "a", id: 7 }, null, 2));
    expect(parseLines(stdout)).toMatchObject([{ index: 0, score: expect.any(Number), id: 7 }]);
  });

  it("an empty one is done at once, and it is said", async () => {
    const { code, stdout, stderr } = await score(["--input", "-"], "\n");
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(/standard input has no rows/);
  });
});

describe("formats", () => {
  const input = file(
    "mixed.jsonl",
    `${jsonLines([{ text: "a\n\x1b[2Jb" }, { prompt: "p", responses: ["x", "y"] }])}bad\n`,
  );

  it("JSON: one array", async () => {
    for (const flag of [["--json"], ["--format", "json"]]) {
      const { code, stdout } = await score(["--input", input, ...flag]);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject([{ index: 0 }, { index: 1 }, { index: 2, error: {} }]);
    }
  });

  it("CSV: one line for each response", async () => {
    const lines = (await score(["--input", input, "--format", "csv"])).stdout.split("\n");
    expect(lines[0]).toBe(
      "index,responseIndex,rank,score,tokenCount,truncated,errorCode,errorMessage,response,text,prompt",
    );
    expect(lines.join("\n")).toMatch(
      /\n0,,,[-\d.]+,\d+,false,,,,"a\n.\[2Jb",\n1,0,\d,[-\d.]+,\d+,false,,,x,,p\n1,1,\d,[-\d.]+,\d+,false,,,y,,p\n2,,,,,,ERR_INVALID_JSON,/,
    );
  });

  it("a table: nothing in a text can move the cursor", async () => {
    const { stdout } = await score(["--input", input, "--format", "table"]);
    expect(stdout).toContain("a\\n\\u{1b}[2Jb");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    expect(stdout).toMatch(/failed/);
  });

  it("--output gets JSON lines, anew each time with --force", async () => {
    const output = join(folder, "out.jsonl");
    for (const args of [
      ["--input", input],
      ["--text", "a"],
    ])
      expect((await score([...args, "-o", output, "--force"])).stdout).toBe("");
    expect(parseLines(readFileSync(output, "utf8"))).toMatchObject([{ index: 0, score: expect.any(Number) }]);
  });
});
