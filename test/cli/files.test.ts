import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readGguf } from "../../src/gguf/reader.ts";
import { ended, folder, parseLines, repository, run, start } from "./run-cli.ts";

const checkpoint = join(repository, "test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
const embedded = join(repository, "models", "starling-rm-tiny");

const f16 = join(folder, "made.f16.gguf");

beforeAll(async () => {
  for (const args of [
    ["convert", checkpoint, "-o", f16, "--type", "f16"],
    ["inspect", "tiny"],
  ]) {
    expect((await run(args)).code).toBe(0);
  }
});

describe("the demonstration model", () => {
  it("is made by several processes at once, none of which fails", async () => {
    const cache = join(folder, "shared-cache");
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => run(["inspect", "tiny"], "", { STARLING_RM_CACHE: cache })),
    );
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(Array.from({ length: 4 }, () => [0, ""]));
    expect(readdirSync(cache)).toEqual([expect.stringMatching(/^starling-rm-tiny-\w+\.f16\.gguf$/)]);
  });
});

describe("convert and quantize", () => {
  const q8 = join(folder, "made.q8_0.gguf");

  it("write files that score works with, and say what they wrote", async () => {
    const converted = await run(["convert", checkpoint, "-o", join(folder, "again.gguf"), "--type", "F16"]);
    expect(converted).toMatchObject({ code: 0, stderr: "" });
    expect(converted.stdout).toMatch(/again\.gguf: [\d.]+ [KM]iB, \d+ tensors, in [\d.]+ s\n/);
    const quantized = await run(["quantize", f16, "-o", q8, "--type", "q8_0", "--threads", "1", "--json"]);
    expect(quantized.code).toBe(0);
    expect(JSON.parse(quantized.stdout)).toMatchObject({ output: q8, bytes: statSync(q8).size });
    const scored = await run(["score", "--model", q8, "--threads", "1", "-p", "a", "-r", "b"]);
    expect(parseLines(scored.stdout)).toMatchObject([{ score: expect.any(Number) }]);
  });

  it("replace nothing unless they are told to", async () => {
    const before = readFileSync(f16);
    const refused = await run(["convert", checkpoint, "-o", f16, "--type", "f32"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(/^starling-rm: .*made\.f16\.gguf already exists; --force replaces it\n$/);
    expect(readFileSync(f16).equals(before)).toBe(true);
    expect((await run(["convert", checkpoint, "-o", f16, "--type", "f32", "--force"])).code).toBe(0);
    expect(readFileSync(f16).equals(before)).toBe(false);
  });

  it("refuse what is no checkpoint in one line, and leave nothing behind", async () => {
    const before = readdirSync(folder);
    const { code, stderr } = await run(["convert", folder, "-o", join(folder, "x.gguf")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^starling-rm: .*config\.json.*\n$/);
    const quantized = await run(["quantize", q8, "-o", join(folder, "x.gguf"), "--type", "q4_0"]);
    expect(quantized.code).toBe(2);
    expect(quantized.stderr).toMatch(/already quantised/);
    expect(readdirSync(folder)).toEqual(before);
  });

  it("take the profile that is named, where it fits the checkpoint", async () => {
    const relative = join(repository, "test", "fixtures", "checkpoints", "hf-seqcls-bpe");
    const output = join(folder, "relative.gguf");
    const named = ["convert", relative, "-o", output, "--type", "f16", "--profile"];
    const other = await run([...named, "starling-rm-34b"]);
    expect(other).toMatchObject({ code: 2, stdout: "" });
    expect(other.stderr).toMatch(/no reward head \(v_head\.weight\)/);
    expect((await run([...named, "beaver"])).code).toBe(2);
    expect((await run([...named, "llama-sequence-classification"])).code).toBe(0);
    const { stdout } = await run(["inspect", output]);
    expect(stdout).toMatch(
      /profile +llama-sequence-classification\n.*template +chat-template, tokenizer_config\.json\n/,
    );
    expect(stdout).toMatch(/truncation +none: at most 4096 tokens\n.*\n.*score position +last-non-pad\n/);
    const scored = await run(["score", "--model", output, "--threads", "1", "-p", "a", "-r", "b"]);
    expect(parseLines(scored.stdout)).toMatchObject([{ score: expect.any(Number) }]);
    const refused = await run(["score", "--model", output, "--tokenization", "slow", "-p", "a", "-r", "b"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(/tokenization slow is not one of this model's, which has byte-bpe/);
  });

  it("leave nothing behind when they are stopped", async () => {
    const outputs = mkdtempSync(join(folder, "stopped-"));
    const commands = [
      ["convert", embedded, "--type", "q8_0"],
      ["quantize", f16, "--type", "q4_0"],
    ];
    for (const command of commands) {
      for (const delay of [200, 300, 400, 600]) {
        const output = join(outputs, `${command[0]}-${delay}.gguf`);
        const child = start([...command, "-o", output]);
        const end = ended(child);
        await new Promise((resolve) => setTimeout(resolve, delay));
        child.kill("SIGINT");
        const { code } = await end;
        // Null: it had not begun, or was about to end. 0: it was done before.
        expect([null, 0, 130]).toContain(code);
        if (code === 0) expect(existsSync(output)).toBe(true);
        // The signal may come in the moment between the file and the exit: then the file is whole.
        if (existsSync(output)) expect((await readGguf(output)).tensors.length).toBeGreaterThan(0);
      }
    }
    expect(readdirSync(outputs).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("keep the tokenization and the source that they are told", async () => {
    const output = join(folder, "slow.gguf");
    const source = ["--source", "someone/some-model", "--revision", "abc"];
    await run(["convert", checkpoint, "-o", output, "--type", "f16", "--tokenization", "slow", ...source]);
    const { stdout } = await run(["inspect", output, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      tokenization: "slow",
      source: { name: "someone/some-model", revision: "abc" },
    });
  });
});

describe("a type that the rows are too short for", () => {
  const narrow = join(repository, "test", "fixtures", "checkpoints", "gqa7-bf16");
  const note =
    /^starling-rm: note: None of the 15 matrices could be stored as q4_k or q6_k: rows of 224 and 320 values are not multiples of 256\. Stored as q5_0 \(12\) and q8_0 \(3\)\.$/m;

  it("is told by convert, quantize and inspect, with the reason", async () => {
    const [full, output, again] = ["narrow.f32", "narrow.q4_k_m", "narrow.again"].map((name) =>
      join(folder, `${name}.gguf`),
    ) as [string, string, string];
    const converted = await run(["convert", narrow, "-o", output, "--json"]);
    expect(converted.stderr).toMatch(note);
    expect((await run(["convert", narrow, "-o", full, "--type", "f32"])).stderr).toBe("");
    const quantized = await run(["quantize", full, "-o", again, "--type", "q4_k_m", "--json"]);
    expect(quantized.stderr).toMatch(note);
    const parts = ({ tensorTypes, bytesByType, typeFallbacks, typeNotice }: Record<string, unknown>) => ({
      tensorTypes,
      bytesByType,
      typeFallbacks,
      typeNotice,
    });
    const told = parts(JSON.parse(converted.stdout));
    expect(parts(JSON.parse(quantized.stdout))).toEqual(told);
    const inspected = JSON.parse((await run(["inspect", output, "--json"])).stdout);
    expect(parts(inspected)).toEqual(told);
    expect(Object.values<number>(inspected.bytesByType).reduce((a, b) => a + b)).toBe(inspected.size);
    const { stdout } = await run(["inspect", output]);
    expect(stdout).toMatch(
      /^tensors +12 q5_0, 390 KiB \(65\.5 %\)\n +3 q8_0, .*\n +5 f32, .*\ntypes +None of the 15 matrices/m,
    );
    expect((await run(["inspect", narrow])).stdout).toMatch(/^as q4_k_m +None of the 15 matrices/m);
    const scored = await run(["score", "--model", output, "--gpu", "off", "--text", "a"]);
    expect(scored.stderr).toMatch(/^starling-rm: note: .*narrow\.q4_k_m\.gguf is labelled q4_k_m, but none/m);
  });
});

describe("inspect", () => {
  it("describes a GGUF, a checkpoint and the demonstration model", async () => {
    for (const path of [f16, checkpoint, "tiny"]) {
      const { code, stdout } = await run(["inspect", path]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^architecture +llama$/m);
      expect(stdout).toMatch(/^reward head +\d+ values, norm [\d.]+, mean [-\d.e]+$/m);
    }
  });

  it("refuses what is neither", async () => {
    const { code, stderr } = await run(["inspect", join(folder, "none")]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^starling-rm: .*none.*\n$/);
  });
});

describe("the demonstration model", () => {
  it("ranks the prompts that come with it", async () => {
    const prompts: unknown[] = JSON.parse(readFileSync(join(embedded, "demo.json"), "utf8"));
    const { code, stdout, stderr } = await run(["demo", "--threads", "1"]);
    expect(code).toBe(0);
    expect(stdout.match(/rank +score +tokens +response/g)).toHaveLength(prompts.length);
    expect(stderr).toMatch(/next: starling-rm rank --model tiny/);
    const json = await run(["demo", "--threads", "1", "--type", "q8_0", "--json"]);
    expect(JSON.parse(json.stdout)).toHaveLength(prompts.length);
    expect(json.stderr).not.toMatch(/next:/);
  });

  it("says of itself, wherever it is shown, that it is a demonstration", async () => {
    const notice = /demonstration.*not.*34B/i;
    expect((await run(["inspect", "tiny"])).stdout).toMatch(notice);
    expect(JSON.parse((await run(["inspect", "tiny", "--json"])).stdout).notice).toMatch(notice);
    const text = ["--model", "tiny", "--threads", "1", "--text", "a"];
    expect((await run(["score", ...text])).stderr).toMatch(notice);
    expect((await run(["score", ...text, "--format", "table"])).stdout).toMatch(notice);
    expect((await run(["demo", "--threads", "1"])).stdout).toMatch(notice);
  });

  it("is made once", async () => {
    const cache = join(folder, "cache");
    const before = readdirSync(cache);
    expect((await run(["inspect", "tiny"])).code).toBe(0);
    expect(readdirSync(cache)).toEqual(before);
  });
});

describe("help and version", () => {
  it("are printed on stdout", async () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    expect(await run(["--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(`^${version} \\(llama\\.cpp `),
    });
    for (const command of ["score", "rank", "tokenize", "convert", "pull", "quantize", "inspect", "demo"]) {
      const { code, stdout, stderr } = await run([command, "--help"]);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`Usage: starling-rm ${command}`);
      expect(stdout).toMatch(/Examples?:/);
    }
  });
});
