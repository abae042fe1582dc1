import { describe, expect, it } from "vitest";
import { evaluationTable } from "../../../cli/eval-table.ts";
import { textWidth } from "../../../cli/visible-text.ts";
import { cardAverages } from "../../../src/evaluation/report.ts";
import { richReport, withFailures } from "../evaluation/report/rich-report.ts";

const { model, ...rest } = richReport(120);
const { notice, ...plainModel } = model;
const report = { ...rest, model: plainModel };

describe("the table of an evaluation", () => {
  it("has a line for each benchmark, their average, and the card's numbers", () => {
    const lines = evaluationTable(report, { columns: 120 }).split("\n");
    expect(lines[0]).toMatch(
      /^benchmark +score +95 % interval +cases +accuracy +95 % interval +Starling-RM-34B +Starling-RM-7B-alpha$/,
    );
    expect(lines[1]).toMatch(/^human +(0\.\d{3} +0\.\d{3} to 0\.\d{3}) +120 +\1 +0\.807 +0\.762$/);
    expect(lines[4]).toMatch(/^nectar +(0\.\d{3} +0\.\d{3} to 0\.\d{3}) +120 +\1 +- +-$/);
    const average = report.benchmarks.length + 1;
    expect(lines[average]).toMatch(/^average +0\.\d{3} +0\.\d{3} to 0\.\d{3} +- +-$/);
    expect(lines[average + 1]).toBe("");
    const { score, interval } = report.benchmarks[4]?.officialScore ?? {};
    const ends = [interval?.low, interval?.high].map((end) => end?.toFixed(3)).join(" to ");
    expect(lines[5]).toMatch(new RegExp(`^rewardbench +${score?.toFixed(3)} +${ends} +120 `));
  });

  it("has beside every accuracy what it is of, where rows failed, on narrow terminals too", () => {
    for (const columns of [40, 100, 200]) {
      const lines = evaluationTable(withFailures(report), { columns }).split("\n");
      const scored = report.benchmarks.length;
      for (const line of lines.slice(1, scored + 1))
        expect(line).toMatch(/(?:0\.\d{3}|-) \(of 120 of 125 sampled cases; 4 of 271 rows failed; 5 cases failed\)/);
      expect(lines.find((line) => line.startsWith("average"))).toMatch(/\(of \d+ cases; \d+ failed in human, /);
    }
  });

  it.each([40, 80, 100, 120])("of %d columns has every number: those without room follow below", (columns) => {
    const text = evaluationTable(report, { columns });
    const numbers = (all: string) => [...all.matchAll(/(?<=\s)\d\.\d{3}\b(?! nats)/g)].map(([one]) => one).sort();
    const tables = (all: string) => all.slice(0, all.search(/^\w+: /m));
    expect(numbers(tables(text))).toEqual(numbers(tables(evaluationTable(report, { columns: 200 }))));
    for (const name of ["Starling-RM-34B", "Starling-RM-7B-alpha"]) expect(text).toContain(name);
    // A number and its interval stay together, and rows have their names.
    for (const line of text.split("\n")) expect(line).not.toMatch(/^(?:\w+ +)?95 % interval/);
    for (const number of ["0\\.807", "0\\.762"]) expect(text).toMatch(new RegExp(`^human .*${number}(?: |$)`, "m"));
  });

  it("averages the card over the same benchmarks", () => {
    const benchmarks = report.benchmarks.slice(0, 3);
    const three = { ...report, benchmarks, card: cardAverages(benchmarks) };
    expect(evaluationTable(three, { columns: 100 })).toMatch(/^average +0\.\d{3} +0\.741 to 0\.802 +0\.767 +0\.738$/m);
    const one = { ...report, benchmarks: report.benchmarks.slice(0, 1) };
    expect(evaluationTable(one, { columns: 100 })).not.toContain("average");
  });

  it("says first what the model says of itself", () => {
    const text = evaluationTable({ ...report, model }, { columns: 200 });
    expect(text).toBe(`${notice}\n${evaluationTable(report, { columns: 200 })}`);
  });

  it("notes what one should know", () => {
    const text = evaluationTable(report, { columns: 1000 });
    expect(text).toMatch(/^pairs: The scores follow almost nothing but length: .*22 of 271 rows skipped \(tie 12, /m);
    expect(text).toMatch(/^rewardbench: Official score 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\)\./m);
    expect(text).toContain("4 rows could not be read. 5 cases could not be scored. 90 responses truncated");
  });

  it.each([20, 40, 60, 80])("fits into %d columns", (columns) => {
    const lines = evaluationTable(report, { columns }).split("\n");
    // A number stays beside its name and its interval whatever the width: one that is cut would be a wrong one.
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(Math.max(columns, 38));
  });

  it("keeps columns under each other where names are wide", () => {
    const [first] = report.benchmarks;
    if (first === undefined) throw new Error("no benchmark");
    const groups = ["\u65e5\u672c\u8a9e", "english"].map((value) => ({ ...first, value }));
    const breakdowns = [{ field: "language", groups }];
    const text = evaluationTable({ ...report, benchmarks: [{ ...first, breakdowns }] }, { columns: 200 });
    const lines = text.split("\n");
    const at = lines.findIndex((line) => line.startsWith("human by language"));
    const widths = lines.slice(at, at + 3).map(textWidth);
    expect(widths).toEqual([widths[0], widths[0], widths[0]]);
  });

  it("lets no control character through, and goes without numbers that are not there", () => {
    const [first] = report.benchmarks;
    if (first === undefined) throw new Error("no benchmark");
    const rows = {
      ...first.rows,
      omitted: { "\u001b[31mred\u202e": 2, ...Object.fromEntries([..."abcdefgh"].map((name) => [name, 1])) },
    };
    const { accuracy: _, interval: __, length: ___, ...bare } = first;
    const hostile = { ...bare, rows, cases: 0, card: { "\u001b]0;title\u0007": 0.5 } };
    const text = evaluationTable({ ...report, benchmarks: [hostile] }, { columns: 200 });
    for (const hidden of ["\u001b", "\u0007", "\u202e"]) expect(text).not.toContain(hidden);
    expect(text).toMatch(/^human +0 +- +- +0\.500$/m);
    expect(text).toContain("and others");
  });
});
