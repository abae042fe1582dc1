/** The page of the server as a real browser sees it. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { writeHead } from "../../src/entry/fit.ts";
import { createServer, type RewardServer } from "../../src/entry/server.ts";
import { loadRewardModel, type RewardModel } from "../../src/index.ts";
import { findBrowser, launchOptions, openDetails, widths } from "./browser.ts";
import { contrast, contrastPairs, MIN_CONTRAST } from "./contrast.ts";

const executable = findBrowser();
const missing = "no Chromium was found: install it, or name it in CHROMIUM";
if (executable === undefined) console.warn(`SKIPPED, the server's page in a browser: ${missing}`);

/** What functions that run in the page use of it. */
declare const DataTransfer: new () => { setData(type: string, value: string): void; items: { add(file: File): void } };
declare const ClipboardEvent: new (type: string, init: object) => Event;
declare const localStorage: object;
declare const document: { readonly cookie: string };

interface Element_ {
  readonly childNodes: Iterable<{ readonly nodeType: number; readonly textContent: string | null }>;
  querySelectorAll(selector: string): Iterable<Element_>;
}

const PROMPT = "Name a fruit.";
const RESPONSES = ["A car is a fruit.", "An apple is a fruit, and so is a pear 🍐.", "I do not know."];

describe.skipIf(executable === undefined)(`the page in Chromium${executable ? "" : ` (skipped: ${missing})`}`, () => {
  let browser: Browser;
  let model: RewardModel;
  let server: RewardServer;
  let url: string;
  let endpoint: Server;
  /** What the endpoint does with each request. */
  let answer: (response: ServerResponse, number: number) => void;
  let asked = 0;

  beforeAll(async () => {
    model = await loadRewardModel({ modelPath: "tiny", gpu: "off", threads: 1 });
    endpoint = createHttpServer((request, response) => {
      request.resume();
      answer(response, asked++);
    });
    await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
    const { port } = endpoint.address() as AddressInfo;
    server = createServer(model, { candidates: { url: `http://127.0.0.1:${port}/v1`, model: "small-7b" } });
    url = await server.listen({ port: 0 });
    browser = await chromium.launch(launchOptions(executable as string));
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    endpoint?.closeAllConnections();
    endpoint?.close();
    await model?.close();
  });

  const complaints: string[] = [];
  afterEach(() => {
    // Errors, refused styles and scripts, and requests to anywhere else, in all of these tests.
    expect(complaints.splice(0)).toEqual([]);
  });

  async function open(options: { width?: number; colorScheme?: "light" | "dark"; at?: string } = {}): Promise<Page> {
    const { width = 1280, colorScheme = "light", at = url } = options;
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      const own = request.url().startsWith(`${at}/`) || /^(?:blob|data):/.test(request.url());
      if (!own) complaints.push(request.url());
    });
    await page.goto(`${at}/`);
    await page.getByRole("heading", { name: "Reward playground" }).waitFor();
    await page.getByText("starling-rm-tiny is a demonstration").waitFor();
    return page;
  }

  const box = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
  const bars = (page: Page) => page.locator("rm-ranking ol button");

  async function write(page: Page, responses: readonly string[] = RESPONSES): Promise<void> {
    await box(page, "Prompt").fill(PROMPT);
    for (const [i, response] of responses.entries()) {
      if (i > 1) await page.getByRole("button", { name: "+ Response" }).click();
      await box(page, `Response ${i + 1}`).fill(response);
    }
    await settled(page, responses.length);
  }

  async function settled(page: Page, count: number): Promise<void> {
    await expect.poll(() => bars(page).count(), { timeout: 10_000 }).toBe(count);
    await expect
      .poll(() => page.locator("rm-ranking .busy.on, rm-ranking .stale, rm-strip .stale").count(), { timeout: 10_000 })
      .toBe(0);
  }

  /** As the page writes them. */
  const text = (score: number) => score.toFixed(3).replace("-", "−");

  async function expected(responses: readonly string[], prompt = PROMPT) {
    const scores = (await model.score(responses.map((response) => ({ prompt, response })))).map(({ score }) => score);
    const order = scores.map((score, i) => ({ score, name: `Response ${i + 1}` })).sort((a, b) => b.score - a.score);
    return { scores, order };
  }

  /** Without what only screen readers say. */
  const shownRanking = (page: Page) =>
    bars(page).evaluateAll((all) =>
      all.map((bar) => {
        const own = (element: Element_) =>
          [...element.childNodes]
            .filter(({ nodeType }) => nodeType === 3)
            .map(({ textContent }) => textContent)
            .join("")
            .trim();
        const find = (selector: string) => [...(bar as unknown as Element_).querySelectorAll(selector)].map(own);
        return { name: find(".name")[0], place: find(".place")[0], numbers: find(".number") };
      }),
    );
  /** Of a file. */
  const shownScores = async (page: Page) =>
    (await page.locator("rm-file article").first().locator(".value").allTextContents()).map((value) =>
      value.replace("score ", "").trim(),
    );

  it("ranks as one types: the library's scores, differences and their sigmoid", async () => {
    const page = await open();
    await box(page, "Prompt").fill(PROMPT);
    await box(page, "Response 1").pressSequentially(RESPONSES[0] as string, { delay: 10 });
    await box(page, "Response 2").pressSequentially(RESPONSES[1] as string, { delay: 10 });
    await settled(page, 2);
    await page.getByRole("button", { name: "+ Response" }).click();
    await box(page, "Response 3").fill(RESPONSES[2] as string);
    await settled(page, 3);
    const { order } = await expected(RESPONSES);
    const best = order[0]?.score as number;
    expect(await shownRanking(page)).toEqual(
      order.map(({ name, score }, i) => ({
        name,
        place: String(i + 1),
        numbers:
          i === 0
            ? [text(score), "–", ""]
            : [text(score), text(score - best), `${Math.round(100 / (1 + Math.exp(best - score)))} %`],
      })),
    );
    const widths = await page
      .locator("rm-ranking .fill")
      .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().width));
    expect(widths).toEqual(widths.toSorted((a, b) => b - a));
    expect(widths[0]).toBeGreaterThan((widths[2] as number) + 10);
    await expect
      .poll(() => page.locator("rm-ranking [role=status]").textContent())
      .toContain(`Best: ${order[0]?.name}, score`);
    await page.getByLabel("Compared with").selectOption({ label: order[2]?.name as string });
    expect((await shownRanking(page)).map(({ numbers }) => numbers[1])).toEqual([
      `+${text(best - (order[2]?.score as number))}`,
      `+${text((order[1]?.score as number) - (order[2]?.score as number))}`,
      "–",
    ]);
    await page.close();
  });

  it("asks little while one types, and cancels what is no longer wanted", async () => {
    const page = await open();
    let posts = 0;
    page.on("request", (request) => {
      if (request.url().endsWith("/v1/score")) posts += 1;
    });
    // On a busy machine keys may come so slowly that the page takes one for the last: its clock goes from key to key.
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 1000);
    await box(page, "Prompt").fill(PROMPT);
    for (const key of "An apple, a pear, a plum, a cherry and a grape.") {
      await box(page, "Response 1").pressSequentially(key);
      await page.clock.runFor(15);
    }
    expect(posts).toBe(0);
    await page.clock.resume();
    await settled(page, 1);
    // One for the score and one for its tokens: not one a key.
    expect(posts).toBeLessThan(12);
    await page.close();
  });

  it("shows the reward along a response, by keyboard, and its last one is the score", async () => {
    const page = await open();
    await write(page);
    const { scores } = await expected(RESPONSES);
    await bars(page).filter({ hasText: "Response 2" }).click();
    await page.getByRole("heading", { name: "Along Response 2" }).waitFor();
    await settled(page, 3);
    const strip = page.getByRole("listbox", { name: "Tokens of Response 2" });
    const [result] = await model.score([{ prompt: PROMPT, response: RESPONSES[1] as string }], { perToken: true });
    const rewards = result?.tokenRewards?.rewards ?? [];
    // A character of several tokens is one cell.
    const cells = await strip.getByRole("option").evaluateAll((all) => all.map((one) => one.textContent ?? ""));
    expect(cells.slice(0, -1).join("").trim()).toBe(RESPONSES[1]);
    expect(cells.length).toBeLessThanOrEqual(rewards.length);
    await strip.focus();
    const readout = page.locator("rm-strip .readout");
    expect(await readout.textContent()).toContain(`reward ${text(rewards[0] as number)}`);
    await page.keyboard.press("ArrowRight");
    const change = (rewards[1] as number) - (rewards[0] as number);
    expect((await readout.textContent())?.replaceAll(/\s+/g, " ")).toContain(
      `reward ${text(rewards[1] as number)} change ${change < 0 ? "" : "+"}${text(change)}`,
    );
    await page.keyboard.press("End");
    expect(await readout.textContent()).toContain(`reward ${text(scores[1] as number)}`);
    const active = await strip.getAttribute("aria-activedescendant");
    const last = page.locator(`#${active}`);
    expect(await last.getAttribute("aria-selected")).toBe("true");
    expect(await last.getAttribute("aria-label")).toMatch(/, reward .*, (?:rises|falls) by /);
    expect(await page.locator("rm-strip .cell.up4, rm-strip .cell.down4").count()).toBeGreaterThan(0);
    await page.close();
  });

  it("takes a pasted conversation, a list of responses, and back", async () => {
    const page = await open();
    const paste = async (name: string, value: string) =>
      box(page, name).evaluate((element, pasted) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", pasted);
        return element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
      }, value);
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello" },
      { role: "user", content: PROMPT },
    ];
    await paste("Prompt", JSON.stringify({ messages, responses: RESPONSES }));
    await settled(page, 3);
    const scores = await model.score(
      RESPONSES.map((response) => ({
        messages: [...messages, { role: "assistant" as const, content: response }] as never,
      })),
    );
    const best = scores.toSorted((a, b) => b.score - a.score)[0];
    expect((await shownRanking(page))[0]).toMatchObject({
      name: `Response ${(best?.index ?? 0) + 1}`,
      numbers: [text(best?.score as number), "–", ""],
    });
    expect(await box(page, "Assistant, turn 3").inputValue()).toBe("Hello");
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await box(page, "Prompt").inputValue()).toBe("");
    await box(page, "Prompt").fill(PROMPT);
    await paste("Response 1", JSON.stringify(RESPONSES.slice(0, 2)));
    await settled(page, 2);
    expect(await box(page, "Response 2").inputValue()).toBe(RESPONSES[1]);
    // Anything else stays a text.
    expect(await paste("Response 1", '["a"]')).toBe(true);
    await page.close();
  });

  it("says what is wrong with a response beside it, and keeps the others", async () => {
    const page = await open();
    await write(page, RESPONSES.slice(0, 1));
    await box(page, "Response 2").evaluate((element) => {
      // As some programs paste half of a character.
      (element as unknown as { value: string }).value = "\ud800";
      element.dispatchEvent(new Event("input"));
    });
    await page.locator("rm-replies .error").waitFor();
    expect(await bars(page).count()).toBe(1);
    expect(await page.locator("rm-replies .reply").nth(1).locator(".error").textContent()).toMatch(/surrogate/);
    await box(page, "Response 2").fill("<s> An apple.");
    await settled(page, 2);
    await page.close();
  });

  it("scores whole texts as they are", async () => {
    const page = await open();
    await page.getByLabel("Whole texts").check();
    const whole = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>";
    await box(page, "Text 1").fill(whole);
    await settled(page, 1);
    const [result] = await model.score([{ text: whole }]);
    expect((await shownRanking(page))[0]?.numbers[0]).toBe(text(result?.score as number));
    await page.close();
  });

  const rows = [
    { prompt: PROMPT, response: RESPONSES[0] },
    { prompt: 'Say hi, "please"', response: "Hi,\nyou" },
    { prompt: PROMPT, response: RESPONSES[1] },
    { prompt: 'Say hi, "please"', response: "Hello" },
  ] as { prompt: string; response: string }[];
  const cell = (value: string) => `"${value.replaceAll('"', '""')}"`;
  const files: Record<string, Buffer> = {
    "rows.jsonl": Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join("")),
    "rows.csv": Buffer.from(
      ["prompt,response", ...rows.map((row) => `${cell(row.prompt)},${cell(row.response)}`)].join("\r\n"),
    ),
    "rows.parquet": Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: "prompt", data: rows.map(({ prompt }) => prompt) },
          { name: "response", data: rows.map(({ response }) => response) },
        ],
      }),
    ),
  };

  async function drop(page: Page, name: string, content: Buffer): Promise<void> {
    const data = await page.evaluateHandle(
      ([file, bytes]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(bytes as string), (c) => c.charCodeAt(0))], file as string));
        return transfer;
      },
      [name, content.toString("base64")],
    );
    await page.dispatchEvent("body", "dragover", { dataTransfer: data });
    await page.getByText("Drop a JSON lines, CSV or parquet file").waitFor();
    await page.dispatchEvent("body", "drop", { dataTransfer: data });
    await page.getByText("4 texts of 4 scored").waitFor();
    await expect.poll(() => page.locator("rm-file [aria-busy=true]").count()).toBe(0);
  }

  it.each(Object.keys(files))("ranks a dropped file, and its export is the same again: %s", async (name) => {
    const page = await open();
    await drop(page, name, files[name] as Buffer);
    const scores = (await model.score(rows)).map(({ score }) => score);
    const groups = page.locator("rm-file article");
    expect(await groups.locator("h3").allTextContents()).toEqual([PROMPT, 'Say hi, "please"']);
    const [first, second] = [scores[0] as number, scores[2] as number];
    const shown = await shownScores(page);
    expect(shown).toEqual([Math.max(first, second), Math.min(first, second)].map(text));
    for (const format of ["JSON lines", "CSV"]) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: `Export as ${format}` }).click(),
      ]);
      const exported = readFileSync(await download.path());
      if (format === "JSON lines") {
        const lines = exported
          .toString()
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));
        expect(lines.map(({ prompt, response, score }) => ({ prompt, response, score }))).toEqual(
          [0, 2, 1, 3].map((i) => ({ ...rows[i], score: scores[i] })),
        );
        expect(lines.map(({ rank }) => rank)).toEqual(
          [0, 2, 1, 3].map((i) => ((scores[i] as number) >= (scores[(i + 2) % 4] as number) ? 1 : 2)),
        );
      }
      await drop(page, download.suggestedFilename(), exported);
      expect(await shownScores(page)).toEqual(shown);
    }
    await groups.first().getByRole("button", { name: "Open" }).click();
    await settled(page, 2);
    expect(await box(page, "Prompt").inputValue()).toBe(PROMPT);
    await page.close();
  });

  it("says which rows cannot be read, and takes the names of fields", async () => {
    const page = await open();
    await page.getByRole("tab", { name: "File" }).click();
    const choose = (name: string, content: string) =>
      page.setInputFiles("#file", { name, mimeType: "text/plain", buffer: Buffer.from(content) });
    await choose("a.jsonl", `{"prompt":"a","response":"b"}\n{oops\n`);
    await page.getByText("1 row cannot be scored").click();
    await page.getByText("line 2").waitFor();
    await choose("b.csv", "x,y\nName a fruit.,An apple.\n");
    await page.locator("rm-file [role=alert]", { hasText: "b.csv" }).waitFor();
    await page.getByLabel("prompt is in").fill("x");
    await page.getByLabel("response is in", { exact: true }).fill("y");
    await page.getByRole("button", { name: "Read again" }).click();
    await page.getByText("1 text of 1 scored").waitFor();
    await page.close();
  });

  it("draws candidates and ranks them as they come", async () => {
    const texts = [...RESPONSES, "A plum."];
    const waiting: (() => void)[] = [];
    answer = (response, number) => {
      waiting.push(() => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const choices = [
          { delta: { content: texts[number % texts.length] }, finish_reason: number === 3 ? "length" : "stop" },
        ];
        response.end(`data: ${JSON.stringify({ choices })}\n\ndata: [DONE]\n\n`);
      });
    };
    asked = 0;
    const page = await open();
    await box(page, "Prompt").fill(PROMPT);
    await page.getByLabel("Candidates").fill("4");
    await page.getByRole("button", { name: "Draw" }).click();
    await expect.poll(() => waiting.length).toBe(4);
    waiting[0]?.();
    waiting[1]?.();
    await settled(page, 2);
    expect(await page.locator("rm-draw").textContent()).toMatch(/2 of 4 came\.\s+Best of 2: Response [12] with/);
    waiting[2]?.();
    waiting[3]?.();
    await settled(page, 4);
    const written = await page
      .locator("rm-replies textarea")
      .evaluateAll((all) => all.map((one) => (one as unknown as { value: string }).value));
    expect(written.toSorted()).toEqual(texts.toSorted());
    const { order } = await expected(written);
    expect((await shownRanking(page)).map(({ name }) => name)).toEqual(order.map(({ name }) => name));
    expect(await page.locator("rm-draw").textContent()).toContain(
      `Best of 4: ${order[0]?.name} with ${text(order[0]?.score as number)}`,
    );
    expect(await page.getByText("drawn, ended by length").count()).toBe(1);
    await page.close();
  });

  it("says once why candidates do not come, and stops the endpoint with the page", async () => {
    answer = (response) => {
      response.writeHead(401, { "content-type": "application/json" });
      response.end('{"error":{"message":"bad key"}}');
    };
    const page = await open();
    await box(page, "Prompt").fill(PROMPT);
    await page.getByLabel("Candidates").fill("3");
    await page.getByRole("button", { name: "Draw" }).click();
    const error = page.locator("rm-draw .error");
    await expect
      .poll(() => error.allTextContents())
      .toEqual([expect.stringMatching(/asks for a key \(401\): bad key\..*\(3 times\)$/)]);
    let closed = 0;
    let open_ = 0;
    answer = (response) => {
      open_ += 1;
      response.on("close", () => {
        closed += 1;
      });
    };
    await page.getByRole("button", { name: "Draw" }).click();
    await expect.poll(() => open_).toBe(3);
    await page.close();
    await expect.poll(() => closed).toBe(3);
  });

  it("draws no further for a prompt that a prompt of a file took the place of", async () => {
    const waiting: ServerResponse[] = [];
    let closed = 0;
    answer = (response) => {
      waiting.push(response);
      response.on("close", () => {
        closed += 1;
      });
    };
    const page = await open();
    await drop(page, "rows.jsonl", files["rows.jsonl"] as Buffer);
    await page.getByRole("tab", { name: "Write" }).click();
    await box(page, "Prompt").fill("Name a car.");
    await page.getByLabel("Candidates").fill("2");
    await page.getByRole("button", { name: "Draw" }).click();
    await expect.poll(() => waiting.length).toBe(2);
    await page.getByRole("tab", { name: "File" }).click();
    await page.locator("rm-file article").first().getByRole("button", { name: "Open" }).click();
    await expect.poll(() => closed).toBe(2);
    expect(await page.locator("rm-draw progress").count()).toBe(0);
    await page.close();
  });

  it("works with the keyboard alone, keeps its texts in the tab, and takes back a removal", async () => {
    const page = await open();
    const focused = () =>
      page.evaluate(() => {
        const { activeElement } = (
          globalThis as unknown as {
            document: { activeElement: { id: string; className: string; textContent: string } };
          }
        ).document;
        return `${activeElement.id} .${activeElement.className} ${activeElement.textContent}`.trim();
      });
    const tabTo = async (what: RegExp) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        if (what.test(await focused())) return;
      }
      throw new Error(`The keyboard does not reach ${what}.`);
    };
    await tabTo(/^tab-write/);
    await page.keyboard.press("ArrowRight");
    await expect.poll(focused).toMatch(/^tab-file/);
    await page.keyboard.press("ArrowLeft");
    await expect.poll(focused).toMatch(/^tab-write/);
    await tabTo(/^turn-/);
    await page.keyboard.type(PROMPT);
    await tabTo(/^reply-/);
    await page.keyboard.type("An apple.");
    await tabTo(/^reply-/);
    await page.keyboard.type("A pear.");
    await page.keyboard.press("Control+Enter");
    await expect.poll(focused).toMatch(/^reply-/);
    await page.keyboard.type("A car.");
    await settled(page, 3);
    expect(await box(page, "Response 3").inputValue()).toBe("A car.");
    await tabTo(/Response \d/);
    await page.keyboard.press("Enter");
    await tabTo(/\.cells/);
    await page.keyboard.press("Home");
    expect(await page.locator("rm-strip .readout").textContent()).toContain("first token");
    await page.reload();
    await settled(page, 3);
    await page.getByRole("button", { name: "Remove Response 1" }).click();
    await settled(page, 2);
    await expect.poll(focused).toMatch(/^reply-/);
    await page.getByRole("button", { name: "Undo" }).click();
    await settled(page, 3);
    await page.close();
  });

  it.each([
    [1280, "light"],
    [1280, "dark"],
    [360, "light"],
    [360, "dark"],
  ] as const)(
    "%i pixels wide, %s: nothing sticks out, text stands out, everything has a name",
    async (width, colorScheme) => {
      const page = await open({ width, colorScheme });
      await write(page);
      await drop(page, "rows.jsonl", files["rows.jsonl"] as Buffer);
      for (const tab of ["File", "Write"]) {
        await page.getByRole("tab", { name: tab }).click();
        await openDetails(page);
        const { inside, outside } = await widths(page);
        expect(inside).toBe(outside);
        const pairs = await page.evaluate(contrastPairs);
        expect(pairs.length).toBeGreaterThan(3);
        for (const { name, text: ink, back } of pairs)
          expect(contrast(ink, back), `${name}: ${ink} on ${back}`).toBeGreaterThanOrEqual(MIN_CONTRAST);
        expect(await page.evaluate(namelessControls)).toEqual([]);
      }
      expect(await page.locator("h1").count()).toBe(1);
      expect(await page.getByRole("main").or(page.getByRole("tabpanel")).count()).toBe(1);
      await page.close();
    },
  );

  it("shows two heads side by side: both scores, both rankings", async () => {
    const folder = mkdtempSync(join(tmpdir(), "starling-rm-page-"));
    const head = join(folder, "kind.gguf");
    const { path: modelPath, embeddingLength } = model.info;
    const weight = Float32Array.from({ length: embeddingLength }, (_, i) => Math.sin(7 * i) / 4);
    await writeHead({ modelPath, output: head, head: { weight } });
    const other = await loadRewardModel({ modelPath, headPath: head, gpu: "off", threads: 1 });
    const items = RESPONSES.map((response) => ({ prompt: PROMPT, response }));
    const scores = (await other.score(items)).map(({ score }) => score);
    await other.close();
    await using both = createServer(model, { compareHeads: [head] });
    const page = await open({ at: await both.listen({ port: 0 }) });
    await write(page);
    await page.getByLabel("Second head").selectOption({ label: "kind" });
    const boards = page.locator("rm-ranking .board");
    await expect.poll(() => boards.count()).toBe(2);
    await expect.poll(() => boards.nth(1).locator("li").count()).toBe(3);
    await expect.poll(() => page.locator("rm-ranking .busy.on, rm-ranking .stale").count()).toBe(0);
    const shown = (await shownRanking(page)).map(({ name, numbers }) => [name, numbers[0]]);
    const ranked = (values: readonly number[]) =>
      values
        .map((score, i) => ({ score, name: `Response ${i + 1}` }))
        .sort((a, b) => b.score - a.score)
        .map(({ score, name }) => [name, text(score)]);
    expect(shown).toEqual([...ranked((await expected(RESPONSES)).scores), ...ranked(scores)]);
    await drop(page, "rows.jsonl", files["rows.jsonl"] as Buffer);
    expect(await page.locator("rm-file article").first().locator("h4").allTextContents()).toEqual([
      "The model's own head",
      "Head kind",
    ]);
    await page.close();
    rmSync(folder, { recursive: true });
  });

  it("works behind a key: the browser asks for it, or it is in the address", async () => {
    const key = "a-key-of-this-test";
    await using locked = createServer(model, { apiKeys: [key] });
    const at = await locked.listen({ port: 0 });
    expect((await fetch(`${at}/`)).status).toBe(401);
    const context = await browser.newContext({ httpCredentials: { username: "key", password: key } });
    const asked = await context.newPage();
    await asked.goto(`${at}/`);
    await write(asked);
    await context.close();
    const named = await browser.newPage();
    await named.goto(`${at.replace("//", `//key:${key}@`)}/`);
    await write(named);
    await named.close();
  });

  it("asks for the key where the server wants one", async () => {
    const locked = createHttpServer((request, response) => {
      const isPage = /^\/(?:$|playground\/assets\/)/.test(request.url ?? "");
      if (!isPage && request.headers.authorization !== "Bearer right") {
        response.writeHead(401, { "content-type": "application/json" });
        response.end('{"error":{"code":"ERR_UNAUTHORIZED","message":"This server needs its API key."}}');
        return;
      }
      const { method, url: path = "/", headers } = request;
      const init = {
        method: method ?? "GET",
        headers: { "content-type": headers["content-type"] ?? "", accept: headers.accept ?? "*/*" },
      };
      const body: Buffer[] = [];
      request.on("data", (chunk: Buffer) => body.push(chunk));
      request.on("end", async () => {
        const answered = await fetch(
          `${url}${path}`,
          method === "POST" ? { ...init, body: Buffer.concat(body) } : init,
        );
        response.writeHead(answered.status, { "content-type": answered.headers.get("content-type") ?? "" });
        response.end(Buffer.from(await answered.arrayBuffer()));
      });
    });
    await new Promise<void>((resolve) => locked.listen(0, "127.0.0.1", resolve));
    const page = await browser.newPage();
    const at = `http://127.0.0.1:${(locked.address() as AddressInfo).port}`;
    await page.goto(`${at}/`);
    await page.getByLabel("This server needs its API key").fill("wrong");
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByText("The server does not accept this key.").waitFor();
    await page.getByLabel("This server needs its API key").fill("right");
    await page.getByRole("button", { name: "Use this key" }).click();
    await write(page);
    expect(page.url()).toBe(`${at}/`);
    expect(await page.evaluate(() => JSON.stringify(localStorage) + document.cookie)).toBe("{}");
    await page.close();
    locked.closeAllConnections();
    locked.close();
  });
});

/** Runs in the page: controls without a name, fields without a label, ids that are there twice. */
function namelessControls(): string[] {
  interface Element {
    readonly tagName: string;
    readonly id: string;
    readonly outerHTML: string;
    readonly textContent: string | null;
    readonly labels?: { readonly length: number };
    getAttribute(name: string): string | null;
  }
  const { document } = globalThis as unknown as {
    document: { querySelectorAll(selector: string): Iterable<Element>; getElementById(id: string): Element | null };
  };
  const problems: string[] = [];
  for (const one of document.querySelectorAll(
    "button, input, select, textarea, progress, [role=listbox], [role=option]",
  )) {
    const named =
      one.getAttribute("aria-label") !== null ||
      (one.labels?.length ?? 0) > 0 ||
      (one.tagName === "BUTTON" && one.textContent?.trim() !== "");
    if (!named) problems.push(one.outerHTML.slice(0, 120));
  }
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  problems.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `twice: ${id}`));
  for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "aria-activedescendant", "for"])
    for (const one of document.querySelectorAll(`[${name}]`))
      if (document.getElementById(one.getAttribute(name) ?? "") === null)
        problems.push(`${name}: ${one.getAttribute(name)}`);
  return problems;
}
