import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { openLocalFolder } from "../../../src/checkpoint/folder.ts";
import { OverlayFolder } from "../../../src/checkpoint/overlay-folder.ts";
import { type Files, tinyFiles, withJson, writeCheckpoint } from "../convert/make-checkpoint.ts";

const SINGLE = "chat_template.jinja";
const named = (name: string) => `additional_chat_templates/${name}.jinja`;
const CONFIG = "tokenizer_config.json";
const MAX_BYTES = 65_536;

async function templateOf(chatTemplate: unknown, files: Files = {}) {
  const folder = await writeCheckpoint({ ...withJson(CONFIG, { chat_template: chatTemplate }), ...files });
  const checkpoint = await openCheckpoint(folder);
  await checkpoint.close();
  return checkpoint;
}

/** What transformers 5.24 takes in each of these cases. */
describe("which chat template a checkpoint has", () => {
  it.each<[string, unknown, Files, string, string]>([
    ["the string", "S", {}, "S", CONFIG],
    ["a file before the string", "S", { [SINGLE]: "F" }, "F", SINGLE],
    ["a file before a list", [{ name: "default", template: "L" }], { [SINGLE]: "F" }, "F", SINGLE],
    ["a file alone", undefined, { [SINGLE]: "F" }, "F", SINGLE],
    ["an empty file before the string", "S", { [SINGLE]: "" }, "", SINGLE],
    [
      "the default of a list",
      [
        { name: "rag", template: "R" },
        { name: "default", template: "L" },
      ],
      {},
      "L",
      `${CONFIG} (default)`,
    ],
    [
      "the last of two in a list",
      [
        { name: "default", template: "1" },
        { name: "default", template: "2" },
      ],
      {},
      "2",
      `${CONFIG} (default)`,
    ],
    ["the default of an object", { default: "O", rag: "R" }, {}, "O", `${CONFIG} (default)`],
    ["the single file beside named ones", "S", { [SINGLE]: "F", [named("tool_use")]: "T" }, "F", SINGLE],
    ["a named file before the single one", "S", { [SINGLE]: "F", [named("default")]: "N" }, "N", named("default")],
    ["a named default alone", "S", { [named("default")]: "N" }, "N", named("default")],
    ["files with the ends of lines of Windows", "S", { [SINGLE]: "a\r\nb\rc" }, "a\nb\nc", SINGLE],
    ["no file below a folder of named ones", "S", { "additional_chat_templates/more/default.jinja": "N" }, "S", CONFIG],
    ["no file with another ending", "S", { "additional_chat_templates/default.txt": "N" }, "S", CONFIG],
  ])("takes %s", async (_, chatTemplate, files, text, from) => {
    expect((await templateOf(chatTemplate, files)).chatTemplate).toEqual({ kind: "template", text, from });
  });

  it.each<[string, unknown, Files, readonly string[]]>([
    ["a list", [{ name: "rag", template: "R" }], {}, ["rag"]],
    ["named files, whatever tokenizer_config.json has", "S", { [named("rag")]: "R", [named("b")]: "B" }, ["b", "rag"]],
  ])("takes none of %s without a default", async (_, chatTemplate, files, names) => {
    expect((await templateOf(chatTemplate, files)).chatTemplate).toEqual({ kind: "named", names });
  });

  it.each([null, undefined, []])("has none with %j", async (chatTemplate) => {
    expect((await templateOf(chatTemplate)).chatTemplate).toBeUndefined();
  });

  it("counts the file among the sources, and only the one that is taken", async () => {
    const { sources } = await templateOf("S", { [SINGLE]: "F", [named("rag")]: "R" });
    expect(sources.map(({ name }) => name).filter((name) => name.endsWith(".jinja"))).toEqual([SINGLE]);
  });
});

describe("a chat template that cannot be read", () => {
  const long = "a".repeat(MAX_BYTES + 1);

  it("may have 64 KiB", async () => {
    const text = "a".repeat(MAX_BYTES);
    expect((await templateOf(text)).chatTemplate).toMatchObject({ text });
    expect((await templateOf("S", { [SINGLE]: text })).chatTemplate).toMatchObject({ text });
  });

  it.each<[string, unknown, Files, RegExp]>([
    ["a file that is too long", "S", { [SINGLE]: long }, /chat_template\.jinja has 65537 bytes; the limit .* 65536/],
    ["a file that is no UTF-8", "S", { [SINGLE]: Buffer.from([0xff]) }, /chat_template\.jinja is not UTF-8 text/],
    ["a file with NUL characters", "S", { [SINGLE]: "a\0" }, /chat_template\.jinja is not UTF-8 text/],
    [
      "a named file that is no UTF-8, although another is taken",
      "S",
      { [SINGLE]: "F", [named("rag")]: Buffer.from([0xff]) },
      /additional_chat_templates.rag\.jinja is not UTF-8/,
    ],
    ["a name that transformers confuses", "S", { [SINGLE]: "F", [named("file")]: "X" }, /file\.jinja has a name/],
    ["a string that is too long", long, {}, /tokenizer_config\.json has a chat_template of 65537 bytes/],
    ["a string of more bytes than characters", "é".repeat(40_000), {}, /chat_template of 80000 bytes/],
    ["a string with NUL characters", "a\0", {}, /chat_template that is not text/],
    ["a number", 5, {}, /has 5 as chat_template; expected a template or a list/],
    ["a list of strings", ["a"], {}, /as chat_template\[0\]; expected an object with name and template/],
    ["a default that is not a string", [{ name: "default", template: 1 }], {}, /chat_template that is 1/],
  ])("is refused by name: %s", async (_, chatTemplate, files, message) => {
    await expect(templateOf(chatTemplate, files)).rejects.toMatchObject({
      code: "ERR_INVALID_CHECKPOINT",
      message: expect.stringMatching(message),
    });
  });

  it("is refused where it is a link to nothing or a folder", async () => {
    const folder = await writeCheckpoint(tinyFiles());
    await mkdir(join(folder, SINGLE));
    await expect(openCheckpoint(folder)).rejects.toThrow(/chat_template\.jinja/);
    const other = await writeCheckpoint(tinyFiles());
    await symlink(join(other, "nothing"), join(other, SINGLE));
    await expect(openCheckpoint(other)).rejects.toThrow(/chat_template\.jinja/);
  });
});

describe("a tokenizer from elsewhere", () => {
  const overlaid = async (own: Files, tokenizer: Files) => {
    const [folder, overlay] = await Promise.all([writeCheckpoint(own), writeCheckpoint(tokenizer)]);
    const checkpoint = await openCheckpoint(
      new OverlayFolder(await openLocalFolder(folder), await openLocalFolder(overlay)),
    );
    await checkpoint.close();
    return checkpoint.chatTemplate;
  };

  it("brings its own template, and none of the checkpoint's is left", async () => {
    const own = { ...tinyFiles(), [SINGLE]: "stale", [named("default")]: "stale" };
    const string = withJson(CONFIG, { chat_template: "S" });
    expect(await overlaid(own, string)).toMatchObject({ text: "S" });
    expect(await overlaid(own, { ...string, [SINGLE]: "F" })).toMatchObject({ text: "F" });
    expect(await overlaid(own, { ...string, [named("default")]: "N" })).toMatchObject({ text: "N" });
    expect(await overlaid(own, withJson(CONFIG, { chat_template: undefined }))).toBeUndefined();
  });
});
