/** Every number of a report that has an interval, and every count of cases, is on the page as it is in report.json. */
import { expect, it } from "vitest";
import { renderHtml } from "../../../../src/evaluation/report/html.ts";
import { richReport } from "./rich-report.ts";

const report = JSON.parse(JSON.stringify(richReport(240))) as ReturnType<typeof richReport>;
const page = renderHtml(report);

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };

/** What a reader sees, with one blank between pieces. */
function textOf(html: string): string {
  return html
    .replace(/<[^>]*>/g, " ")
    .replace(/&([a-z]+|#39);/g, (_, name: string) => entities[name] ?? "")
    .replace(/\s+/g, " ");
}

/** @param attribute the section's first one */
function sectionText(attribute: string): string {
  const [, after = ""] = page.split(`<section ${attribute}`);
  return textOf(after.slice(0, after.indexOf("</section>")));
}

interface Range {
  readonly low: number;
  readonly high: number;
}

const three = (value: number) => value.toFixed(3).replace("-", "−");
/** As in the tables of grades and strengths: very small numbers are exponential. */
const real = (value: number) =>
  value !== 0 && Math.abs(value) < 5e-4 ? value.toExponential(2).replaceAll("-", "−") : three(value);

/** The values that stand beside an interval, and the interval's place. */
function intervalsOf(value: unknown, path: string): { path: string; range: Range }[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const own = `${path}.${name}`;
    if (/interval$/i.test(name)) return [{ path: own, range: inner as Range }];
    return intervalsOf(inner, own);
  });
}

/** How often each text has to be there. */
function counted(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

it.each(report.benchmarks.map((one, i) => [one.benchmark, i] as const))("%s: each interval is shown", (name, i) => {
  const text = sectionText(`id="${name}-${i + 1}"`);
  const intervals = intervalsOf(report.benchmarks[i], name);
  expect(intervals.length).toBeGreaterThan(0);
  const wanted = counted(
    intervals.map(({ path, range: { low, high } }) =>
      /bestOf|strength/.test(path) && !/byScores\.interval|byLabels\.interval/.test(path)
        ? `${real(low)} to ${real(high)}`
        : `${three(low)} to ${three(high)}`,
    ),
  );
  const missing = [...wanted].filter(([range, times]) => text.split(range).length - 1 < times);
  const paths = intervals.filter(({ range }) => missing.some(([one]) => one.startsWith(three(range.low))));
  expect(missing, paths.map(({ path }) => path).join(", ")).toEqual([]);
});

it("counts of rows, cases and comparisons are those of the report", () => {
  const grouped = (count: number) => count.toLocaleString("en-US");
  for (const [i, one] of report.benchmarks.entries()) {
    const text = sectionText(`id="${one.benchmark}-${i + 1}"`);
    const { rows, cases, comparisons, scoreTies, accuracy = 0, prompts } = one;
    for (const part of [
      `Accuracy ${three(accuracy)}`,
      `Cases ${grouped(cases)} `,
      `Comparisons ${grouped(comparisons)} `,
      `Equal scores ${grouped(scoreTies)} `,
      `${grouped(rows.read)} rows read`,
      `${grouped(rows.broken)} invalid`,
      `${grouped(rows.cases)} cases found, ${grouped(rows.sampled)} sampled at random; ${grouped(rows.failed)} could not`,
      ...(prompts === cases ? [] : [`of ${grouped(prompts)} prompts`]),
      ...(one.subsets ?? []).map((subset) => ` ${grouped(subset.cases)} ${three(subset.accuracy ?? 0)} `),
    ])
      expect(text.includes(part), `${one.benchmark}: ${part}`).toBe(true);
  }
  const summary = sectionText('class="summary"');
  for (const { accuracy = 0, interval, officialScore, title } of report.benchmarks) {
    const range = (of: Range | undefined) => (of === undefined ? "–" : `${three(of.low)} to ${three(of.high)}`);
    expect(summary).toContain(title);
    expect(summary).toContain(`${three(accuracy)} ${range(interval)}`);
    if (officialScore?.score !== undefined)
      expect(summary).toContain(`${three(officialScore.score)} ${range(officialScore.interval)}`);
  }
  expect(summary).toContain(`${three(report.accuracy ?? 0)} ${three(0.741)} to ${three(0.802)}`);
});
