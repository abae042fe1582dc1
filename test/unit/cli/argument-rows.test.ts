import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { argumentRows, rankingRow, type TextArguments } from "../../../cli/argument-rows.ts";
import { UsageError } from "../../../cli/errors.ts";

const said: string[] = [];
const say = (message: string) => void said.push(message);
const items = async (args: TextArguments) => (await argumentRows(args, say)).map((row) => row.items[0]);

const folder = mkdtempSync(join(tmpdir(), "starling-arguments-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

it("gives one row for each text", async () => {
  expect(await items({ text: ["a", ""] })).toEqual([{ text: "a" }, { text: "" }]);
});

it("puts all responses to the one prompt", async () => {
  expect(await items({ prompt: ["p"], response: ["a", "b"] })).toEqual([
    { prompt: "p", response: "a" },
    { prompt: "p", response: "b" },
  ]);
});

it("pairs as many prompts as responses", async () => {
  expect(await items({ prompt: ["p", "q"], response: ["a", "b"] })).toEqual([
    { prompt: "p", response: "a" },
    { prompt: "q", response: "b" },
  ]);
});

it.each([
  [
    { prompt: ["p", "q"], response: ["a"] },
    "one --prompt for all responses, or one for each, but received 2 for 1 response",
  ],
  [{ prompt: ["p", "q"], response: ["a", "b", "c"] }, "but received 2 for 3 responses"],
  [{ prompt: ["p"] }, "--prompt needs at least one --response"],
  [{ response: ["a"] }, "--response needs --prompt or --messages"],
  [{ text: ["t"], prompt: ["p"] }, "cannot be combined"],
  [{ system: "s", response: ["a"] }, "--system needs --prompt or --messages"],
  [{ prompt: ["p"], messages: ["[]"], response: ["a"] }, "cannot be combined with --messages"],
  [{ messages: ["{"] }, "--messages is not JSON"],
  [{ messages: ['{"a":1}'] }, "--messages is not a conversation"],
  [{ prompt: ["@"], response: ["a"] }, "--prompt @ names no file"],
  [{ prompt: ["@/nowhere/p.txt"], response: ["a"] }, "/nowhere/p.txt cannot be read: it does not exist"],
])("refuses %j", async (args: TextArguments, message) => {
  const failure: unknown = await items(args).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect((failure as Error).message).toContain(message);
  if (!message.includes("cannot be read")) expect(failure).toBeInstanceOf(UsageError);
});

it("ranks the responses to one prompt as one row", async () => {
  expect(await rankingRow({ prompt: ["p"], response: ["a", "b"] }, say)).toMatchObject([
    { many: true, items: [{}, {}] },
  ]);
  await expect(rankingRow({ prompt: ["p", "q"], response: ["a", "b"] }, say)).rejects.toThrow("one --prompt");
});

describe("a value", () => {
  it("is a file's text after @, without the line end at its end", async () => {
    const path = file("prompt.txt", "\ufeffTwo lines,\r\nand an end\n");
    expect(await items({ prompt: [`@${path}`], response: ["@@home", "a@b"] })).toEqual([
      { prompt: "Two lines,\r\nand an end", response: "@home" },
      { prompt: "Two lines,\r\nand an end", response: "a@b" },
    ]);
  });

  it("is the text of a file in UTF-16, as Windows writes it", async () => {
    const little = file("little.txt", Buffer.from("\ufeffGrüße\r\n", "utf16le"));
    const big = file("big.txt", Buffer.from("\ufeffja\nnein\n", "utf16le").swap16());
    expect(await items({ prompt: [`@${little}`], responsesFile: [big] })).toEqual([
      { prompt: "Grüße", response: "ja" },
      { prompt: "Grüße", response: "nein" },
    ]);
  });

  it("is refused where its file is not text", async () => {
    const lone = file("lone.txt", Buffer.from("\ufeffHello\ud800", "utf16le"));
    await expect(items({ prompt: [`@${lone}`], response: ["a"] })).rejects.toThrow(
      /--prompt: .* is not valid UTF-16LE/,
    );
    const latin = file("latin.txt", Buffer.from([0x63, 0xe9]));
    await expect(items({ prompt: ["p"], response: [`@${latin}`] })).rejects.toThrow(
      /--response: .* is not valid UTF-8/,
    );
  });

  it("is a conversation in JSON, with the responses to it or whole", async () => {
    const turns = [{ role: "user", content: "Hi" }];
    const whole = [...turns, { role: "assistant", content: "Hello" }];
    const path = file("conversation.json", JSON.stringify({ messages: turns, system: "Be brief." }));
    expect(await items({ messages: [`@${path}`], response: ["a", "b"] })).toEqual([
      { prompt: turns, system: "Be brief.", response: "a" },
      { prompt: turns, system: "Be brief.", response: "b" },
    ]);
    expect(await items({ messages: [JSON.stringify(whole)], system: "No." })).toEqual([
      { messages: whole, system: "No." },
    ]);
    expect(await rankingRow({ messages: [JSON.stringify(turns)], response: ["a"] }, say)).toMatchObject([
      { many: true, items: [{ prompt: turns, response: "a" }] },
    ]);
  });
});

it("takes the lines of a file as responses", async () => {
  const path = file("answers.txt.gz", gzipSync("one\r\n\n  two\n"));
  expect(await items({ prompt: ["p"], responsesFile: [path] })).toEqual([
    { prompt: "p", response: "one" },
    { prompt: "p", response: "  two" },
  ]);
  expect(said).toContain(`note: ${path}: 1 blank line skipped`);
  const rows = file("answers.jsonl", '{"response":"a"}\n');
  await expect(items({ prompt: ["p"], responsesFile: [rows] })).rejects.toThrow("is JSON, not plain lines");
});
