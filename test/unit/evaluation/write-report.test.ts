/** Where a report cannot be written is told before any work. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Evaluation } from "../../../src/evaluation/evaluate.ts";
import { prepareReportFolder, writeReport } from "../../../src/evaluation/write-report.ts";
import { openRows } from "../../../src/rows/open-rows.ts";
import { scoredCase } from "./measures/support.ts";
import { hostileTexts, richReport } from "./report/rich-report.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refusal = (message: RegExp) =>
  expect.objectContaining({ code: "ERR_FILE_NOT_WRITABLE", message: expect.stringMatching(message) });

it("makes the folder and those above it, and leaves nothing else in it", async () => {
  const deep = join(folder, "one", "two", "three");
  await prepareReportFolder(deep);
  await prepareReportFolder(deep);
  expect(readdirSync(deep)).toEqual([]);
});

it("says that a file is in the way", async () => {
  const path = join(folder, "file");
  writeFileSync(path, "");
  await expect(prepareReportFolder(path)).rejects.toThrow(refusal(/that is not a folder/));
  await expect(prepareReportFolder(join(path, "sub"))).rejects.toThrow(refusal(/cannot be written/));
});

it("says that a link leads nowhere", async () => {
  const path = join(folder, "link");
  symlinkSync(join(folder, "nowhere"), path);
  await expect(prepareReportFolder(join(path, "sub"))).rejects.toThrow(refusal(/that is not a folder/));
});

it("says that one of the report's files cannot be replaced", async () => {
  const path = join(folder, "taken");
  mkdirSync(join(path, "report.html"), { recursive: true });
  await expect(prepareReportFolder(path)).rejects.toThrow(refusal(/report\.html cannot be written/));
});

// There the system calls the folder above missing, with which Node's recursive mkdir never comes to an end.
it.runIf(process.platform === "linux")("ends where nothing can be made", async () => {
  await expect(prepareReportFolder("/proc/starling-report")).rejects.toThrow(refusal(/cannot be written/));
  await expect(prepareReportFolder("/proc/sys")).rejects.toThrow(refusal(/cannot be written/));
});

describe("all scores as tables", () => {
  const names = [...hostileTexts.slice(0, 9), 'a,"b"\nc', "", "2024-01-02"];
  // A lone half of a surrogate pair has no UTF-8, and readers take CSV with NUL bytes for a binary file.
  const labels = names.map((name) => name.replaceAll(/\p{Cs}|\0/gu, "?"));
  const { benchmarks, ...rest } = richReport(12);
  const evaluation: Evaluation = {
    report: { ...rest, benchmarks: benchmarks.slice(0, 2) },
    cases: [
      labels.map((label, i) =>
        scoredCase({
          row: i + 1,
          scores: [i + 0.1, -1],
          grades: [1, undefined],
          labels: [label, undefined],
          prompt: `p${i}`,
        }),
      ),
      [scoredCase({ scores: [3, 2, 1e-30], id: "x", subset: "s", truncated: [false, true, false] })],
    ],
  };
  const rowsOf = async (path: string) => {
    const file = await openRows(path);
    const values: Record<string, unknown>[] = [];
    for await (const row of file.rows) if ("value" in row) values.push(row.value as Record<string, unknown>);
    await file.close();
    return values;
  };

  it("have a row for each response, with every value as it is", async () => {
    const path = join(folder, "tables");
    const written = await writeReport({ folder: path, evaluation, tables: ["csv", "parquet"] });
    expect(readdirSync(path).sort()).toEqual([
      "report.html",
      "report.json",
      "scores.csv",
      "scores.jsonl",
      "scores.parquet",
    ]);
    const rows = await rowsOf(written.parquet as string);
    expect(rows.length).toBe(2 * labels.length + 3);
    expect(rows.filter(({ response }) => response === 0).map(({ label }) => label)).toEqual([...labels, null]);
    expect(rows[1]).toEqual({
      ...{ benchmark: "human", source: 0, row: 1, id: null, prompt_key: "p0", subset: null, response: 1 },
      ...{ label: null, grade: null, score: -1, tokens: 5, characters: 10, truncated: false },
    });
    expect(rows.at(-1)).toMatchObject({
      benchmark: "truth",
      id: "x",
      subset: "s",
      response: 2,
      grade: 0,
      score: 1e-30,
    });
    const asText = (value: unknown) => (value === null || value === undefined ? "" : String(value));
    const same = (all: Record<string, unknown>[]) =>
      all.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asText(value)])));
    expect(same(await rowsOf(written.csv as string))).toEqual(same(rows));
  });

  it("are only written when asked for, in formats that there are", async () => {
    const path = join(folder, "plain");
    await writeReport({ folder: path, evaluation });
    expect(readdirSync(path).sort()).toEqual(["report.html", "report.json", "scores.jsonl"]);
    const wrong = { folder: path, evaluation, tables: ["xls"] as never };
    await expect(writeReport(wrong)).rejects.toThrow(/a list of "csv" and "parquet"/);
  });
});
