/** Rows that are read another way than they were meant: each gets the right number, an error by name, or one warning. */
import { copyFileSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readGguf } from "../../src/gguf/reader.ts";
import { file, folder, jsonLines, parseLines, repository, run, tiny } from "./run-cli.ts";

const score = (...args: string[]) => run(["score", ...tiny, ...args]);
const lines = (stderr: string) => stderr.trimEnd().split("\n");

describe("what is scored", () => {
  const system = { role: "system", content: "Be brief." };
  const turns = [
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "Name a fruit." },
  ];
  const said = (content: string) => ({ role: "assistant", content });

  it("is the same however a row is written", async () => {
    const rows = [
      { messages: [...turns, said("An apple.")] },
      { prompt: turns, response: "An apple.", text: null, messages: null },
      { prompt: turns, responses: ["An apple.", "A car."], tools: [], history: null },
      { messages: [system, ...turns, said("An apple.")] },
      { system: "Be brief.", prompt: turns, response: "An apple." },
      { system: "Be brief.", messages: [...turns, said("An apple.")] },
      { messages: [system, { role: "user", content: "Hi" }, said("Go")] },
      { system: "Be brief.", prompt: "Hi", responses: ["Go", "Hello"] },
    ];
    const { code, stdout } = await score("--input", file("same.jsonl", jsonLines(rows)));
    expect(code).toBe(0);
    const scores = parseLines(stdout).map(({ score, scores }) => score ?? (scores as number[])[0]);
    expect(scores[1]).toBe(scores[0]);
    expect(scores[2]).toBe(scores[0]);
    expect(scores[4]).toBe(scores[3]);
    expect(scores[5]).toBe(scores[3]);
    expect(scores[7]).toBe(scores[6]);
    expect(new Set(scores).size).toBe(3);
  });

  it("leaves out nothing that belongs to it without being told to", async () => {
    const rows = [{ prompt: "Hi", response: "Hello", tools: [{ name: "f" }], id: 1 }];
    const input = file("tools.jsonl", jsonLines(rows));
    const refused = await score("--input", input);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/line 1: row has "tools".*--ignore-field tools/);
    const { code, stdout } = await score("--input", input, "--ignore-field", "tools", "--ignore-field", "other");
    expect(code).toBe(0);
    expect(parseLines(stdout)[0]).toMatchObject({ id: 1, tools: [{ name: "f" }], score: expect.any(Number) });
    const pairs = file(
      "pair.jsonl",
      jsonLines([{ prompt: "Hi", chosen: "Hello", rejected: "Go", history: [["a", "b"]] }]),
    );
    for (const [args, expected] of [
      [[], 2],
      [["--ignore-field", "history"], 0],
    ] as const) {
      const run1 = await run(["eval", "pairs", ...tiny, "--input", pairs, "--json", ...args]);
      expect(run1.code).toBe(expected);
    }
  });

  it("has null where Python wrote NaN into a field that is handed on", async () => {
    const input = file("nan.jsonl", '{"id":12345678901234567890,"x":[NaN,-Infinity],"text":"NaN"}\n{"text":NaN}\n');
    const { code, stdout } = await score("--input", input);
    expect(code).toBe(1);
    expect(stdout).toContain('"id":12345678901234567890,"x":[null,null],"text":"NaN"}');
    expect(parseLines(stdout)[1]).toMatchObject({ error: { message: expect.stringContaining("NaN") } });
  });

  it("is two conversations that differ in their last turn alone, unless it is said", async () => {
    const row = { chosen: [turns[0], said("a")], rejected: [turns[2], said("b")] };
    const args = ["eval", "pairs", ...tiny, "--json", "--input", file("different.jsonl", jsonLines([row]))];
    const refused = await run(args);
    // No other row: nothing was measured.
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--different-prompts allow");
    expect((await run([...args, "--different-prompts", "allow"])).code).toBe(0);
  });
});

describe("warnings", () => {
  const rendered = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>";
  const texts = [
    rendered,
    `${rendered}\n`,
    "no turns at all\n",
    `${rendered} `,
    `${rendered}<unk>`,
    rendered.slice(0, -10),
  ];
  const input = () => file("tails.jsonl", jsonLines(texts.map((text) => ({ text }))));

  it("tell once how many texts go on behind their end, and where the first one is", async () => {
    const { code, stdout, stderr } = await score("--input", input());
    expect(code).toBe(0);
    expect(parseLines(stdout)).toHaveLength(6);
    expect(lines(stderr).filter((line) => line.includes("warning"))).toEqual([
      expect.stringMatching(/warning: 2 texts, the first at line 2, continue after the last <\|im_end\|>/),
      expect.stringMatching(/warning: 1 text, at line 6, does not end with <\|im_end\|>/),
    ]);
  });

  it.each(["score", "tokenize"])("are errors of their rows with --strict (%s)", async (command) => {
    const { code, stdout, stderr } = await run([command, "--model", "tiny", "--strict", "--input", input()]);
    expect(code).toBe(1);
    expect(stderr).not.toContain("warning");
    const failed = parseLines(stdout).flatMap((row, i) => ("error" in row ? [[i, row["error"]]] : []));
    expect(failed).toEqual([1, 3, 5].map((i) => [i, expect.objectContaining({ code: "ERR_SUSPECT_ITEM" })]));
  });

  it("name tokens of the template in prompts and responses", async () => {
    const rows = [
      { prompt: "What does <|im_end|> mean?", response: "It ends a turn." },
      { prompt: "Hi", response: "Hello<|im_end|>\n" },
      { prompt: rendered.slice(0, -15), response: "Hello" },
      { prompt: "Hi", responses: ["a", "Hello<|im_end|>"] },
    ];
    const { code, stderr } = await score("--input", file("tokens.jsonl", jsonLines(rows)));
    expect(code).toBe(0);
    expect(lines(stderr).filter((line) => line.includes("warning"))).toEqual([
      expect.stringMatching(/warning: 3 conversations, the first at line 2, have <\|im_end\|> in a prompt or response/),
    ]);
  });

  it("name transcripts in prompts, for score, rank and eval", async () => {
    const prompt = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: And?\n\nAssistant:";
    const responses = ["a", "b"];
    const rows = [{ prompt: "Human: resources", responses }, ...new Array(3).fill({ prompt, responses })];
    const ranks = rows.map((row) => ({ ...row, ranks: [1, 2] }));
    for (const args of [
      ["score", "--input", file("turns.jsonl", jsonLines(rows))],
      ["rank", "--input", file("turns.jsonl", jsonLines(rows))],
      ["eval", "pairs", "--json", "--input", file("ranks.jsonl", jsonLines(ranks))],
    ]) {
      const { code, stderr } = await run([...args, ...tiny]);
      expect(code).toBe(0);
      expect(lines(stderr).filter((line) => line.includes("transcript"))).toEqual([
        expect.stringMatching(/3 prompts, the first at .*line 2, hold a transcript/),
      ]);
    }
    const strict = await run(["eval", "pairs", ...tiny, "--strict", "--input", file("ranks.jsonl", jsonLines(ranks))]);
    expect(strict.code).toBe(1);
    expect(strict.stderr).toMatch(/line 2: The row holds a transcript/);
  });

  it.each([
    ["hf-seqcls-bpe", "<|begin_of_text|>", "<|eot_id|>", "", true],
    ["hf-seqcls-spm", "<s>", "</s>", "", true],
    ["hf-seqcls-rope", "<|endoftext|>", "<|endoftext|>", "\n", false],
    ["alpha7b-like", "<s>", "</s>", "", false],
  ])("know the tokens of %s by its template and tokenizer", async (name, bos, end, tail, doubled) => {
    const model = join(folder, `${name}.gguf`);
    const checkpoint = join(repository, "test", "fixtures", "checkpoints", name);
    expect((await run(["convert", checkpoint, "-o", model, "--type", "f32", "--force"])).code).toBe(0);
    const rows = [`${bos}Hi${end}${tail}`, `Hi${end}${tail}`, `Hi${end}${tail}!`, "Hi", `Hi${end}`].map((text) => ({
      text,
    }));
    const path = file("marks.jsonl", jsonLines(rows));
    const { stderr } = await run(["tokenize", "--model", model, "--input", path]);
    const warnings = lines(stderr).filter((line) => line.includes("warning"));
    expect(warnings).toEqual([
      ...(doubled
        ? [expect.stringContaining(`1 text, at line 1, begins with ${bos}, and this model already adds one`)]
        : []),
      expect.stringContaining(`1 text, at line 3, continues after the last ${end}`),
    ]);
  });
});

describe("problems that repeat", () => {
  const rows = [
    ...Array.from({ length: 3000 }, (_, i) => JSON.stringify({ task: `a"${i}`, result: i })),
    ...Array.from({ length: 700 }, (_, i) => `{"text":"${i}" x`),
    JSON.stringify({ text: "" }),
  ];

  it.each(["score", "tokenize", "eval"])("are told five times, and counted (%s)", async (command) => {
    const args = command === "eval" ? ["eval", "pairs", "--json", "--adapter", "pairs"] : [command];
    const { code, stdout, stderr } = await run([
      ...args,
      "--model",
      "tiny",
      "--input",
      file("many.jsonl", rows.join("\n")),
    ]);
    expect(code).toBe(command === "eval" ? 2 : 1);
    if (command !== "eval") expect(parseLines(stdout)).toHaveLength(3701);
    const told = lines(stderr);
    expect(told.filter((line) => /line \d+: /.test(line)).length).toBeLessThanOrEqual(11);
    expect(told).toContainEqual(expect.stringMatching(/line 5: .*has only "task", "result"/));
    expect(told).toContainEqual(expect.stringMatching(/and 2,99[56] more rows with this problem: .*"task"/));
    expect(told).toContainEqual(expect.stringMatching(/and 695 more rows with this problem: It is not valid JSON/));
    expect(told.length).toBeLessThan(20);
  });
});

describe("a model that gives no finite number", () => {
  const damaged = join(folder, "damaged.gguf");

  beforeAll(async () => {
    const { stdout } = await run([
      "convert",
      join(repository, "models", "starling-rm-tiny"),
      "-o",
      damaged,
      "--type",
      "f32",
      "--json",
    ]);
    expect(stdout).toContain("{");
    copyFileSync(damaged, `${damaged}.whole`);
    const embedding = (await readGguf(damaged)).tensors.find(({ name }) => name === "token_embd.weight");
    const [width = 0, tokens = 0] = embedding?.dims ?? [];
    const handle = openSync(damaged, "r+");
    const rowBytes = width * 4;
    // All tokens but those of a few bytes and letters.
    const row = Buffer.alloc(rowBytes, 0xff);
    for (let id = 300; id < tokens; id++)
      writeSync(handle, row, 0, rowBytes, (embedding?.position ?? 0) + id * rowBytes);
  });

  it("fails row by row, and is named once", async () => {
    const input = file(
      "all.jsonl",
      jsonLines(Array.from({ length: 130 }, (_, i) => ({ text: `Name a fruit, the ${i}th.` }))),
    );
    const { code, stdout, stderr } = await run(["score", "--model", damaged, "--threads", "1", "--input", input]);
    expect(code).toBe(1);
    const results = parseLines(stdout);
    expect(results).toHaveLength(130);
    expect(results[129]).toMatchObject({ index: 129, error: { code: "ERR_NOT_FINITE" } });
    expect(lines(stderr).filter((line) => line.includes("most rows have no finite score"))).toHaveLength(1);
    expect(stderr).toContain("and 125 more rows with this problem");
  });
});
