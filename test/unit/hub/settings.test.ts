import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseGgufSpec, parseRepository } from "../../../src/hub/address.ts";
import { retryAfterMs } from "../../../src/hub/retry.ts";
import { hubSettings } from "../../../src/hub/settings.ts";
import { emptyFolder, failureOf } from "./support.ts";

describe("hubSettings", () => {
  const home = join(homedir(), ".cache", "huggingface");
  const folderOf = async (environment: Record<string, string>) => (await hubSettings({}, environment)).cacheFolder;

  it.each([
    [{}, join(home, "hub")],
    [{ XDG_CACHE_HOME: "/x" }, join("/x", "huggingface", "hub")],
    [{ XDG_CACHE_HOME: "/x", HF_HOME: "/h" }, join("/h", "hub")],
    [{ HF_HOME: "/h", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" }, "/new"],
    [{ HF_HUB_CACHE: "~/cache" }, `${homedir()}/cache`],
    [{ HF_HOME: "$BASE/$" + "{DEEP}", BASE: "/b", DEEP: "d" }, join("/b/d", "hub")],
    [{ HF_HUB_CACHE: "", HF_HOME: "" }, join(home, "hub")],
  ] as const)("finds the cache of %j", async (environment, folder) => {
    expect(await folderOf(environment)).toBe(folder);
  });

  it("finds the token in the order of huggingface_hub", async () => {
    const folder = emptyFolder();
    const tokenOf = async (environment: Record<string, string>, token?: string) =>
      (await hubSettings(token === undefined ? {} : { token }, { HF_HOME: folder, ...environment })).token;
    expect(await tokenOf({})).toBeUndefined();
    writeFileSync(join(folder, "token"), " hf_file\r\n");
    writeFileSync(join(folder, "other"), "hf_other");
    expect(await tokenOf({})).toBe("hf_file");
    expect(await tokenOf({ HF_TOKEN_PATH: join(folder, "other") })).toBe("hf_other");
    expect(await tokenOf({ HUGGING_FACE_HUB_TOKEN: "hf_old" })).toBe("hf_old");
    expect(await tokenOf({ HUGGING_FACE_HUB_TOKEN: "hf_old", HF_TOKEN: "hf_new" })).toBe("hf_new");
    expect(await tokenOf({ HF_TOKEN: "hf_new" }, "hf_given")).toBe("hf_given");
    expect(await tokenOf({ HF_TOKEN: "" })).toBe("hf_file");
    const error = await failureOf(tokenOf({ HF_TOKEN: "hf_se\ncret" }));
    expect(error.message).not.toContain("hf_se");
    mkdirSync(join(folder, "folder"));
    await expect(tokenOf({ HF_TOKEN_PATH: join(folder, "folder") })).rejects.toMatchObject({
      code: "ERR_FILE_NOT_READABLE",
    });
  });

  it("knows the hub's address and when to be offline", async () => {
    expect(await hubSettings({}, {})).toMatchObject({ endpoint: "https://huggingface.co", offline: false });
    expect(await hubSettings({}, { HF_ENDPOINT: "https://mirror.example/hf/", HF_HUB_OFFLINE: "yes" })).toMatchObject({
      endpoint: "https://mirror.example/hf",
      offline: true,
    });
    expect((await hubSettings({}, { HF_HUB_OFFLINE: "0" })).offline).toBe(false);
    for (const HF_ENDPOINT of ["huggingface.co", "file:///x", "https://a/?b", "https://me:pw@host"])
      await expect(hubSettings({}, { HF_ENDPOINT })).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  });
});

describe("names of repositories", () => {
  it.each([
    ["Nexusflow/Starling-RM-34B", undefined, { id: "Nexusflow/Starling-RM-34B", revision: "main" }],
    ["hf:a/b@v1.0", undefined, { id: "a/b", revision: "v1.0" }],
    ["a/b", "refs/pr/3", { id: "a/b", revision: "refs/pr/3" }],
    ["a_1/b.c-d", "main", { id: "a_1/b.c-d", revision: "main" }],
  ])("reads %j with %j", (spec, revision, repository) => {
    expect(parseRepository(spec, revision)).toEqual(repository);
  });

  it.each([
    "",
    "a",
    "a/b/c",
    "/a",
    "a/",
    "../b",
    "a/..",
    "a--b/c",
    "a/b@",
    "a/b@/c",
    "a/b@c/../d",
    "a/b@c//d",
    "a b/c",
    "a/b?c",
    "a/b@x.lock",
    "https://huggingface.co/a/b",
    "a/b@.git",
  ])("refuses %j", (spec) => {
    expect(() => parseRepository(spec)).toThrow(/Expected/);
  });

  it("reads names of GGUF files", () => {
    expect(parseGgufSpec("hf:a/b/c/d.gguf")).toEqual({ repository: { id: "a/b", revision: "main" }, file: "c/d.gguf" });
    expect(parseGgufSpec("hf:a/b@refs%2Fpr%2F1/d.GGUF")).toEqual({
      repository: { id: "a/b", revision: "refs/pr/1" },
      file: "d.GGUF",
    });
    expect(parseGgufSpec("hf:a/b")).toBeUndefined();
    expect(parseGgufSpec("hf:a/b@c")).toBeUndefined();
    expect(() => parseGgufSpec("hf:a/b/../../d.gguf")).toThrow(/name of a file/);
  });
});

describe("Retry-After", () => {
  it.each([
    ["7", 7000],
    [" 0 ", 0],
    [null, undefined],
    ["soon", undefined],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ])("%j is %j ms", (header, ms) => {
    expect(retryAfterMs(header)).toBe(ms);
  });
});
