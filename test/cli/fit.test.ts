/** Fits from the shell: what is written and used, runs that are killed, rows that are broken, wrong usage. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { embeddedCheckpoint } from "../../src/embedded-model.ts";
import { embeddedModelPath } from "../../src/model-path.ts";
import { ended, file, folder, jsonLines, parseLines, run, start, tiny } from "./run-cli.ts";

const answers = [
  "It depends on what you like.",
  "There is much to say about that.",
  "I would begin with a walk.",
  "Many people enjoy it on Sundays.",
];

/** The loud answer is better; with K = 4 two are tied, and of one nothing is known. */
const preferences = (count: number, length = 0) =>
  Array.from({ length: count }, (_, i) => {
    const prompt = `${"Once more. ".repeat(length)}Tell me about topic ${i}.`;
    const [calm, louder, loud, other] = answers as [string, string, string, string];
    if (i % 3 === 0)
      return {
        prompt,
        responses: [calm, louder.replace(".", "!"), loud.replace(".", "!"), other],
        ranks: [2, 1, 1, null],
      };
    return { prompt, chosen: answers[i % 4]?.replace(".", "!"), rejected: answers[(i + 1) % 4] };
  });
const prefs = file("prefs.jsonl", jsonLines(preferences(90)));
const path = (name: string) => join(folder, name);

let model: string;
beforeAll(async () => {
  model = await embeddedModelPath({ cacheFolder: path("cache") });
});

const runFit = (args: readonly string[], environment = {}) =>
  run(["fit", "--model", model, "--gpu", "off", ...args], "", environment);

describe("fit", () => {
  it("writes a head file and a model that score alike, and says what they are worth", async () => {
    const [head, output] = [path("head.gguf"), path("new.gguf")];
    const { code, stdout } = await runFit([
      "--input",
      prefs,
      "--head-output",
      head,
      "-o",
      output,
      "--held-out",
      "0.2",
      "--json",
    ]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      converged: true,
      output,
      headOutput: head,
      settings: { seed: 0, heldOut: 0.2, batchMode: "exact" },
      rows: { read: 90, broken: 0, cases: 90, failed: 0 },
      sources: [{ name: "prefs.jsonl" }],
      heldOut: { cases: 18 },
      training: { cases: 72 },
    });
    expect(report.gradientNorm).toBeLessThanOrEqual(report.gradientTolerance);
    expect(report.heldOut.after.accuracy).toBeGreaterThan(0.95);
    expect(report.heldOut.before.accuracy).toBeLessThan(0.8);
    expect(report).not.toHaveProperty("head");

    const pair = ["-p", "Tell me about trains.", "-r", answers[3] as string, "-r", "I would begin with a walk!"];
    const scores = async (args: readonly string[]) => (await run(["score", ...args, "--gpu", "off", ...pair])).stdout;
    const withHead = await scores(["--model", model, "--head", head]);
    expect(await scores(["--model", output])).toBe(withHead);
    expect(await scores(["--model", model])).not.toBe(withHead);
    for (const args of [
      ["--model", model, "--head", head],
      ["--model", output],
    ]) {
      const { stdout: ranked } = await run(["rank", ...args, "--gpu", "off", ...pair]);
      expect(parseLines(ranked)).toMatchObject([{ ranking: [{ index: 1 }, { index: 0 }] }]);
    }

    const compared = ["compare", model, model, "--head-b", head, "--input", prefs, "--gpu", "off"];
    const comparison = JSON.parse((await run([...compared, "--json"])).stdout);
    expect(comparison.models[0]).not.toHaveProperty("head");
    expect(comparison.models[1]).toMatchObject({ head: { file: basename(head) } });
    expect(comparison.models[0].accuracy.accuracy).toBeLessThan(0.8);
    expect(comparison.models[1].accuracy.accuracy).toBeGreaterThan(0.95);
    expect((await run(compared)).stdout).toMatch(new RegExp(`second +.* with the head ${basename(head)}`));
    const exchanged = ["compare", model, model, "--head-a", head, "--input", prefs, "--gpu", "off", "--json"];
    expect(JSON.parse((await run(exchanged)).stdout).models[0].head).toEqual(comparison.models[1].head);
    const missing = await run(["compare", model, model, "--head-b", "nowhere.gguf", "--input", prefs]);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("nowhere.gguf") });

    const shown = await run(["inspect", head]);
    expect(shown.stdout).toMatch(/kind +head file/);
    expect(shown.stdout).toMatch(/fitted to +72 rows of prefs.jsonl/);
    expect((await run(["inspect", output])).stdout).toMatch(/fitted to +72 rows of prefs.jsonl/);
    const refused = await run(["score", "--model", model, "--head", head, "--tokenization", "slow", ...pair]);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain("fitted with the tokenization fast-4.41");
  });

  it("makes a head that another model refuses, whatever that one is called, but with --foreign-head", async () => {
    const [head, other, small] = [path("its-head.gguf"), path("other.gguf"), path("other.q8_0.gguf")];
    expect((await runFit(["--input", prefs, "--head-output", head, "--ridge", "1"])).code).toBe(0);
    const checkpoint = path("other-checkpoint");
    cpSync(embeddedCheckpoint(), checkpoint, { recursive: true });
    const weights = join(checkpoint, "model-00002-of-00002.safetensors");
    const bytes = readFileSync(weights);
    // One bit of the fraction of one value; the head is at the end.
    const middle = Math.floor(bytes.length / 4) * 2;
    bytes.writeUInt8((bytes[middle] as number) ^ 1, middle);
    writeFileSync(weights, bytes);
    expect((await run(["convert", checkpoint, "-o", other, "--type", "f16"])).code).toBe(0);
    const texts = file("one.jsonl", jsonLines([{ prompt: "Hello", response: "World" }]));
    for (const command of [
      ["score", "--input", texts],
      ["rank", "-p", "Hello", "-r", "a", "-r", "b"],
      ["eval", "pairs", "--input", prefs],
      ["fit", "--input", prefs, "--head-output", path("of-another.gguf")],
    ]) {
      const args = [...command, "--model", other, "--head", head, "--gpu", "off"];
      const { code, stdout, stderr } = await run(args);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr.trimEnd()).toMatch(
        /^starling-rm: .*was fitted to the trunk [0-9a-f]{12} \(.*[0-9a-f]{12}, .*foreign-head/,
      );
      const allowed = await run([...args, "--foreign-head"]);
      expect(allowed.code).toBe(0);
      expect(allowed.stderr).toMatch(
        /another model, .* \(trunk [0-9a-f]{12}, here [0-9a-f]{12}\): .* may mean nothing/,
      );
    }
    // A report that is kept says so, too, and names no folder.
    const folderOfReport = path("foreign-report");
    const report = [
      "eval",
      "pairs",
      "--input",
      prefs,
      "--model",
      other,
      "--head",
      head,
      "--foreign-head",
      "--gpu",
      "off",
    ];
    expect((await run([...report, "--output", folderOfReport])).code).toBe(0);
    const page = readFileSync(join(folderOfReport, "report.html"), "utf8");
    expect(page).toMatch(/Note: the head its-head\.gguf was fitted to another model/);
    expect(JSON.parse(readFileSync(join(folderOfReport, "report.json"), "utf8")).model.notices).toHaveLength(1);
    // Another quantisation of the model that the head was fitted to takes it, and has nothing to say.
    expect((await run(["quantize", model, "-o", small, "--type", "q8_0"])).code).toBe(0);
    const { code, stderr } = await run(["score", "--model", small, "--head", head, "--gpu", "off", "--input", texts]);
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/head|trunk/);
  });

  it("prints a table for people, and goes on from a head file", async () => {
    const head = path("first-head.gguf");
    await runFit(["--input", prefs, "--head-output", head, "--ridge", "10"]);
    const args = ["--input", prefs, "--head", head, "--seed", "3", "--head-output", path("second-head.gguf")];
    const { code, stdout } = await runFit(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/model +.*, from the head first-head.gguf\n/);
    expect(stdout).toMatch(/fit +converged after \d+ iterations/);
    expect(stdout).toMatch(/held out +accuracy 0\.\d{4} -> [01]\.\d{4}, loss .* \(9 rows, \d+ comparisons\)/);
    expect(stdout).toMatch(/head file +.*second-head\.gguf\n/);
    expect(stdout).not.toMatch(/new model/);
  });

  it("ends in the same head, bit for bit, after it was killed in the middle", async () => {
    const long = file("long.jsonl", jsonLines(preferences(120, 25)));
    const whole = path("whole.gguf");
    const caches = [path("cache-whole"), path("cache-killed")] as const;
    for (const cache of caches) mkdirSync(cache);
    // Whether our own kernels are faster is measured for each cache, and the last digits depend on it.
    const rest = ["--kernels", "off", "--input", long, "--head-output"];
    const first = await runFit([...rest, whole], { STARLING_RM_CACHE: caches[0] });
    expect(first.code).toBe(0);

    const environment = { STARLING_RM_CACHE: caches[1] };
    const killed = path("killed.gguf");
    const args = ["fit", "--model", model, "--gpu", "off", ...rest, killed];
    const sizes: number[] = [];
    for (const bytes of [1, 40_000]) {
      const child = start(args, environment);
      const end = ended(child);
      while (child.exitCode === null && stored(caches[1]) < bytes)
        await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill("SIGKILL");
      expect((await end).code).toBe(null);
      expect(existsSync(killed)).toBe(false);
      sizes.push(stored(caches[1]));
    }
    const again = await run(args, "", environment);
    expect(again.code).toBe(0);
    expect(readFileSync(killed).equals(readFileSync(whole))).toBe(true);
    expect(again.stdout.replace(killed, whole)).toBe(first.stdout);
    // What the killed runs computed was not computed again: at most a torn record of each is there beside the whole.
    expect(sizes[0]).toBeGreaterThan(0);
    expect(stored(caches[1])).toBeLessThan(stored(caches[0]) * 1.05);
  });

  it("names broken rows, fits to the others, and exits 1; with --strict it stops and writes nothing", async () => {
    const rows = jsonLines(preferences(30)).trimEnd().split("\n");
    rows.splice(4, 0, "not json", '{"prompt":"p","chosen":1,"rejected":"r"}');
    const broken = file("broken.jsonl", `${rows.join("\n")}\n`);
    const { code, stdout, stderr } = await runFit([
      ...["--input", broken, "--json"],
      ...["--head-output", path("of-others.gguf")],
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\.jsonl, line 5: .*JSON/);
    expect(stderr).toMatch(/broken\.jsonl, line 6: .*chosen/);
    expect(JSON.parse(stdout).rows).toMatchObject({ read: 32, broken: 2, cases: 30 });
    const output = path("strict.gguf");
    const strict = await runFit(["--input", broken, "--head-output", output, "--strict"]);
    expect([strict.code, strict.stdout, existsSync(output)]).toEqual([1, "", false]);
    expect(strict.stderr).not.toContain("line 6");
  });

  it("says in its table why rows were skipped or failed, and why there is nothing to fit to", async () => {
    const others = [
      { prompt: "tied", chosen: "a", rejected: "b", status: "tie" },
      { prompt: "unanswered", chosen: "a", rejected: "" },
      { prompt: "p", chosen: 1, rejected: "r" },
    ];
    const input = file("with-reasons.jsonl", jsonLines([...preferences(30), ...others]));
    const table = await runFit(["--input", input, "--head-output", path("of-some.gguf")]);
    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(
      /rows +33 rows; 2 of 33 rows skipped \(no answer 1, tie 1\); 1 failed \(Expected a string for chosen/,
    );
    const none = await runFit([
      "--input",
      file("none.jsonl", jsonLines(others)),
      "--head-output",
      path("of-none.gguf"),
    ]);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/none\.jsonl, line 3: Expected a string for chosen/);
    expect(none.stderr).toMatch(/\(1 invalid, 1: no answer, 1: tie\)\. Most often: Expected a string for chosen/);
    const probed = await run(["probe", "--input", file("one.jsonl", jsonLines(others.slice(2))), ...tiny]);
    expect(probed.stderr).toMatch(/nothing was measured: 1 row failed \(Expected a string for chosen/);
  });

  it("stops at the first row that cannot be scored with --strict, before the others are computed", async () => {
    const cache = path("cache-strict");
    mkdirSync(cache);
    const rows = [{ prompt: "long ".repeat(400), chosen: "a", rejected: "b" }, ...preferences(600, 10)];
    const input = file("unscorable.jsonl", jsonLines(rows));
    const args = ["--input", input, "--ctx", "256", "--ridge", "1", "--strict", "--head-output", path("none.gguf")];
    const { code, stdout, stderr } = await runFit(args, { STARLING_RM_CACHE: cache });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.trimEnd()).toMatch(/^starling-rm: .*unscorable\.jsonl, line 1: responses\[0\] has \d+ tokens, .*$/);
    // No more than what was under way: 512 rows of 256 numbers, of 1400.
    expect(stored(cache)).toBeLessThan(600 * (256 * 4 + 40));
  });

  it("finds an output that cannot be written before any work", async () => {
    const cache = path("cache-untouched");
    mkdirSync(cache);
    for (const name of ["-o", "--head-output"]) {
      const args = ["--input", prefs, name, path("nowhere/x.gguf")];
      const { code, stderr } = await runFit(args, { STARLING_RM_CACHE: cache });
      expect([code, readdirSync(cache)]).toEqual([2, []]);
      expect(stderr).toMatch(/the folder .*nowhere does not exist/);
    }
  });

  it("replaces neither the preferences nor, by a head alone, the model", async () => {
    const copies = { model: path("copy.gguf"), prefs: path("copy.prefs"), link: path("link.prefs") };
    copyFileSync(model, copies.model);
    copyFileSync(prefs, copies.prefs);
    symlinkSync(copies.prefs, copies.link);
    const args = ["fit", "--model", copies.model, "--gpu", "off", "--input", copies.prefs, "--ridge", "1", "--force"];
    for (const [name, output] of [
      ["--head-output", copies.model],
      ["--head-output", copies.prefs],
      ["--head-output", copies.link],
      ["-o", copies.prefs],
    ] as const) {
      const { code, stdout, stderr } = await run([...args, name, output]);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(output);
      expect(stderr).toMatch(/a file other than/);
    }
    expect(readFileSync(copies.model).equals(readFileSync(model))).toBe(true);
    expect(readFileSync(copies.prefs).equals(readFileSync(prefs))).toBe(true);
    const { code } = await run([...args, "-o", copies.model]);
    expect(code).toBe(0);
    expect((await run(["inspect", copies.model])).stdout).toMatch(/fitted to +81 rows/);
  });

  it.each<[string, readonly string[], RegExp]>([
    ["no input", [], /has no data set of its own: give --input/],
    ["a missing file", ["--input", "none.jsonl", "-o", path("none.gguf")], /none\.jsonl/],
    ["a ridge of 0", ["--input", prefs, "--ridge", "0"], /"auto" or a number above 0/],
    ["everything held out", ["--input", prefs, "--held-out", "1"], /from 0 to 0\.9/],
    ["an output that is there", ["--input", prefs, "-o", prefs], /prefs\.jsonl/],
    [
      "two outputs of one name",
      ["--input", prefs, "-o", "x.gguf", "--head-output", "./x.gguf"],
      /a file other than output/,
    ],
    ["data without a case", ["--input", file("none.json", "[]"), "-o", path("none.gguf")], /none\.json has no rows/],
    ["an empty option", ["--input", prefs, "--ridge", ""], /above 0/],
  ])("refuses %s", async (_, args, message) => {
    const { code, stdout, stderr } = await runFit(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

/** Bytes of features in a cache folder. */
function stored(cache: string): number {
  const features = join(cache, "features");
  if (!existsSync(features)) return 0;
  const files = readdirSync(features, { recursive: true, encoding: "utf8" }).map((name) =>
    statSync(join(features, name)),
  );
  return files.reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0);
}
