import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { renderHtml } from "../../../../src/evaluation/report/html.ts";
import { beginning, grouped, html, Markup, short } from "../../../../src/evaluation/report/markup.ts";
import { label, real, share, signedShare } from "../../../../src/evaluation/report/numbers.ts";
import { searchScript } from "../../../../src/evaluation/report/search-script.ts";
import type { EvaluationReport } from "../../../../src/evaluation/report.ts";
import { richReport, withFailures } from "./rich-report.ts";

const report = richReport(150);
const page = renderHtml(report);
const withoutScript = page.replace(searchScript, "");
/** What numbers and values look like that nobody thought of. */
const BAD_VALUES = /NaN|[>"]undefined[<"]|Infinity|\[object/;

describe("the page", () => {
  it("is the same bytes for the same report", () => {
    expect(renderHtml(richReport(150)) === page).toBe(true);
    expect(renderHtml(JSON.parse(JSON.stringify(report)) as EvaluationReport) === page).toBe(true);
  });

  it("has no tag but its own, and none that loads or runs anything", () => {
    const tags = new Set([...withoutScript.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, name]) => name));
    const known =
      "html head meta title style body main header section h1 h2 h3 h4 p a b small strong span dl dt dd div ul li figure " +
      "figcaption svg desc g path circle rect text table caption thead tbody tfoot tr th td details summary code " +
      "label input select option output script";
    expect([...tags].filter((name) => !known.split(" ").includes(name ?? ""))).toEqual([]);
    expect(page.match(/<script/g)).toEqual(["<script"]);
    expect(/<[a-z][^>]* (on\w+|src|style)=/i.exec(page)?.[0]).toBeUndefined();
    expect([...page.matchAll(/href="([^"]*)"/g)].every(([, target]) => target?.startsWith("#"))).toBe(true);
  });

  it("allows its own style and script alone, by their hashes", () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "";
    const script = /<script>([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "";
    const hash = (text: string) => createHash("sha256").update(text).digest("base64");
    expect(script).toBe(searchScript);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
    expect(policy).toBe(
      `default-src &#39;none&#39;; style-src &#39;sha256-${hash(style)}&#39;; script-src &#39;sha256-${hash(script)}&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;`,
    );
    expect(style).not.toMatch(/url\(|@import/);
  });

  it("cuts megabytes of text, and says so", () => {
    expect(page.length).toBeLessThan(2_000_000);
    expect(/… 99\d,\d{3} more characters/.test(page)).toBe(true);
  });

  it("closes what it opens, and names no id twice", () => {
    const open: string[] = [];
    for (const [, end, name, rest] of withoutScript.matchAll(/<(\/?)([a-z0-9]+)([^>]*)>/g)) {
      if (name === "meta" || name === "input" || rest?.endsWith("/")) continue;
      if (end === "") open.push(name as string);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const named = [...page.matchAll(/aria-labelledby="([^"]*)"/g)].flatMap(([, list]) => list?.split(" ") ?? []);
    expect(named.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it("says what was measured: counts, sections, verdicts, hashes, settings", () => {
    for (const part of [
      "RewardBench score: 0.",
      "RewardBench 2 score: 0.",
      "K-wise negative log-likelihood",
      "The scores follow almost nothing but length",
      "331 rows read; 22 skipped (tie 12, tie (bothbad) 7, &lt;script&gt; 3)",
      "ab".repeat(32),
      "last 2,048 tokens",
      "at most 1,000, sampled at random; all of RewardBench: chosen against rejected",
      "34,388,917,248 parameters",
      "and 30 more",
      "Trained on nothing at all: its scores &lt;b&gt;mean&lt;/b&gt; nothing.",
      "<dt>source 2, row 4</dt><dd>&lt;img src=x onerror=",
    ]) {
      expect(page.includes(part), part).toBe(true);
    }
  });

  it("stands for a report without cases, and without benchmarks", () => {
    const { accuracy: _, ...bare } = report;
    const [first] = report.benchmarks;
    const rows = { read: 0, omitted: {}, broken: 0, cases: 0, sampled: 0, failed: 0, problems: {} };
    const empty = {
      benchmark: "pairs",
      title: "t",
      cases: 0,
      prompts: 0,
      comparisons: 0,
      scoreTies: 0,
      rows,
      sources: [],
      mistakes: [],
      truncated: [],
      truncatedResponses: 0,
      problems: [],
    } as const;
    for (const benchmarks of [[], [empty], [empty, ...(first ? [first] : [])]]) {
      const text = renderHtml({ ...bare, benchmarks });
      expect(BAD_VALUES.exec(text)?.[0]).toBeUndefined();
      expect(text.endsWith("</html>\n")).toBe(true);
    }
    expect(BAD_VALUES.exec(page)?.[0]).toBeUndefined();
  });

  it("says beside every accuracy what it is of, where rows failed", () => {
    const notes = renderHtml(withFailures(report)).match(/<small class="incomplete">[^<]*<\/small>/g) ?? [];
    // In the summary's table and each section; and the average, twice.
    expect(notes).toHaveLength(2 * report.benchmarks.length + 2);
    expect(notes[0]).toMatch(/of \d+ cases; \d+ failed in human, truth/);
    expect(notes[1]).toContain(">9 failed<");
    expect(
      notes.filter((note) => /of 150 of 155 sampled cases; 4 of 331 rows failed; 5 cases failed/.test(note)),
    ).toHaveLength(report.benchmarks.length);
    expect(page).not.toContain('<small class="incomplete">');
  });

  it("puts a benchmark's own score before its accuracy, and says what chance would give", () => {
    const section = (id: string) => new RegExp(`<section id="${id}"[^]*?</section>`).exec(page)?.[0] ?? "";
    const places = (text: string, ...parts: string[]) => parts.map((part) => text.indexOf(part));
    const [own = -1, chance = -1, accuracy = -1] = places(
      section("rewardbench-5"),
      "RewardBench score",
      "at random 0.500",
      ">Accuracy<",
    );
    expect(own).toBeGreaterThan(0);
    expect(chance).toBeGreaterThan(own);
    expect(accuracy).toBeGreaterThan(chance);
    expect(section("rewardbench2-6")).toContain("at random 0.250");
    expect(section("human-1")).not.toContain(">at random");
  });

  it("shows a report of an older version, which lacks the newer measures", () => {
    const benchmarks = report.benchmarks.map(({ scores: _, calibration, ...old }) => ({
      ...old,
      ...(calibration && {
        calibration: { ...calibration, bins: calibration.bins.map(({ noise: _, ...bin }) => bin) },
      }),
    }));
    expect(BAD_VALUES.exec(renderHtml({ ...report, benchmarks }))?.[0]).toBeUndefined();
  });

  it("lists a hundred subsets of very many", () => {
    const [first] = report.benchmarks;
    if (first === undefined) throw new Error("no benchmark");
    const subsets = Array.from({ length: 5000 }, (_, i) => ({
      subset: `s${i}`,
      cases: 1,
      prompts: 1,
      comparisons: 1,
      scoreTies: 0,
    }));
    const text = renderHtml({ ...report, benchmarks: [{ ...first, subsets }] });
    expect(text.includes("… and 4,900 more in the JSON report.")).toBe(true);
  });
});

describe("markup", () => {
  it("escapes values, joins lists, and leaves out what is not there", () => {
    expect(html`<p title="${"\"<&>'"}">${["a", new Markup("<b>"), undefined, false, 0]}</p>`.source).toBe(
      '<p title="&quot;&lt;&amp;&gt;&#39;">a<b>0</p>',
    );
  });

  it("names characters that hide or turn text around, and keeps those of writing", () => {
    const shown = (text: string) => html`${text}`.source;
    expect(shown("a\u202eb\u0000\u0000\u0000")).toBe("a⟨U+202E⟩b⟨U+0000 × 3⟩");
    expect(shown("\ud800x\u2028\ufeff\u{e0041}")).toBe("⟨U+D800⟩x⟨U+2028⟩⟨U+FEFF⟩⟨U+E0041⟩");
    const kept = "\u{1f468}\u200d\u{1f469} می\u200cخواهم\tשלום\nß";
    expect(shown(kept)).toBe(kept);
    expect(shown("a\r\nb\rc")).toBe("a\nb⟨U+000D⟩c");
  });

  it("never cuts a character in half", () => {
    const text = "ab\u{1f600}cd";
    expect(html`${beginning(text, 3)}`.source).toBe('ab<span class="cut">… 4 more characters</span>');
    expect(short(text, 3)).toBe("ab…");
    expect(short(text, 4)).toBe("ab\u{1f600}…");
    expect(beginning(text, 6)).toBe(text);
  });
});

it("numbers read well", () => {
  expect([0, 999, 1000, 1234567].map(grouped)).toEqual(["0", "999", "1,000", "1,234,567"]);
  expect([0.8065, 1, undefined, -0.25].map(share)).toEqual(["0.806", "1.000", "–", "−0.250"]);
  expect([0.05, -0.05, 0, -0.0001].map(signedShare)).toEqual(["+0.050", "−0.050", "0.000", "0.000"]);
  expect([1.5, -1e308, 1e-9, 0, undefined].map(real)).toEqual(["1.500", "−1.00e+308", "1.00e−9", "0.000", "–"]);
  expect([0, -0.5, 1500, 12000, 3.4e6, 1e12].map(label)).toEqual(["0", "−0.5", "1500", "12k", "3.4M", "1e+12"]);
});
