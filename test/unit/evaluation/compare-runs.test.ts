/** Evaluations that were written to files are compared by the cases that all of them have. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { comparisonText } from "../../../cli/compare-reports.ts";
import { textWidth } from "../../../cli/visible-text.ts";
import type { ScoredCase } from "../../../src/evaluation/case.ts";
import { compareRuns } from "../../../src/evaluation/compare-runs.ts";
import { measureBenchmark } from "../../../src/evaluation/measures/measure.ts";
import { renderComparison } from "../../../src/evaluation/report/comparison-page.ts";
import type { BenchmarkReport } from "../../../src/evaluation/report.ts";
import type { RunsComparison } from "../../../src/evaluation/runs-comparison.ts";
import { writeComparison } from "../../../src/evaluation/write-comparison.ts";
import { writeReport } from "../../../src/evaluation/write-report.ts";
import { scoredCase } from "./measures/support.ts";
import { hostileTexts, richReport } from "./report/rich-report.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-runs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { benchmarks, ...rest } = richReport(4);
const human = benchmarks[0] as BenchmarkReport;

interface MadeRun {
  readonly name: string;
  readonly cases: readonly ScoredCase[];
  readonly more?: Partial<BenchmarkReport>;
  readonly limit?: number;
}

async function written({ name, cases, more = {}, limit = 1000 }: MadeRun): Promise<string> {
  const report: BenchmarkReport = { ...human, mistakes: [], ...measureBenchmark("human", cases), ...more };
  const path = join(folder, name);
  await writeReport({
    folder: path,
    evaluation: { report: { ...rest, settings: { ...rest.settings, limit }, benchmarks: [report] }, cases: [cases] },
  });
  return path;
}

/** Right where the margin is above 0; rows from 1. */
const casesOf = (margins: readonly number[], change: Partial<ScoredCase> = {}) =>
  margins.map((margin, i) => scoredCase({ row: i + 1, prompt: `p${i}`, scores: [margin, 0], ...change }));

const first = casesOf([1, 1, 1, -1, -1, 2]);
const second = casesOf([1, -3, 1, 1, -1, 2]);

describe("two evaluations", () => {
  it("are compared case by case, with the flipped ones and their texts", async () => {
    const mistake = {
      ...{ source: 0, row: 4, prompt: hostileTexts[0] as string, margin: -1 },
      better: { text: "good", score: -1, tokenCount: 1 },
      worse: { text: "bad", score: 0, tokenCount: 1 },
    };
    const a = await written({ name: "a", cases: first, more: { mistakes: [mistake] } });
    const b = await written({ name: "b", cases: second });
    const comparison = await compareRuns({ reports: [a, join(b, "report.json")] });
    expect(comparison.notices).toEqual([]);
    expect(comparison.runs.map(({ accuracy }) => accuracy)).toEqual([4 / 6, 4 / 6]);
    const [own] = comparison.benchmarks;
    expect(own).toMatchObject({
      common: 6,
      cases: [6, 6],
      differences: [{ run: 1, difference: 0, p: 1, onlyFirstRight: 1, onlyThisRight: 1 }],
    });
    expect(own?.flips).toEqual([
      { source: 0, row: 2, gain: -1, margins: [1, -3] },
      { source: 0, row: 4, gain: 1, margins: [-1, 1], prompt: mistake.prompt, better: "good", worse: "bad" },
    ]);
    const page = renderComparison(JSON.parse(JSON.stringify(comparison)));
    expect(page).not.toContain(mistake.prompt);
    expect(page).toContain("&lt;/script&gt;&lt;script&gt;");
    expect(page).toContain("Right only in the second");
  });

  it("of other samples are compared by their common cases, and it is said", async () => {
    const a = await written({ name: "whole", cases: first });
    const b = await written({ name: "part", cases: second.slice(2).reverse(), limit: 4 });
    const comparison = await compareRuns({ reports: [a, b] });
    expect(comparison.benchmarks[0]).toMatchObject({ common: 4, cases: [6, 4] });
    expect(comparison.benchmarks[0]?.measures.map(({ accuracy }) => accuracy)).toEqual([0.5, 0.75]);
    expect(comparison.notices).toEqual([
      "human: 4 cases are in all reports (of 6, 4); every number is about these.",
      "The runs differ in limit: 1000, 4.",
    ]);
  });

  it("of other data are refused, however alike their rows are", async () => {
    const sources = [{ name: "other.jsonl", sha256: "99".repeat(32) }];
    const a = await written({ name: "these", cases: first });
    const b = await written({ name: "others", cases: second, more: { sources } });
    await expect(compareRuns({ reports: [a, b] })).rejects.toThrow(/no case of human is in all reports.*other\.jsonl/);
    const c = await written({ name: "nectar", cases: second, more: { benchmark: "nectar" } });
    await expect(compareRuns({ reports: [a, c] })).rejects.toThrow(/no benchmark in common: .*human; .*nectar/);
  });

  it("that read a row differently are refused", async () => {
    const a = await written({ name: "straight", cases: first });
    const swapped = casesOf([1, 1, 1, 1, 1, 1], { grades: [0, 1], comparisons: [{ better: 1, worse: 0 }] });
    const b = await written({ name: "swapped", cases: swapped });
    await expect(compareRuns({ reports: [a, b] })).rejects.toThrow(
      /row 1 of human was read differently in .*straight and .*swapped/,
    );
  });

  it("name what is missing, damaged or of another run", async () => {
    const a = await written({ name: "sound", cases: first });
    const b = await written({ name: "torn", cases: second });
    const compare = () => compareRuns({ reports: [a, b] });
    const scores = join(b, "scores.jsonl");
    const text = readFileSync(scores, "utf8");
    writeFileSync(scores, text.slice(0, text.length >> 1));
    await expect(compare()).rejects.toThrow(/torn[\\/]scores\.jsonl/);
    for (const name of ["source", "row", "grades", "lengths", "scores", "comparisons"] as const) {
      const [line = "", ...others] = text.split("\n");
      const { [name]: _, ...bare } = JSON.parse(line) as ScoredCase;
      writeFileSync(scores, [JSON.stringify(bare), ...others].join("\n"));
      await expect(compare()).rejects.toThrow(/torn[\\/]scores\.jsonl, line 1: expected a scored case of human/);
    }
    writeFileSync(scores, text + text);
    await expect(compare()).rejects.toThrow(/counts 6 cases, but scores\.jsonl has 12/);
    rmSync(scores);
    await expect(compare()).rejects.toThrow(/scores\.jsonl cannot be read: it does not exist/);
    writeFileSync(join(b, "report.json"), "[]");
    await expect(compare()).rejects.toThrow(/Expected report\.json of starling-rm eval --output/);
    await expect(compareRuns({ reports: [a] })).rejects.toThrow(/a list of 2 to 100 paths/);
  });

  it("say of a report that it is cut off, of another format, or has lines without scores", async () => {
    const a = await written({ name: "whole", cases: first });
    const b = await written({ name: "strange", cases: second });
    const compare = () => compareRuns({ reports: [a, b] });
    const [report, scores] = [join(b, "report.json"), join(b, "scores.jsonl")];
    const [text, lines] = [readFileSync(report, "utf8"), readFileSync(scores, "utf8")];
    writeFileSync(report, text.slice(0, text.length >> 1));
    await expect(compare()).rejects.toThrow(/strange[\\/]report\.json is not valid JSON/);
    for (const version of [2, "1", undefined]) {
      writeFileSync(report, JSON.stringify({ ...JSON.parse(text), formatVersion: version }));
      await expect(compare()).rejects.toThrow(/strange[\\/]report\.json .*format.*reads format 1/);
    }
    writeFileSync(report, text);
    writeFileSync(scores, lines.replace(/"scores":\[[^\]]*\]/, '"scores":["x",null]'));
    await expect(compare()).rejects.toThrow(/strange[\\/]scores\.jsonl, line 1: .*finite/);
  });

  it("are refused where scores.jsonl is that of another run with as many cases", async () => {
    const a = await written({ name: "own", cases: first });
    const b = await written({ name: "mixed", cases: second });
    const compare = () => compareRuns({ reports: [a, b] });
    const [report, scores] = [join(b, "report.json"), join(b, "scores.jsonl")];
    const lines = readFileSync(scores, "utf8");
    // The same cases and the same accuracy.
    writeFileSync(scores, readFileSync(join(a, "scores.jsonl")));
    await expect(compare()).rejects.toThrow(
      /mixed[\\/]scores\.jsonl does not belong to its report: its SHA-256 is not the one recorded in .*mixed[\\/]report\.json/,
    );
    writeFileSync(scores, lines);
    const { scoresSha256: _, ...bare } = JSON.parse(readFileSync(report, "utf8"));
    writeFileSync(report, JSON.stringify(bare));
    await expect(compare()).rejects.toThrow(/mixed[\\/]report\.json does not record the SHA-256 of its scores\.jsonl/);
  });

  it("note which of them have only a part of their rows", async () => {
    const a = await written({ name: "full", cases: first });
    const incomplete = { measured: 6, failed: 4, sentence: "of 6 of 10 rows; 4 failed" };
    const b = await written({ name: "partial", cases: second, more: { incomplete } });
    const { notices } = await compareRuns({ reports: [a, b] });
    expect(notices).toEqual([expect.stringMatching(/^In .*partial, human covers 6 of 10 rows; 4 failed\.$/)]);
  });

  it("note that a report is compared with itself, or with one of the same scores", async () => {
    const a = await written({ name: "one", cases: first });
    const b = await written({ name: "copy", cases: first, limit: 500 });
    const c = await written({ name: "another", cases: second });
    const noticesOf = async (...reports: string[]) => (await compareRuns({ reports })).notices;
    expect(await noticesOf(a, a)).toEqual([`${a} is given twice, and compared with itself.`]);
    expect(await noticesOf(a, a, a)).toEqual([`${a} is given 3 times, and compared with itself.`]);
    const file = join(a, "report.json");
    expect(await noticesOf(a, file)).toEqual([`${a} and ${file} are one report, compared with itself.`]);
    const [same] = await noticesOf(a, c, b);
    expect(same).toBe(`${a} and ${b} have the same scores in every common case: one model's, or copies of one report.`);
    expect(await noticesOf(a, c)).toEqual([]);
  });

  it("note that they are of different versions", async () => {
    const a = await written({ name: "old", cases: first });
    const b = await written({ name: "new", cases: second });
    const path = join(b, "report.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), version: "9.9.9" }));
    const { notices } = await compareRuns({ reports: [a, b] });
    expect(notices).toEqual([`The runs differ in version: ${rest.version}, 9.9.9.`]);
  });
});

describe("official scores", () => {
  const subsets = ["alpacaeval-easy", "llmbar-natural", "donotanswer", "math-prm"];
  const madeOf = (worse: number, sections = subsets) =>
    Array.from({ length: 48 }, (_, i) =>
      scoredCase({
        row: i + 1,
        prompt: `p${i}`,
        scores: [i % worse === 0 ? -1 : 1, 0],
        subset: sections[i % sections.length] as string,
      }),
    );
  const report = (name: string, cases: readonly ScoredCase[]) =>
    written({ name, cases, more: { benchmark: "rewardbench", ...measureBenchmark("rewardbench", cases) } });

  it("are compared over the same prompts, first in the table of two and of three", async () => {
    const lists = [3, 5, 7].map((worse) => madeOf(worse));
    const reports = [];
    for (const [i, cases] of lists.entries()) reports.push(await report(`official-${i}`, cases));
    const [a, b, c] = lists.map((cases) => measureBenchmark("rewardbench", cases).officialScore);
    for (const [compared, scores] of [
      [reports.slice(0, 2), [b]],
      [reports, [b, c]],
    ] as const) {
      const comparison = await compareRuns({ reports: compared });
      expect(comparison.notices).toEqual([]);
      const { measures, differences } = comparison.benchmarks[0] as (typeof comparison.benchmarks)[0];
      expect(measures[0]?.officialScore).toEqual(a);
      for (const [i, score] of scores.entries()) {
        const { difference, interval } = differences[i]?.officialScore ?? {};
        expect(difference).toBeCloseTo((score?.score ?? 0) - (a?.score ?? 0), 12);
        expect(interval?.low).toBeLessThan(difference ?? 0);
      }
      for (const columns of [60, 80, 120]) {
        const text = comparisonText(comparison, columns);
        const rows = text.split("\n").map((line) => line.trim());
        expect(rows[0]).toMatch(/^official score +rewardbench$/);
        const all = measures.map(({ officialScore: own }) => own?.score?.toFixed(3));
        for (const [i, score] of all.entries())
          expect(rows[2 + i]).toMatch(new RegExp(`${score} \\(0\\.\\d{3} to 0\\.\\d{3}\\)$`));
        expect(text).toMatch(/ score +[+-]0\.\d{3} +[+-]?0\.\d{3} to \+?0\.\d{3}/);
        for (const line of rows) expect(textWidth(line)).toBeLessThanOrEqual(columns);
        expect(text).toContain("McNemar's p");
        expect(text).toContain(`first ${differences[0]?.onlyFirstRight}, this ${differences[0]?.onlyThisRight}`);
      }
      const page = renderComparison(comparison);
      expect(page.indexOf("<h2>Official score</h2>")).toBeLessThan(page.indexOf("<h2>Accuracy</h2>"));
      expect(page).toContain(`+${differences[0]?.officialScore?.difference.toFixed(3)}`);
    }
  });

  it("are absent where a section is missing, and it is said which", async () => {
    const some = [3, 5].map((worse) => madeOf(worse, subsets.slice(0, 3)));
    const reports = [];
    for (const [i, cases] of some.entries()) reports.push(await report(`part-${i}`, cases));
    const comparison = await compareRuns({ reports });
    expect(comparison.notices).toEqual(["rewardbench: no cases in Reasoning, so there is no official score."]);
    expect(comparison.benchmarks[0]?.differences[0]).not.toHaveProperty("officialScore");
    expect(comparisonText(comparison, 80)).not.toMatch(/official score| score /);
  });
});

it("three and more are a table, in which models of one name are numbered", async () => {
  const names = ["x", "y", "z"];
  const reports: string[] = [];
  for (const [i, name] of names.entries())
    reports.push(await written({ name, cases: casesOf([1, i - 1, 1 - i, 1, 1, 1]) }));
  const comparison = await compareRuns({ reports });
  const [own] = comparison.benchmarks;
  expect(own?.flips).toBeUndefined();
  expect(own?.differences.map(({ run }) => run)).toEqual([1, 2]);
  const page = renderComparison(comparison);
  for (const number of [1, 2, 3]) expect(page).toContain(`${number}: Starling RM 34B`);
});

it("says that a file is in the place of the folder", async () => {
  const path = join(folder, "a-file");
  writeFileSync(path, "");
  await expect(writeComparison(path, {} as RunsComparison)).rejects.toThrow(
    `Cannot create the folder ${path}: its path contains something that is not a folder.`,
  );
});
