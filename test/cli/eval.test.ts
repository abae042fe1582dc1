/** Evaluations from the shell: numbers counted again by hand, runs that are killed, rows that are broken. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { embeddedCheckpoint } from "../../src/embedded-model.ts";
import { dataset, datasets } from "../datasets.ts";
import { ended, file, folder, jsonLines, parseLines, run, start, tiny } from "./run-cli.ts";

interface Row {
  readonly prompt: string;
  readonly responses: readonly string[];
  readonly ranks: readonly number[];
}

const heldout = join(embeddedCheckpoint(), "heldout.jsonl");
const rows: Row[] = readFileSync(heldout, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const few = file("few.jsonl", jsonLines(rows.slice(0, 12)));
const pairs = file(
  "pairs.jsonl",
  jsonLines(
    rows.slice(20, 60).map(({ prompt, responses, ranks }) => ({
      prompt,
      chosen: responses[ranks.indexOf(1)],
      rejected: responses[ranks.indexOf(4)],
    })),
  ),
);

const evaluate = (...args: string[]) => ["eval", ...args, ...tiny];
/** A cache of its own, but for the demonstration model, which takes long to make. */
const fresh = ["--no-cache"];

describe("eval", () => {
  it("gives the numbers that scoring and counting by hand give", async () => {
    const { code, stdout } = await run(evaluate("pairs", "--input", few, "--json", ...fresh));
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    const scored = parseLines((await run(["score", ...tiny, "--input", few])).stdout) as { scores: number[] }[];
    const shares = scored.map(({ scores }, i) => {
      const ranks = rows[i]?.ranks as readonly number[];
      let right = 0;
      for (const [a, score] of scores.entries())
        for (const [b, other] of scores.entries())
          if ((ranks[a] as number) < (ranks[b] as number) && score > other) right += 1;
      return right / 21;
    });
    const accuracy = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    expect(report.accuracy).toBeCloseTo(accuracy, 12);
    const [benchmark] = report.benchmarks;
    expect(benchmark).toMatchObject({
      benchmark: "pairs",
      cases: 12,
      comparisons: 12 * 21,
      interval: { method: "clustered-wilson", level: 0.95 },
      rows: { read: 12, broken: 0, cases: 12, sampled: 12, failed: 0 },
      ranking: { cases: 12 },
    });
    expect(benchmark.interval.low).toBeLessThan(accuracy);
    expect(benchmark.interval.high).toBeGreaterThan(accuracy);
    expect(report.model.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(report.model.notice).toMatch(/demonstration/);
  });

  it("reads each public data set in its own schema, all in one run", async () => {
    const args = Object.entries(datasets).flatMap(([name, input]) => ["--input", `${name}=${dataset(input)}`]);
    const { code, stdout } = await run(
      evaluate("all", "nectar", "rewardbench", "rewardbench2", "rmbench", "ppe", ...args, "--json"),
    );
    expect(code).toBe(0);
    const { accuracy, benchmarks } = JSON.parse(stdout);
    expect(benchmarks.map((own: { benchmark: string }) => own.benchmark)).toEqual(Object.keys(datasets));
    const [human, truth, safety, nectar, v1, v2] = benchmarks;
    expect(accuracy).toBeCloseTo(
      benchmarks.reduce((sum: number, own: { accuracy: number }) => sum + own.accuracy, 0) / benchmarks.length,
      12,
    );
    expect(human).toMatchObject({
      rows: { omitted: { tie: 1, "tie (bothbad)": 1 } },
      card: { "Starling-RM-34B": 0.807 },
    });
    expect(truth.comparisons).toBeGreaterThan(truth.cases);
    expect(truth.asPublished.comparisons).toBeGreaterThan(truth.comparisons);
    expect(nectar.notice).toContain("training data of Starling-RM-34B");
    expect([human.limit, v1.limit, v2.limit]).toEqual([1000, undefined, undefined]);
    expect(safety.rows.omitted).toEqual({ "both safe": 1, "neither safe": 1 });
    expect(nectar.ranking).toMatchObject({ cases: nectar.cases });
    expect(v1.officialScore.kind).toBe("rewardbench");
    expect(v2.officialScore.ties).toBeDefined();
    // Mistakes are told in words that a person finds again in the data.
    const [mistake] = human.mistakes;
    expect(mistake).toMatchObject({ better: { label: expect.any(String) }, worse: { label: expect.any(String) } });
    expect(mistake.margin).toBeCloseTo(mistake.better.score - mistake.worse.score, 12);
  });

  it("prints a table for people, and writes the whole report on request", async () => {
    const output = join(folder, "report");
    const { code, stdout, stderr } = await run(evaluate("pairs", "--input", pairs, "--output", output));
    expect(code).toBe(0);
    expect(stdout).toMatch(/pairs +40 /);
    expect(stderr).toContain(join(output, "report.html"));
    expect(readdirSync(output).sort()).toEqual(["report.html", "report.json", "scores.jsonl"]);
    const report = JSON.parse(readFileSync(join(output, "report.json"), "utf8"));
    expect(report.benchmarks[0].interval.method).toBe("wilson");
    const scores = parseLines(readFileSync(join(output, "scores.jsonl"), "utf8"));
    expect(scores).toHaveLength(40);
    expect(scores[7]).toMatchObject({ benchmark: "pairs", source: 0, row: 8, truncated: [false, false] });
    expect(readFileSync(join(output, "report.html"), "utf8")).toContain("<!doctype html>");
  });

  it("draws the same sample for the same seed, and says which", async () => {
    const of = async (...args: string[]) =>
      JSON.parse((await run(evaluate("pairs", "--input", heldout, "--limit", "15", "--json", ...args))).stdout);
    const [first, again, other] = [await of("--seed", "5"), await of("--seed", "5"), await of("--seed", "6")];
    expect(first).toEqual(again);
    expect(first.settings).toMatchObject({ seed: 5, limit: 15 });
    expect(first.benchmarks[0].rows).toMatchObject({ read: 300, cases: 300, sampled: 15 });
    expect(other.benchmarks[0].accuracy).not.toBe(first.benchmarks[0].accuracy);
  });

  it("ends in the same report when it is killed and started again, without scoring twice", async () => {
    // Whether our own kernels are faster is measured for each cache, and the last digits depend on it.
    const args = (output: string) =>
      evaluate("pairs", "--input", heldout, "--limit", "60", "--kernels", "off", "--output", output);
    const [whole, resumed] = [join(folder, "whole"), join(folder, "resumed")];
    expect((await run([...args(whole), ...fresh])).code).toBe(0);
    const cache = join(folder, "kill-cache");
    const environment = { STARLING_RM_CACHE: cache };
    // Makes the demonstration model, which is not what is to be killed.
    expect((await run(["score", ...tiny, "--text", "a"], "", environment)).code).toBe(0);
    const kept = () => {
      const at = join(cache, "scores");
      if (!existsSync(at)) return 0;
      return readdirSync(at).reduce((sum, name) => sum + readFileSync(join(at, name), "utf8").split("\n").length, 0);
    };
    let before = 0;
    for (let round = 1; round <= 3; round++) {
      const child = start(args(resumed), environment);
      const end = ended(child);
      while (child.exitCode === null && kept() < before + 60) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill("SIGKILL");
      await end;
      before = kept();
      expect(existsSync(join(resumed, "report.json"))).toBe(false);
    }
    expect(before).toBeGreaterThanOrEqual(180);
    expect((await run(args(resumed), "", environment)).code).toBe(0);
    for (const name of ["report.json", "report.html", "scores.jsonl"])
      expect(readFileSync(join(resumed, name), "utf8"), name).toBe(readFileSync(join(whole, name), "utf8"));
    // 60 cases of 7 responses, a header, and for each kill at most the line that it cut off: nothing was scored twice.
    expect(kept()).toBeLessThan(60 * 7 + 10);
  });

  it("breaks accuracy down by fields of the rows, turns and lengths", async () => {
    const rows = join(folder, "grouped.jsonl");
    const pair = { prompt: "Name a fruit.", chosen: "An apple.", rejected: "I hate you." };
    const groups = [{ source: "a" }, { source: "b", meta: { hard: true } }, { source: "a", meta: { hard: false } }, {}];
    const turns = [
      { role: "user", content: "Hello." },
      { role: "assistant", content: "Hello!" },
    ];
    const long = {
      prompt: [...turns, { role: "user", content: "Name a fruit." }],
      chosen: "Apple.",
      rejected: "word ".repeat(200),
    };
    writeFileSync(
      rows,
      [...groups.map((more) => ({ ...pair, ...more })), long].map((row) => `${JSON.stringify(row)}\n`).join(""),
    );
    const args = evaluate("pairs", "--input", rows, "--by", "source,meta.hard", "--by", "turns,length");
    const { code, stdout } = await run([...args, "--json"]);
    expect(code).toBe(0);
    const { breakdowns } = JSON.parse(stdout).benchmarks[0];
    const sizes = breakdowns.map(
      ({ field, groups }: { field: string; groups: { value?: string; cases: number }[] }) => [
        field,
        ...groups.map(({ value, cases }) => [value, cases]),
      ],
    );
    expect(sizes).toEqual([
      ["source", ["a", 2], ["b", 1], [undefined, 2]],
      ["meta.hard", ["false", 1], ["true", 1], [undefined, 3]],
      ["turns", ["1", 4], ["2", 1]],
      ["length", ["0 to 127 tokens", 4], ["128 to 255 tokens", 1]],
    ]);
    expect((await run(args)).stdout).toMatch(/pairs by source +prompts +accuracy/);
    const wrong = await run(evaluate("pairs", "--input", rows, "--by", "sauce"));
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/Cannot break down by "sauce": no row has such a field; they have "prompt", "chosen"/);
    // Without a sample, rows are streamed.
    expect(await run(evaluate("pairs", "--input", rows, "--by", "sauce", "--limit", "all"))).toMatchObject({ code: 2 });
  });

  it("keeps long texts apart that begin alike, and says what values are no groups", async () => {
    const rows = join(folder, "long.jsonl");
    const made = ["a", "b"].map((end) => ({
      ...{ prompt: `${"x".repeat(300)}${end}`, chosen: "yes", rejected: "no" },
      ...{ meta: { source: end }, tags: [end] },
    }));
    writeFileSync(rows, made.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const by = (name: string) => run(evaluate("pairs", "--input", rows, "--json", "--by", name));
    const [{ groups }] = JSON.parse((await by("prompt")).stdout).benchmarks[0].breakdowns;
    expect(groups.map(({ cases }: { cases: number }) => cases)).toEqual([1, 1]);
    for (const [name, reason] of [
      ["meta", 'its values are objects. Name a field of one with a dot: "meta.source".'],
      ["tags", 'its values are lists. Name a field of one with a dot: "tags.0".'],
    ] as const) {
      const { code, stderr } = await by(name);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`Cannot break down by "${name}": ${reason}`)]);
    }
  });

  it("fails where no row could be used, and says so", async () => {
    const none = join(folder, "none.jsonl");
    writeFileSync(none, `${JSON.stringify({ prompt: "p", chosen: "same", rejected: "same" })}\n`);
    const { code, stdout, stderr } = await run(evaluate("pairs", "--input", none));
    expect(code).toBe(2);
    expect(stdout).toContain("pairs");
    expect(stderr).toContain(
      "error: pairs has no usable row, so nothing was measured: 1 row was skipped (same text)\n",
    );
    const same = { prompt: "p", chosen: "same", rejected: "same" };
    const mixed = file("none-3.jsonl", jsonLines([same, same, { prompt: "p", chosen: 1, rejected: "b" }]));
    expect((await run(evaluate("pairs", "--input", mixed))).stderr).toContain(
      "nothing was measured: 2 rows were skipped (same text), and 1 row for other reasons\n",
    );
  });

  it("says beside the accuracy how many rows it is of, and in JSON why the others failed", async () => {
    const rows = [
      { prompt: "p", chosen: "a", rejected: "b" },
      ...[1, 2].map((chosen) => ({ prompt: "p", chosen, rejected: "b" })),
    ];
    const part = file("part.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const { code, stdout } = await run(evaluate("pairs", "--input", part));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^pairs +1 +\d\.\d{3} \(of 1 of 3 rows; 2 failed\)/m);
    const json = JSON.parse((await run(evaluate("pairs", "--input", part, "--json"))).stdout);
    const incomplete = { measured: 1, failed: 2, sentence: "of 1 of 3 rows; 2 failed" };
    const problems = { "Expected a string for chosen but received 1.": 2 };
    expect(json).toMatchObject({ incomplete, benchmarks: [{ incomplete, rows: { problems } }] });
    const none = await run(
      evaluate("pairs", "--input", file("none-2.jsonl", `${JSON.stringify(rows[1])}\n`), "--json"),
    );
    expect(none.code).toBe(2);
    expect(JSON.parse(none.stdout).benchmarks[0].rows.problems).toEqual({
      "Expected a string for chosen but received 1.": 1,
    });
    expect(none.stderr).toContain("nothing was measured: 1 row failed (Expected a string for chosen but received 1)");
  });

  it("tells each broken row by its number, goes on, and exits with 1", async () => {
    const lines = readFileSync(few, "utf8").trimEnd().split("\n");
    lines[2] = '{"prompt": "cut';
    lines[5] = JSON.stringify({ prompt: "p", responses: ["a", "b"], ranks: [1, "two"] });
    lines[9] = JSON.stringify({ prompt: "p", responses: ["\ud800", "b"], ranks: [1, 2] });
    const broken = file("broken.jsonl", `${lines.join("\n")}\n`);
    const { code, stdout, stderr } = await run(evaluate("pairs", "--input", broken, "--json"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\.jsonl, line 3: .*JSON/);
    expect(stderr).toMatch(/broken\.jsonl, line 6: .*ranks/);
    expect(stderr).toMatch(/broken\.jsonl, (line|row) 10: /);
    const [benchmark] = JSON.parse(stdout).benchmarks;
    expect(benchmark.cases).toBe(9);
    expect(benchmark.rows.broken + benchmark.rows.failed).toBe(3);
    expect(benchmark.problems.map(({ row }: { row: number }) => row).sort((a: number, b: number) => a - b)).toEqual([
      3, 6, 10,
    ]);

    const strict = await run(evaluate("pairs", "--input", broken, "--json", "--strict"));
    expect(strict.code).toBe(1);
    expect(strict.stdout).toBe("");
    expect(strict.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(strict.stderr).toMatch(/line 3/);
  });

  it("goes on from what another run with other data has scored", async () => {
    const cache = join(folder, "shared-cache");
    const environment = { STARLING_RM_CACHE: cache };
    const accuracies = [];
    for (const name of [few, pairs, few]) {
      const { stdout } = await run(evaluate("pairs", "--input", name, "--json"), "", environment);
      accuracies.push(JSON.parse(stdout).accuracy);
    }
    expect(accuracies[2]).toBe(accuracies[0]);
    expect(readdirSync(join(cache, "scores"))).toHaveLength(1);
  });

  it.each([
    [[], /missing required argument 'benchmarks'/],
    [["humans"], /Expected one of human, truth/],
    [["pairs"], /pairs has no data set of its own: give --input FILE/],
    [["human", "truth", "--input", "x.parquet"], /--input human=x\.parquet/],
    [["human", "--input", "truth=x.parquet"], /truth is not one of/],
    [["pairs", "--input", "missing.jsonl"], /missing\.jsonl/],
    [["pairs", "--input", ""], /--input/],
    [["pairs", "--input", heldout, "--limit", "0"], /Expected "all" or a whole number/],
    [["pairs", "--input", heldout, "--seed", "-1"], /whole number from 0/],
    [["pairs", "--input", heldout, "--output", heldout], /heldout\.jsonl/],
  ] as const)("refuses %j in one sentence", async (args, message) => {
    const { code, stdout, stderr } = await run(evaluate(...args));
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("has nothing to say about a file without rows, and says that", async () => {
    const { code, stdout, stderr } = await run(evaluate("pairs", "--input", file("empty.jsonl", ""), "--json"));
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/empty\.jsonl has no rows\.$/m);
  });
});

describe("compare", () => {
  it("finds that a model agrees with itself", async () => {
    const { code, stdout } = await run(["compare", "tiny", "tiny", "--input", few, "--json", "--threads", "1"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      agreement: { cases: 12, responses: 84, order: { agreement: 1 }, sameBest: 1, kendall: 1, scores: { max: 0 } },
    });
  });

  it("misses a second model before it works with the first one", async () => {
    const broken = file("first-row-broken.jsonl", `{}\n${jsonLines(rows.slice(0, 2))}`);
    const { code, stderr } = await run(["compare", "tiny", "nowhere.gguf", "--input", broken, "--threads", "1"]);
    expect(code).toBe(2);
    expect(stderr).toBe("starling-rm: The file nowhere.gguf cannot be read: it does not exist.\n");
  });

  it("compares official scores of two models, with the paired difference", async () => {
    const head = join(folder, "another-head.gguf");
    expect((await run(["fit", ...tiny, "--input", few, "--ridge", "0.1", "-o", head, "--quiet"])).code).toBe(0);
    const official = file(
      "official.jsonl",
      jsonLines(
        ["alpacaeval-easy", "llmbar-natural", "donotanswer", "hep-go"].flatMap((subset) =>
          Array.from({ length: 6 }, (_, i) => ({
            ...{ prompt: `${subset} ${i}?`, chosen: `It is ${i} because of that.`, rejected: `No ${i * 7}.`, subset },
          })),
        ),
      ),
    );
    const args = ["compare", "tiny", head, "--benchmark", "rewardbench", "--input", official];
    const { models, officialScoreDifference: own } = JSON.parse((await run([...args, "--json"])).stdout);
    const [first, second] = models.map(
      ({ officialScore }: { officialScore: { score: number } }) => officialScore.score,
    );
    expect(own.difference).toBeCloseTo(second - first, 12);
    expect(own.interval.low).toBeLessThan(own.difference);
    const { stdout } = await run(args);
    expect(stdout).toMatch(
      new RegExp(`^score of the first +${first.toFixed(4)} \\(0\\.\\d+ to [01]\\.\\d+, 95 %\\)$`, "m"),
    );
    expect(stdout).toMatch(/^difference of scores +[+-]?[01]\.\d+ \([+-]?[01]\.\d+ to [+-]?[01]\.\d+, 95 %\)$/m);
    expect(stdout.indexOf("score of the first")).toBeLessThan(stdout.indexOf("accuracy of the first"));
  });

  it("measures what a quantisation changes, also where no order is known", async () => {
    const q8 = join(folder, "q8_0.gguf");
    mkdirSync(folder, { recursive: true });
    expect((await run(["convert", embeddedCheckpoint(), "-o", q8, "--type", "q8_0"])).code).toBe(0);
    const unlabelled = file("unlabelled.jsonl", jsonLines(rows.slice(0, 12).map(({ ranks: _, ...row }) => row)));
    const of = async (input: string) => {
      const { code, stdout } = await run(["compare", "tiny", q8, "--input", input, "--json", "--threads", "1"]);
      expect(code).toBe(0);
      return JSON.parse(stdout);
    };
    const known = await of(few);
    const unknown = await of(unlabelled);
    const { accuracyDifference, ...agreement } = known.agreement;
    expect(accuracyDifference.difference).toBeGreaterThanOrEqual(accuracyDifference.interval.low);
    expect(accuracyDifference.difference).toBeLessThanOrEqual(accuracyDifference.interval.high);
    expect(unknown.agreement).toEqual({ ...agreement, onlyFirstRight: 0, onlySecondRight: 0 });
    const { order, scores } = known.agreement;
    expect(order.agreement).toBeGreaterThan(0.9);
    expect(scores.max).toBeGreaterThan(0);
    // The limit of q8_0 in test/parity.
    expect(scores.max).toBeLessThan(0.35);
    expect(known.models[0].accuracy.accuracy).toBeGreaterThan(0.8);
    expect(unknown.models[0]).not.toHaveProperty("accuracy");
    expect(known).not.toHaveProperty("officialScoreDifference");
    const table = await run(["compare", "tiny", q8, "--input", few, "--threads", "1"]);
    expect(table.stdout).toMatch(/same order +(?:1\.0|0\.9\d)\d+ /);
  });
});
