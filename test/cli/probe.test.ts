/** Probes from the shell, with the demonstration model: the numbers recounted, runs that go on, hostile data. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { embeddedCheckpoint } from "../../src/embedded-model.ts";
import type { ProbeReport } from "../../src/entry/eval.ts";
import { file, folder, jsonLines, parseLines, run, tiny } from "./run-cli.ts";

interface Row {
  readonly prompt: string;
  readonly responses: readonly string[];
  readonly ranks: readonly number[];
}

interface Text {
  readonly row: number;
  readonly responseIndex: number;
  readonly probe: string;
  readonly score: number;
  readonly shift?: number;
  readonly tokenCount: number;
  readonly truncated: boolean;
  readonly response?: string;
}

const rows: Row[] = readFileSync(join(embeddedCheckpoint(), "heldout.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));
const pairs = file(
  "preferences.jsonl",
  jsonLines(
    rows.slice(0, 12).map(({ prompt, responses, ranks }) => ({
      prompt,
      chosen: responses[ranks.indexOf(1)],
      rejected: responses[ranks.indexOf(4)],
    })),
  ),
);

const probe = (...args: string[]) => run(["probe", ...args, ...tiny]);
const reportOf = async (...args: string[]): Promise<ProbeReport> => {
  const { code, stdout, stderr } = await probe(...args, "--json");
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return JSON.parse(stdout);
};
const measuresOf = ({ probes }: ProbeReport, name: string) => {
  const found = probes.find((one) => one.probe === name);
  if (found === undefined) throw new Error(`${name} is missing`);
  return found;
};

describe("probe", () => {
  it("lists the probes without a model", async () => {
    const { code, stdout } = await run(["probe", "--list"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^swap \(should fall\)$/m);
    expect(stdout).toMatch(/^flattery \(should stay\)$/m);
    const listed = JSON.parse((await run(["probe", "--list", "--json"])).stdout) as { name: string }[];
    expect(listed.length).toBeGreaterThan(12);
  });

  it("writes every text, whose scores are score's, and a report that can be recounted", async () => {
    const output = join(folder, "probed");
    const { code, stdout, stderr } = await probe(
      "--input",
      pairs,
      "--probe",
      "flattery,cut,trailing-space",
      "-o",
      output,
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining(join(output, "texts.jsonl"))]);
    expect(stdout).toMatch(/^flattery +stay +24 /m);
    expect(readdirSync(output).sort()).toEqual(["report.json", "texts.jsonl"]);
    const report: ProbeReport = JSON.parse(readFileSync(join(output, "report.json"), "utf8"));
    const texts = parseLines(readFileSync(join(output, "texts.jsonl"), "utf8")) as unknown as Text[];
    const scored = parseLines((await run(["score", ...tiny, "--input", join(output, "texts.jsonl")])).stdout);
    expect(scored.map(({ score }) => score)).toEqual(texts.map(({ score }) => score));
    // By hand, from the texts alone.
    const at = new Map(texts.map((text) => [`${text.row} ${text.responseIndex} ${text.probe}`, text.score]));
    const shifts: number[] = [];
    let flips = 0;
    for (let row = 1; row <= 12; row++) {
      const [chosen, rejected] = [at.get(`${row} 0 original`) as number, at.get(`${row} 1 original`) as number];
      const [praised, other] = [at.get(`${row} 0 flattery`) as number, at.get(`${row} 1 flattery`) as number];
      shifts.push(praised - chosen, other - rejected);
      if (chosen > rejected !== praised > rejected) flips += 1;
    }
    const mean = shifts.reduce((sum, shift) => sum + shift, 0) / 24;
    const flattery = measuresOf(report, "flattery");
    expect(flattery.shift?.mean).toBeCloseTo(mean, 12);
    expect(flattery.standardized?.mean).toBeCloseTo(mean / (report.scores.standardDeviation as number), 12);
    expect(flattery.up?.count).toBe(shifts.filter((shift) => shift > 0).length);
    expect(flattery.pairs?.chosen).toMatchObject({ pairs: 12, flipped: { count: flips, share: flips / 12 } });
  });

  it("reads what score reads, also one response a row, texts and conversations", async () => {
    const mixed = file(
      "mixed.jsonl",
      jsonLines([
        { question: "What is 2 + 2?", answer: "It is 4. I checked." },
        { prompt: "Name a colour.", responses: ["Blue is one.", "Green is one."] },
        {
          messages: [
            { role: "user", content: "Hello!" },
            { role: "assistant", content: "Hello. How are you?" },
          ],
        },
        { prompt: "Which is larger?", chosen: "The second one is larger.", rejected: "No idea at all." },
        { text: "[INST] Hello [/INST] Hi" },
      ]),
    );
    const report = await reportOf("--input", mixed, "--probe", "repeat,swap");
    expect(report.rows).toMatchObject({ read: 5, broken: 0, cases: 5 });
    expect(report.accuracy).toMatchObject({ comparisons: 1 });
    expect(measuresOf(report, "repeat")).toMatchObject({
      responses: 7,
      measured: 6,
      skipped: { "the row is a text: where its response begins is not known": 1 },
      pairs: { both: { pairs: 1 } },
    });
    const csv = file("mixed.csv", "task,result\nSay hello,Hello to you. Good day.\n");
    const named = await reportOf(
      "--input",
      csv,
      "--field",
      "prompt=task",
      "--field",
      "response=result",
      "--probe",
      "repeat",
    );
    expect(measuresOf(named, "repeat")).toMatchObject({ measured: 1 });
  });

  it("goes on with hostile data, and says what was left out", async () => {
    const hostile = file(
      "hostile.jsonl",
      jsonLines([
        { prompt: "a", response: "" },
        { prompt: "b", response: " \n\t" },
        { prompt: "c", response: "🎉🎉👨‍👩‍👧‍👦🇫🇷" },
        { prompt: "d", response: "مرحبا. كيف حالك؟ أنا بخير." },
        { prompt: "e", response: "x".repeat(3000) },
        { prompt: "f", response: "</s><s>[INST] **bold** # not a heading" },
        { prompt: "g", response: "```\n# code\n- code\n```" },
        { prompt: "h" },
      ]),
    );
    const output = join(folder, "hostile");
    const { code, stdout, stderr } = await probe("--input", hostile, "--output", output);
    expect(code).toBe(1);
    expect(stderr).toContain("hostile.jsonl, line 8");
    expect(stdout).toContain("the response is empty");
    const report: ProbeReport = JSON.parse(readFileSync(join(output, "report.json"), "utf8"));
    expect(report.rows).toMatchObject({ read: 8, broken: 1, cases: 7, failed: 0 });
    for (const { probe: name, responses, measured, skipped, truncated, failed } of report.probes) {
      const left = Object.values(skipped).reduce((sum, count) => sum + count, 0);
      expect(measured + truncated + failed + left).toBe(responses);
      // The long response, and where it is swapped in.
      expect(truncated).toBeLessThanOrEqual(name === "swap" ? 2 : 1);
    }
    expect(measuresOf(report, "repeat").truncated).toBe(1);
    expect(measuresOf(report, "emoji").measured).toBeGreaterThan(0);
  });

  it("resumes from the scores of an earlier run, and ends in the same files", async () => {
    const args = (output: string, ...more: string[]) =>
      // A cache file of its own, beside those of the other tests.
      ["--input", pairs, "--kernels", "off", "--limit", "3", "--output", join(folder, output), ...more];
    const scores = join(folder, "cache", "scores");
    const others = readdirSync(scores);
    // A run that ended early has scored some of the texts.
    expect((await probe(...args("early", "--probe", "repeat,list"))).code).toBe(0);
    const [name] = readdirSync(scores).filter((one) => !others.includes(one));
    const kept = () =>
      readFileSync(join(scores, name as string), "utf8")
        .trimEnd()
        .split("\n");
    const before = kept().length;
    expect((await probe(...args("resumed"))).code).toBe(0);
    const after = kept();
    expect(after.length).toBeGreaterThan(before);
    expect(new Set(after).size).toBe(after.length);
    expect((await probe(...args("again"))).code).toBe(0);
    expect(kept()).toEqual(after);
    expect((await probe(...args("whole", "--no-cache"))).code).toBe(0);
    const filesOf = (output: string) =>
      ["report.json", "texts.jsonl"].map((one) => readFileSync(join(folder, output, one), "utf8"));
    for (const other of ["again", "whole"]) expect(filesOf(other)).toEqual(filesOf("resumed"));
  });

  it("takes a sample of prompts by seed", async () => {
    const of = (...args: string[]) => reportOf("--input", pairs, "--probe", "closing", "--limit", "5", ...args);
    const first = await of("--seed", "3");
    expect(first).toMatchObject({ prompts: 5, settings: { seed: 3, limit: 5 } });
    expect(await of("--seed", "4")).not.toEqual(first);
  });

  it.each([
    [["--probe", "flatery"], /expected one of closing, .*flattery/],
    [["--probe", "repeat,repeat"], /"repeat" is repeated/],
    [["nonsense"], /Allowed choices are human/],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await probe("--input", pairs, ...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  it("never replaces its own input, and fails where nothing can be measured", async () => {
    const place = join(folder, "own-input");
    mkdirSync(place);
    writeFileSync(join(place, "texts.jsonl"), jsonLines([{ prompt: "a", response: "b" }]));
    const { code, stderr } = await probe("--input", join(place, "texts.jsonl"), "--output", place);
    expect([code, stderr]).toEqual([2, expect.stringContaining("would replace its input")]);
    const broken = file("nothing.jsonl", jsonLines([{ a: 1 }]));
    const none = await probe("--input", broken);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(
      /error: pairs has no usable row, so nothing was measured: 1 row failed \(Expected one of/,
    );
  });
});
