/** What people expect of any command line: first steps, the version, near misses, the cache. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FIRST_STEPS } from "../../cli/first-steps.ts";
import { loadRewardModel } from "../../src/index.ts";
import { ended, file, folder, jsonLines, repository, run, start } from "./run-cli.ts";
import { servedOnce } from "./serve-once.ts";

describe("starling-rm alone", () => {
  const commands = FIRST_STEPS.split("\n").filter((line) => line.startsWith("  starling-rm "));

  it("shows the six things people do", async () => {
    expect(await run([])).toEqual({ code: 0, stdout: FIRST_STEPS, stderr: "" });
    expect(commands).toHaveLength(6);
    expect(Math.max(...FIRST_STEPS.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it.each(commands)("works as it is printed:%s", async (line) => {
    const rows = file("rows.jsonl", jsonLines([{ prompt: "Hello", response: "World", id: 1 }]));
    const preferences = file("preferences.jsonl", jsonLines([{ prompt: "a", chosen: "b", rejected: "c" }]));
    const kept = join(mkdtempSync(join(folder, "steps-")), "kept.jsonl");
    const embedded = join(repository, "models", "starling-rm-tiny");
    // What is on the hub is on this machine; everything else is as printed.
    const local = line
      .replace("rows.jsonl", rows)
      .replace("preferences.jsonl", preferences)
      .replace("kept.jsonl", kept)
      .replace("hf:Nexusflow/Starling-RM-34B --tokenizer hf:01-ai/Yi-34B-Chat", `${embedded} --tokenizer ${embedded}`)
      .replace("rm.gguf", kept.replace("kept.jsonl", "rm.gguf"))
      .replace(" --stream", "");
    const words = [...local.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? (plain as string));
    const { code, stderr } = await (words[1] === "serve" ? servedOnce(words.slice(1)) : run(words.slice(1)));
    expect([code, stderr.includes("error")]).toEqual([0, false]);
  });
});

it.each([
  ["--version", "--json"],
  ["--json", "-V"],
])("%s %s says what a report of a problem needs", async (...args) => {
  const { code, stdout } = await run(args);
  const found = JSON.parse(stdout);
  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  expect({ code, ...found }).toMatchObject({
    ...{ code: 0, version, node: process.versions.node, platform: process.platform, arch: process.arch },
    llama: expect.stringMatching(/^[\w.]+$/),
    addon: expect.stringMatching(/starling_rm\.node$/),
    runtime: expect.stringContaining("node-llama-cpp"),
  });
  expect((await run(["--version"])).stdout).toBe(`${version} (llama.cpp ${found.llama})\n`);
});

describe("a value that is almost right", () => {
  const texts = ["--model", "tiny", "--text", "a"];
  it.each([
    [["score", ...texts, "--gpu", "cudda"], "cuda"],
    [["score", ...texts, "--gpu", "cpu"], "off"],
    [["score", ...texts, "--format", "jsonlines"], "jsonl"],
    [["score", ...texts, "--format", "ndjson"], "jsonl"],
    [["score", ...texts, "--tokenization", "fast4.42"], "fast-4.42"],
    [["score", ...texts, "--special-tokens", "plian"], "plain"],
    [["score", ...texts, "--batch-mode", "exactly"], "exact"],
    [["score", ...texts, "--split-mode", "layers"], "layer"],
    [["eval", "--model", "tiny", "rewrdbench"], "rewardbench"],
    [["compare", "tiny", "tiny", "--benchmark", "pair"], "pairs"],
    [["convert", "x", "-o", "y", "--profile", "starling-34b"], "starling-rm-34b"],
    [["convert", "x", "-o", "y", "--type", "q4_k"], "q4_k_m"],
    [["convert", "x", "-o", "y", "--type", "Q4-K-M"], "q4_k_m"],
    [["quantize", "x", "-o", "y", "--type", "fp16"], "f16"],
    [["inspect", join(repository, "models", "starling-rm-tiny"), "--type", "q8"], "q8_0"],
    [["cache", "lst"], "list"],
  ])("of %j is suggested", async (args, meant) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`Did you mean ${meant.replaceAll(".", "\\.")}\\?\\)?\n$`));
  });

  it("is not made up where nothing is near", async () => {
    const { stderr } = await run(["score", ...texts, "--gpu", "quantum-computer"]);
    expect(stderr).toMatch(/Allowed choices are auto, off, cuda, vulkan, metal\.\n$/);
  });
});

describe("doctor", () => {
  it("says the same wherever it says how much memory is free", async () => {
    const found = JSON.parse((await run(["doctor", "--model", "tiny", "--gpu", "off", "--json"])).stdout);
    const cpu = found.runtimes.find(({ backend }: { backend: string }) => backend === "cpu");
    expect(cpu.devices.map(({ memoryFree }: { memoryFree: number }) => memoryFree)).toEqual([found.memory.free]);
    expect(found.model.memory.available).toBe(found.memory.free);
  });
});

describe("cache", () => {
  const HEX = "0123456789abcdef";
  /** A cache with one entry of each kind, and files that are nobody's business. */
  function filled(): string {
    const root = mkdtempSync(join(folder, "cache-"));
    const put = (path: string, bytes: number) => {
      mkdirSync(join(root, path, ".."), { recursive: true });
      writeFileSync(join(root, path), Buffer.alloc(bytes));
      utimesSync(join(root, path), new Date("2020-01-01"), new Date("2020-01-01"));
    };
    put("starling-rm-tiny-0123456789ab.f16.gguf", 3000);
    put(`scores/${HEX}-${HEX}.jsonl`, 100);
    put(`features/${HEX}${HEX}/${HEX}.features`, 200);
    put(`kernels/${HEX}01234567.json`, 10);
    put(`probes/${HEX}01234567.json`, 20);
    put(`model-hashes/${HEX}01234567.json`, 30);
    put("thesis.docx", 4000);
    put("scores/notes.txt", 5);
    put("kernels/mine.json", 6);
    put("features/README", 7);
    return root;
  }
  const OTHERS = ["thesis.docx", "scores/notes.txt", "kernels/mine.json", "features/README"];
  const on = (root: string) => ({ STARLING_RM_CACHE: root });

  it("list says what there is, and prune removes only that", async () => {
    const root = filled();
    const listed = JSON.parse((await run(["cache", "list", "--json"], "", on(root))).stdout);
    expect(listed.entries.map(({ what, bytes }: { what: string; bytes: number }) => [what, bytes])).toEqual([
      ["demonstration model", 3000],
      ["scores", 100],
      ["features", 200],
      ["model hashes", 30],
      ["kernel checks", 10],
      ["GPU checks", 20],
    ]);
    const { stdout } = await run(["cache", "list"], "", on(root));
    expect(stdout).toMatch(/6 entries, 3\.28 KiB\n(?:.*\n)*scores\/.* 100 bytes, scores, written 2020-01-01\n/);
    expect(await run(["cache", "prune"], "", on(root))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--all/),
    });
    const dry = await run(["cache", "prune", "--all", "--dry-run"], "", on(root));
    expect(dry.stdout).toMatch(/^would remove 6 entries, 3\.28 KiB\n/);
    expect((await run(["cache", "list", "--json"], "", on(root))).stdout).toBe(
      `${JSON.stringify({ folder: root, entries: listed.entries }, null, 2)}\n`,
    );
    expect((await run(["cache", "prune", "--all"], "", on(root))).stdout).toMatch(/^removed 6 entries/);
    expect((await run(["cache", "list"], "", on(root))).stdout).toMatch(/: 0 entries, 0 bytes\n$/);
    expect(OTHERS.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("prune --older-than goes by the time of the last write", async () => {
    const root = filled();
    const scores = join(root, "scores", `${HEX}-${HEX}.jsonl`);
    const hoursAgo = new Date(Date.now() - 30 * 3_600_000);
    utimesSync(scores, hoursAgo, hoursAgo);
    expect((await run(["cache", "prune", "--older-than", "2d"], "", on(root))).stdout).toMatch(/^removed 5 entries/);
    expect(existsSync(scores)).toBe(true);
    expect((await run(["cache", "prune", "--older-than", "29h"], "", on(root))).stdout).toMatch(/^removed 1 entry,/);
  });

  it("never leaves the folder: links are not followed", async () => {
    const [root, elsewhere] = [mkdtempSync(join(folder, "cache-")), filled()];
    for (const name of ["scores", "features", "kernels"]) symlinkSync(join(elsewhere, name), join(root, name));
    const model = "starling-rm-tiny-0123456789ab.f16.gguf";
    symlinkSync(join(elsewhere, model), join(root, model));
    expect((await run(["cache", "prune", "--all"], "", on(root))).stdout).toMatch(/^removed 0 entries/);
    for (const path of [model, `scores/${HEX}-${HEX}.jsonl`, `kernels/${HEX}01234567.json`])
      expect(existsSync(join(elsewhere, path))).toBe(true);
    // The folder itself may be reached by a link.
    const link = join(folder, `link-${Date.now()}`);
    symlinkSync(elsewhere, link);
    expect((await run(["cache", "prune", "--all"], "", on(link))).stdout).toMatch(/^removed 6 entries/);
    expect((await run(["cache", "list"], "", on(join(folder, "no such folder")))).stdout).toMatch(
      /: 0 entries, 0 bytes\n$/,
    );
  });

  it.runIf(process.platform === "linux")("prune keeps what a process uses", async () => {
    const root = mkdtempSync(join(folder, "cache-"));
    const model = join(root, "starling-rm-tiny-0123456789ab.f16.gguf");
    await run(["demo"], "", on(root));
    const made = JSON.parse((await run(["cache", "list", "--json"], "", on(root))).stdout).entries[0].path;
    cpSync(made, model);
    await using loaded = await loadRewardModel({ modelPath: model, gpu: "off", threads: 1 });
    const pruned = await run(["cache", "prune", "--all"], "", on(root));
    expect(pruned.stdout).toContain("starling-rm-tiny-0123456789ab.f16.gguf (kept: in use)");
    expect([existsSync(model), existsSync(made)]).toEqual([true, false]);
    expect(await loaded.score([{ prompt: "a", response: "b" }])).toHaveLength(1);
  });

  it.runIf(process.platform === "linux")("prune keeps the scores of an evaluation that runs", async () => {
    const root = mkdtempSync(join(folder, "cache-"));
    const input = file(
      "many.jsonl",
      jsonLines(
        Array.from({ length: 900 }, (_, i) => ({ prompt: `${i} ${"word ".repeat(40)}`, chosen: "a", rejected: "b" })),
      ),
    );
    const child = start(["eval", "pairs", "--model", "tiny", "--threads", "1", "--input", input, "--json"], on(root));
    const result = ended(child);
    const scores = async () =>
      JSON.parse((await run(["cache", "list", "--json"], "", on(root))).stdout).entries.find(
        ({ what }: { what: string }) => what === "scores",
      );
    let found: { inUse: boolean; path: string } | undefined;
    for (let i = 0; i < 60 && found === undefined; i++) found = await scores();
    expect(found).toMatchObject({ inUse: true });
    await run(["cache", "prune", "--all"], "", on(root));
    expect(existsSync((found as { path: string }).path)).toBe(true);
    child.kill("SIGINT");
    expect((await result).code).toBe(130);
    expect(await scores()).toMatchObject({ inUse: false });
  });
});
