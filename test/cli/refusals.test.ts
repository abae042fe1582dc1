import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Ended, file, folder, parseLines, run, tiny } from "./run-cli.ts";

const gguf = join(folder, "tiny.gguf");

beforeAll(async () => {
  const { stdout } = await run(["inspect", "tiny", "--json"]);
  writeFileSync(gguf, readFileSync(JSON.parse(stdout).path));
});

/** One clear line on stderr, nothing on stdout, and no stack trace. */
function expectRefusal({ code, stdout, stderr }: Ended, message: RegExp): void {
  expect(stderr).toMatch(/^starling-rm: [^\n]+\n$/);
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
  expect(stderr).toMatch(message);
  expect(stdout).toBe("");
  expect(code).toBe(2);
}

describe("a model that cannot be used", () => {
  const score = (path: string) => run(["score", "--model", path, "--text", "x"]);

  it("a missing file", async () => {
    expectRefusal(await score(join(folder, "none.gguf")), /none\.gguf .*does not exist/);
  });

  it("a folder", async () => {
    expectRefusal(await score(folder), / is a folder; expected a GGUF file/);
  });

  it("a truncated GGUF", async () => {
    const whole = readFileSync(gguf);
    for (const size of [3, 20, 5000, whole.length - 1]) {
      expectRefusal(await score(file("cut.gguf", whole.subarray(0, size))), /cut\.gguf/);
    }
  });

  it("a file that is no GGUF", async () => {
    expectRefusal(await score(file("garbage.gguf", "garbage".repeat(1000))), /garbage\.gguf is not a GGUF/);
  });

  it("a GGUF without a reward head", async () => {
    const bytes = readFileSync(gguf);
    // Another name of the same length: the key is gone, the file is sound.
    bytes.write("starling.hexd.weight", bytes.indexOf("starling.head.weight"));
    expectRefusal(await score(file("headless.gguf", bytes)), /reward head|starling\.head\.weight/);
  });

  it("none at all: how to get one", async () => {
    expectRefusal(
      await run(["score", "--text", "x"]),
      /--model FILE\.gguf.*STARLING_RM_MODEL.*starling-rm convert.*--model tiny/,
    );
  });

  it("STARLING_RM_MODEL is used where --model is not given", async () => {
    expectRefusal(await run(["score", "--text", "x"], "", { STARLING_RM_MODEL: "/none/x.gguf" }), /\/none\/x\.gguf/);
  });
});

describe("a command line that cannot be understood", () => {
  it.each<[string, string[], RegExp]>([
    ["an unknown option", ["score", "--modle", "tiny"], /unknown option '--modle' \(Did you mean --model\?\)/],
    ["an unknown option like no other", ["tokenize", "--best"], /unknown option '--best'\n/],
    ["a short one like no other", ["eval", "--file", "x"], /unknown option '--file'\n/],
    ["a swapped one", ["score", "--tpo", "2"], /unknown option '--tpo' \(Did you mean --top\?\)/],
    ["the beginning of one", ["score", "--min", "2"], /unknown option '--min' \(Did you mean --min-score\?\)/],
    ["an unknown option in front", ["--versoin"], /unknown option '--versoin' \(Did you mean --version\?\)/],
    ["a command like no other", ["test"], /unknown command 'test'\n/],
    ["an unknown command", ["scroe"], /unknown command 'scroe' \(Did you mean score\?\)/],
    ["a wrong choice", ["score", "--gpu", "of"], /Allowed choices are auto, off, cuda, vulkan, metal/],
    ["a wrong mode", ["score", "--tokenization", "fast"], /Allowed choices are slow, fast-4\.41, fast-4\.42/],
    ["a number out of range", ["score", "--threads", "0"], /Expected a whole number from 1 to 512/],
    ["a number that is none", ["score", "--ctx", "1e3"], /Expected a whole number from 1 to 65536/],
    ["an option without its value", ["score", "--model"], /argument missing/],
    ["two formats", ["score", "--json", "--format", "csv"], /cannot be used with/],
    ["an argument too many", ["score", "x.jsonl"], /too many arguments/],
    ["nothing to score", ["score", "--model", "tiny"], /--prompt and --response, or --input/],
    ["an unpaired prompt", ["score", "--model", "tiny", "-p", "a"], /--response/],
    ["texts and a file", ["score", "--model", "tiny", "-t", "a", "-i", "-"], /cannot be combined/],
    ["a missing output", ["convert", "folder"], /required option '-o, --output <file>'/],
    [
      "an unknown weight type",
      ["convert", "folder", "-o", "x", "-t", "q9"],
      /"q9" is not known; choose one of f32, f16/,
    ],
    [
      "a type that needs an importance matrix",
      ["convert", "f", "-o", "x", "-t", "IQ2_XS"],
      /needs an importance matrix/,
    ],
  ])("%s", async (_, args, message) => {
    expectRefusal(await run(args), message);
  });
});

describe("an input or output that cannot be used", () => {
  const score = (...args: string[]) => run(["score", ...tiny, ...args]);

  it("a missing input", async () => {
    expectRefusal(await score("--input", join(folder, "none.jsonl")), /none\.jsonl cannot be read: it does not exist/);
  });

  it("a folder as input", async () => {
    expectRefusal(await score("--input", folder), /is a folder/);
  });

  it("UTF-16 without a byte order mark", async () => {
    expectRefusal(await score("--input", file("wide.jsonl", Buffer.from('{"text":"a"}', "utf16le"))), /UTF-16/);
  });

  it("a binary file", async () => {
    expectRefusal(await score("--input", gguf), /binary file/);
  });

  it("an output that cannot be written", async () => {
    expectRefusal(await score("--text", "x", "--output", join(folder, "none", "x.jsonl")), /cannot be written/);
    mkdirSync(join(folder, "sub"), { recursive: true });
    expectRefusal(await score("--text", "x", "--output", join(folder, "sub")), /it is a folder/);
  });

  it("an output that is the input or the model: both stay as they are", async () => {
    const input = file("same.jsonl", '{"text":"a"}\n');
    expectRefusal(await score("--input", input, "--output", input), /the file being read/);
    expect(readFileSync(input, "utf8")).toBe('{"text":"a"}\n');
    const bytes = readFileSync(gguf);
    const model = file("model-of-any-name", bytes);
    expectRefusal(await run(["score", "--model", model, "--text", "a", "--output", model]), /the file being read/);
    expect(readFileSync(model).equals(bytes)).toBe(true);
    expectRefusal(
      await run(["score", "--model", gguf, "--text", "a", "--output", gguf]),
      /does not write \.gguf files/,
    );
    expect(readFileSync(gguf).equals(bytes)).toBe(true);
  });

  it("an old output stays whole when the model cannot be loaded", async () => {
    const output = file("old.jsonl", "old\n");
    expectRefusal(
      await run(["score", "--model", "/none.gguf", "--text", "a", "--output", output, "--force"]),
      /none\.gguf/,
    );
    expect(readFileSync(output, "utf8")).toBe("old\n");
  });
});

describe("rows that cannot be scored are named, and the others are scored", () => {
  it.each<[string, string, RegExp, string]>([
    ["an empty text", '{"text":""}', /text is empty/, "ERR_EMPTY_TEXT"],
    ["a text whose first id is 0", '{"text":"<unk>a"}', /padding token <unk>/, "ERR_NO_SCORE_POSITION"],
    ["invalid JSON", '{"text":"a"', /not valid JSON/, "ERR_INVALID_JSON"],
    [
      "a wrong field type",
      '{"prompt":5,"response":"a"}',
      /Expected a string or an array of \{"role","content"\} for row\.prompt/,
      "ERR_INVALID_ITEM",
    ],
    ["a wrong role", '{"messages":[{"role":"bot","content":""}]}', /messages\[0\]\.role/, "ERR_INVALID_ITEM"],
    ["no field at all", '{"id":1}', /the row has only "id"/, "ERR_INVALID_ITEM"],
    ["a lone surrogate", '{"text":"\\ud800"}', /not valid Unicode/, "ERR_INVALID_UNICODE"],
  ])("%s", async (_, line, message, code) => {
    const result = await run(["score", ...tiny, "--input", "-"], `{"text":"a"}\n\n${line}\n{"text":"b"}\n`);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^starling-rm: line 3: .*$/m);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/1 of 3 rows failed\n$/);
    expect(parseLines(result.stdout)).toMatchObject([
      { index: 0, score: expect.any(Number) },
      { index: 1, error: { code, message: expect.stringMatching(message) } },
      { index: 2, score: expect.any(Number) },
    ]);
  });
});

it("STARLING_RM_DEBUG shows where a failure happened", async () => {
  const { stderr } = await run(["score", "--model", "/none.gguf", "-t", "x"], "", { STARLING_RM_DEBUG: "1" });
  expect(stderr).toMatch(/ at .*:\d+:\d+/);
});
