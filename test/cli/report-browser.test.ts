/** The HTML report as a real browser sees it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BenchmarkName, benchmarkNames } from "../../src/evaluation/case.ts";
import { renderComparison } from "../../src/evaluation/report/comparison-page.ts";
import { renderHtml } from "../../src/evaluation/report/html.ts";
import { richComparison, richReport, SCRIPT_MARK, withFailures } from "../unit/evaluation/report/rich-report.ts";
import { findBrowser, launchOptions, openDetails, outsideCharts, overflowing, unnamed, widths } from "./browser.ts";
import { contrast, contrastPairs, MIN_CONTRAST } from "./contrast.ts";

/** Charts that only some benchmarks have: of the official score's parts, and curves of best-of-n. */
const OWN_CHARTS: Partial<Record<BenchmarkName, number>> = { nectar: 1, rewardbench: 1, rewardbench2: 2, ppe: 4 };
const PAIRS = `#pairs-${benchmarkNames.indexOf("pairs") + 1}`;

const executable = findBrowser();
const missing = "no Chromium was found: install it, or name it in CHROMIUM";
if (executable === undefined) console.warn(`SKIPPED, the report in a browser: ${missing}`);

/** No picture of a page with text on it is smaller. */
const MIN_PICTURE_BYTES = 20_000;

interface Styles {
  getComputedStyle(element: unknown): { readonly fill: string };
}
interface Focus {
  readonly document: { readonly activeElement: { readonly tagName: string } | null };
}

const views = [
  { width: 1280, colorScheme: "light" },
  { width: 1280, colorScheme: "dark" },
  { width: 390, colorScheme: "light" },
  { width: 390, colorScheme: "dark" },
] as const;

describe.skipIf(executable === undefined)(`the report in Chromium${executable ? "" : ` (skipped: ${missing})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "starling-rm-report-"));
  const file = join(folder, "report.html");
  const address = pathToFileURL(file).href;
  const html = executable === undefined ? "" : renderHtml(withFailures(richReport(300)));
  const small = richReport(executable === undefined ? 1 : 40);
  let browser: Browser;

  beforeAll(async () => {
    writeFileSync(file, html);
    browser = await chromium.launch(launchOptions(executable as string));
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** @param source another page than the report's */
  async function open(
    view: (typeof views)[number],
    source?: string,
  ): Promise<{ page: Page; complaints: string[]; requests: string[] }> {
    const { width, colorScheme } = view;
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => complaints.push(dialog.message()));
    page.on("request", (request) => requests.push(request.url()));
    const other = join(folder, "other.html");
    if (source !== undefined) writeFileSync(other, source);
    await page.goto(source === undefined ? address : pathToFileURL(other).href);
    return { page, complaints, requests };
  }

  it.each(views)(
    "$width pixels wide, $colorScheme: no text runs, nothing is asked for, nothing sticks out",
    async (view) => {
      const { page, complaints, requests } = await open(view);
      await openDetails(page);
      await page.waitForLoadState("networkidle");
      expect(complaints).toEqual([]);
      expect(requests).toEqual([address]);
      expect(page.url()).toBe(address);
      expect(await page.evaluate((mark) => mark in globalThis, SCRIPT_MARK)).toBe(false);
      expect(await page.locator("img, iframe, link, base, object, embed").count()).toBe(0);
      expect(await page.locator("script").count()).toBe(1);
      expect(await page.locator("h1").allTextContents()).toEqual(["Starling RM 34B </title><script>"]);
      const { inside, outside } = await widths(page);
      expect(inside).toBe(outside);
      const picture = join(folder, `${view.width}-${view.colorScheme}.png`);
      await page.screenshot({ path: picture });
      const bytes = readFileSync(picture);
      expect(bytes.subarray(1, 4).toString()).toBe("PNG");
      expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([view.width, 900]);
      expect(bytes.length).toBeGreaterThan(MIN_PICTURE_BYTES);
      await page.close();
    },
  );

  it("has a section with charts, tables and texts for each benchmark", async () => {
    const { page } = await open(views[0]);
    for (const [i, name] of benchmarkNames.entries()) {
      const section = page.locator(`section#${name}-${i + 1}`);
      expect(await section.locator("svg[role=img]").count()).toBe(5 + (OWN_CHARTS[name] ?? 0));
      expect(await section.locator("h3", { hasText: "Worst mistakes" }).count()).toBe(1);
      expect(await section.locator(".mistake").count()).toBeGreaterThan(5);
      expect(await section.locator("h3", { hasText: "Truncated" }).count()).toBe(1);
      for (const box of await section.locator("svg[role=img]").all()) {
        const size = await box.boundingBox();
        expect(size?.width).toBeGreaterThan(250);
        expect(size?.height).toBeGreaterThan(100);
      }
    }
    expect(await page.evaluate(outsideCharts)).toEqual([]);
    expect(await page.locator(`${PAIRS} > .verdict.bad`).textContent()).toContain("follow almost nothing but length");
    expect(await page.locator("#human-1 > .verdict.bad").count()).toBe(0);
    await page.locator("section.summary a", { hasText: "Nectar" }).first().click();
    expect(page.url()).toBe(`${address}#nectar-4`);
    await page.close();
  });

  it.each(views)("$width pixels wide, $colorScheme: text stands out from its background", async (view) => {
    const { page } = await open(view);
    await openDetails(page);
    const pairs = await page.evaluate(contrastPairs);
    expect(pairs.length).toBeGreaterThan(4);
    for (const { name, text, back } of pairs) {
      expect(contrast(text, back), `${name}: ${text} on ${back}`).toBeGreaterThanOrEqual(MIN_CONTRAST);
    }
    await page.close();
  });

  it.each([1, 3, 12])("%i benchmarks stay in their boxes, with all texts open", async (count) => {
    const { benchmarks, ...rest } = small;
    const some = Array.from({ length: count }, (_, i) => benchmarks[i % benchmarks.length] as (typeof benchmarks)[0]);
    const text = renderHtml({ ...rest, benchmarks: some });
    for (const view of views.slice(1, 3)) {
      const { page } = await open(view, text);
      await openDetails(page);
      const { inside, outside } = await widths(page);
      expect(inside).toBeLessThanOrEqual(outside);
      expect(await page.evaluate(overflowing)).toEqual([]);
      await page.close();
    }
  });

  it("finds mistakes by their words, subset and source", async () => {
    const { page, complaints } = await open(views[0]);
    const block = page.locator(`${PAIRS} [data-mistakes]`);
    const all = await block.locator(".mistake").count();
    const shown = async () => ({
      count: await block.locator(".mistake:visible").count(),
      said: await block.locator("output").textContent(),
    });
    const says = (count: number) => ({ count, said: `${count} of ${all} mistakes` });
    expect(await shown()).toEqual(says(all));
    await block.locator("input").fill("no text has these words");
    expect(await shown()).toEqual(says(0));
    await block.locator("input").fill("MOUNTAIN thinner");
    const byWords = (await shown()).count;
    expect(byWords).toBeGreaterThan(0);
    await block.locator("select[name=source]").selectOption("1");
    const ofSource = await block.locator('.mistake[data-source="1"]').count();
    await block.locator("input").fill("");
    expect(await shown()).toEqual(says(ofSource));
    expect(ofSource).toBeLessThan(all);
    await block.locator("select[name=source]").selectOption("");
    await block.locator("select[name=subset]").selectOption("0");
    expect(await shown()).toEqual(says(await block.locator('.mistake[data-subset="0"]').count()));
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("shows every mistake where scripts are off", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(address);
    expect(await page.locator(".filter:visible").count()).toBe(0);
    expect(await page.locator(".mistake:visible").count()).toBe(await page.locator(".mistake").count());
    await context.close();
  });

  it("keeps the summary in the page's column where numbers of failed rows stand below the scores", async () => {
    const { page } = await open(views[0], renderHtml(withFailures(small)));
    const right = async (selector: string) => {
      const box = await page.locator(selector).first().boundingBox();
      return (box?.x ?? 0) + (box?.width ?? 0);
    };
    expect(await right(".summary table")).toBeLessThanOrEqual((await right(".summary")) + 0.5);
    await page.setViewportSize({ width: 390, height: 900 });
    const cell = page.locator(".summary tbody td", { has: page.locator("small.incomplete") }).first();
    const [number, note] = [
      await cell.locator("b").boundingBox(),
      await cell.locator("small.incomplete").boundingBox(),
    ];
    expect(note?.y).toBeGreaterThanOrEqual((number?.y ?? 0) + (number?.height ?? 0) - 1);
    await page.close();
  });

  it.each([2, 3])("the comparison of %i runs stays in its boxes, is readable, and runs no text", async (runs) => {
    const comparison = renderComparison(richComparison(runs));
    for (const view of views) {
      const { page, complaints, requests } = await open(view, comparison);
      await openDetails(page);
      const { inside, outside } = await widths(page);
      expect(inside).toBeLessThanOrEqual(outside);
      expect(await page.evaluate(overflowing)).toEqual([]);
      for (const { name, text, back } of await page.evaluate(contrastPairs))
        expect(contrast(text, back), `${name}: ${text} on ${back}`).toBeGreaterThanOrEqual(MIN_CONTRAST);
      expect(complaints).toEqual([]);
      expect(requests).toHaveLength(1);
      expect(await page.evaluate((mark) => mark in globalThis, SCRIPT_MARK)).toBe(false);
      expect(await page.locator("h1").count()).toBe(1);
      await page.close();
    }
  });

  it("finds cases that only one model gets right, by their words, each list by itself", async () => {
    const { page, complaints } = await open(views[2], renderComparison(richComparison(2)));
    const [first, second] = await page.locator("#pairs-9 [data-mistakes]").all();
    const shown = (block: typeof first) => block?.locator(".mistake:visible").count();
    const before = await shown(second);
    await first?.locator("input").fill("MOUNTAIN brief");
    const found = await shown(first);
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThan((await first?.locator(".mistake").count()) ?? 0);
    expect(await first?.locator("output").textContent()).toBe(`${found} of 8 cases`);
    expect(await shown(second)).toBe(before);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("has headings that go down by one level, and names for fields and charts", async () => {
    for (const text of [html, renderComparison(richComparison(2)), renderComparison(richComparison(3))]) {
      const { page } = await open(views[0], text);
      await openDetails(page);
      const headings = await page.locator("h1, h2, h3, h4").evaluateAll((all) => all.map(({ tagName }) => tagName));
      const levels = headings.map((name) => Number(name.slice(1)));
      const jumps = levels.map((level, i) => `h${levels[i - 1] ?? 0} h${level}`);
      expect(jumps.filter((_, i) => (levels[i] ?? 0) > (levels[i - 1] ?? 0) + 1)).toEqual([]);
      expect(await page.evaluate(unnamed)).toEqual([]);
      await page.close();
    }
  });

  it("is used with the keyboard: from the search to its choices and to each mistake", async () => {
    const { page } = await open(views[0]);
    const block = page.locator(`${PAIRS} [data-mistakes]`);
    await block.locator("input").focus();
    await page.keyboard.type("mountain");
    const found = await block.locator(".mistake:visible").count();
    expect(found).toBeGreaterThan(0);
    const focused = () => page.evaluate(() => (globalThis as unknown as Focus).document.activeElement?.tagName);
    for (const name of ["SELECT", "SELECT", "SUMMARY"]) {
      await page.keyboard.press("Tab");
      expect(await focused()).toBe(name);
    }
    const first = block.locator(".mistake:visible").first();
    const wasOpen = await first.evaluate((own) => own.hasAttribute("open"));
    await page.keyboard.press("Enter");
    expect(await first.evaluate((own) => own.hasAttribute("open"))).toBe(!wasOpen);
    await page.close();
  });

  it("prints with every text open", async () => {
    const { page } = await open(views[0]);
    const closed = await page.pdf({ format: "A4" });
    expect(closed.subarray(0, 5).toString()).toBe("%PDF-");
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    // As wide as A4 between margins of a centimetre.
    await page.setViewportSize({ width: 718, height: 1000 });
    const hidden = page.locator("details.mistake:not([open]) .text").first();
    expect((await hidden.boundingBox())?.height).toBeGreaterThan(0);
    expect(await page.locator(".filter:visible").count()).toBe(0);
    // Tables stay tables, two charts stand side by side, and nothing is cut off at the right.
    expect(await page.locator(".summary thead").evaluate((own) => own.getBoundingClientRect().height)).toBeGreaterThan(
      9,
    );
    const [one, two] = await page.locator("#human-1 figure").all();
    expect((await one?.boundingBox())?.y).toBe((await two?.boundingBox())?.y);
    expect(await widths(page)).toEqual({ inside: 718, outside: 718 });
    expect(await page.evaluate(overflowing)).toEqual([]);
    // In light colours, also where the screen is dark.
    for (const { name, text, back } of await page.evaluate(contrastPairs))
      expect(contrast(text, back), `${name}: ${text} on ${back}`).toBeGreaterThanOrEqual(MIN_CONTRAST);
    const band = page.locator(".band").first();
    expect(await band.evaluate((own) => (globalThis as unknown as Styles).getComputedStyle(own).fill)).toBe(
      "rgb(227, 235, 252)",
    );
    await page.close();
  });
});
