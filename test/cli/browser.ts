/** A browser on this machine, if there is one. */
import { accessSync, constants } from "node:fs";
import type { LaunchOptions, Page } from "playwright-core";

/** Where Linux distributions, macOS and Windows have Chromium and its relatives. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** The path of Chromium: what CHROMIUM names, else the first of the usual places; undefined where there is none. */
export function findBrowser(): string | undefined {
  const named = process.env["CHROMIUM"];
  const places = named === undefined || named === "" ? PLACES : [named];
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Without a sandbox, because containers forbid it; and without whatever makes requests of its own. */
export function launchOptions(executablePath: string): LaunchOptions {
  return {
    executablePath,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  };
}

/** Of the page's contents and of its window, in pixels: the same where nothing sticks out. */
export function widths(page: Page): Promise<{ readonly inside: number; readonly outside: number }> {
  return page.evaluate(() => {
    const root = (
      globalThis as unknown as { document: { documentElement: { scrollWidth: number; clientWidth: number } } }
    ).document.documentElement;
    return { inside: root.scrollWidth, outside: root.clientWidth };
  });
}

/** Every text is on the page then, as it would be after a reader opened all of them. */
export async function openDetails(page: Page): Promise<void> {
  await page.locator("details").evaluateAll((all) => {
    for (const own of all) own.setAttribute("open", "");
  });
}

/** Runs in the page: elements whose text is wider than their box, or that end right of the window, unless it is cut off there. */
export function overflowing(): string[] {
  type Box = {
    scrollWidth: number;
    clientWidth: number;
    parentElement: Box | null;
    className: unknown;
    tagName: string;
  };
  type Measured = Box & { getBoundingClientRect(): { right: number; width: number }; textContent: string };
  const { document, getComputedStyle } = globalThis as unknown as {
    document: { documentElement: Box; querySelectorAll(of: string): Iterable<Measured> };
    getComputedStyle(box: Box): { overflowX: string; display: string };
  };
  const isCut = (box: Box | null): boolean =>
    box !== null && (/hidden|clip/.test(getComputedStyle(box).overflowX) || isCut(box.parentElement));
  const found: string[] = [];
  for (const box of document.querySelectorAll("main *:not(svg *)")) {
    const right = box.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5;
    const inner =
      box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0 && getComputedStyle(box).display !== "inline";
    if ((right || inner) && !isCut(box))
      found.push(`${box.tagName} ${String(box.className)}: ${box.textContent.slice(0, 60)}`);
  }
  return found;
}

/** Runs in the page: texts that reach out of their chart. */
export function outsideCharts(): string[] {
  type Drawn = { getBoundingClientRect(): { left: number; right: number }; textContent: string };
  const { document } = globalThis as unknown as {
    document: { querySelectorAll(of: string): Iterable<Drawn & { querySelectorAll(of: string): Iterable<Drawn> }> };
  };
  return [...document.querySelectorAll("svg[role=img]")].flatMap((chart) => {
    const { left, right } = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll("text")];
    return texts.flatMap((text) => {
      const own = text.getBoundingClientRect();
      return own.left < left - 1 || own.right > right + 1 ? [text.textContent] : [];
    });
  });
}

/** Runs in the page: charts, sections and fields that a screen reader has no name for. */
export function unnamed(): string[] {
  type Own = {
    getAttribute(name: string): string | null;
    labels?: Iterable<{ textContent: string }>;
    outerHTML: string;
  };
  const { document } = globalThis as unknown as {
    document: {
      querySelectorAll(of: string): Iterable<Own>;
      getElementById(id: string): { textContent: string } | null;
    };
  };
  const nameOf = (own: Own) => {
    const ids = (own.getAttribute("aria-labelledby") ?? "").split(" ");
    const named = ids.map((id) => document.getElementById(id)?.textContent ?? "");
    const labels = [...(own.labels ?? [])].map(({ textContent }) => textContent);
    return [own.getAttribute("aria-label") ?? "", ...named, ...labels].join("").trim();
  };
  const all = [...document.querySelectorAll("svg[role=img], main section, input, select")];
  return all.filter((own) => nameOf(own) === "").map((own) => own.outerHTML.slice(0, 80));
}
