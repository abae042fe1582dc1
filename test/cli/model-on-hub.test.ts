/** `hf:OWNER/NAME/FILE.gguf` as a model, in the library and on the command line; and names that are almost one. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  diagnose,
  embeddedModelPath,
  loadRewardModel,
  loadTokenizer,
  type Progress,
  predictMemory,
} from "../../src/index.ts";
import { COMMIT, FakeHub } from "../unit/hub/fake-hub.ts";
import { checkWholeFiles } from "../unit/hub/support.ts";
import { folder, repository, run, tiny } from "./run-cli.ts";

const NAME = "rm.f16.gguf";
const item = { prompt: "Name a fruit.", response: "An apple." };
let hub: FakeHub;
let bytes: Buffer;
let spec: string;
let expected: number;
let home: string;

beforeAll(async () => {
  for (const name of Object.keys(process.env))
    if (/^(?:HF_|HUGGING|TRANSFORMERS_)/.test(name)) delete process.env[name];
  process.env["STARLING_RM_CACHE"] = join(folder, "cache");
  bytes = readFileSync(await embeddedModelPath());
  hub = await FakeHub.start({ [NAME]: bytes, "README.md": "a model" });
  process.env["HF_ENDPOINT"] = hub.endpoint;
  spec = `hf:${hub.repository}`;
  const { stdout } = await run(["score", ...tiny, "-p", item.prompt, "-r", item.response]);
  expected = JSON.parse(stdout).score;
});

afterAll(() => hub.stop());

beforeEach(() => {
  home = mkdtempSync(join(folder, "home-"));
  process.env["HF_HOME"] = home;
  hub.seen.length = 0;
  for (const name of [...hub.files.keys()]) if (name !== NAME && name !== "README.md") hub.files.delete(name);
});

const snapshot = () => join(home, "hub", "models--someone--tiny-reward", "snapshots", COMMIT, NAME);
const load = { gpu: "off", threads: 1 } as const;

describe("a model on the hub", () => {
  it("is downloaded with progress, then scores as the same file does; the next time it is in the cache", async () => {
    const seen: Progress[] = [];
    for (const modelPath of [`${spec}/${NAME}`, spec, `${spec}@${COMMIT}/${NAME}`]) {
      await using model = await loadRewardModel({ ...load, modelPath, onProgress: (progress) => seen.push(progress) });
      expect((await model.score([item]))[0]?.score).toBe(expected);
      expect(model.info.path).toBe(snapshot());
    }
    const downloads = seen.filter((progress) => progress.phase === "downloading");
    expect(downloads.at(-1)).toMatchObject({ bytesDone: bytes.length, bytesTotal: bytes.length, file: NAME });
    expect(seen.at(-1)).toMatchObject({ phase: "loading", fraction: 1 });
    expect(checkWholeFiles(hub, join(home, "hub"))).toBeGreaterThan(0);
    // The header, and the file; a commit's file is found without asking.
    const asked = hub.seen.length;
    await using again = await loadRewardModel({ ...load, modelPath: `${spec}@${COMMIT}/${NAME}` });
    expect(again.closed).toBe(false);
    expect(hub.seen.length).toBe(asked);
    process.env["HF_HUB_OFFLINE"] = "1";
    try {
      await using offline = await loadRewardModel({ ...load, modelPath: spec });
      expect(offline.info.path).toBe(snapshot());
      expect(hub.seen.length).toBe(asked);
      await expect(loadRewardModel({ modelPath: `${spec}/other.gguf` })).rejects.toThrow(/HF_HUB_OFFLINE is set/);
    } finally {
      delete process.env["HF_HUB_OFFLINE"];
    }
  });

  it("is resumed after a connection that broke, and after an abort", async () => {
    const half = bytes.length >> 1;
    hub.bytesPerSecond = 2 * bytes.length;
    const controller = new AbortController();
    const stopped = loadRewardModel({
      ...load,
      modelPath: spec,
      signal: controller.signal,
      onProgress: (progress) => progress.fraction > 0.4 && controller.abort(new Error("enough")),
    });
    await expect(stopped).rejects.toThrow("enough");
    hub.bytesPerSecond = undefined;
    hub.seen.length = 0;
    hub.faults.set(NAME, [{ cutAfter: half >> 2 }]);
    await using model = await loadRewardModel({ ...load, modelPath: spec });
    expect((await model.score([item]))[0]?.score).toBe(expected);
    const from = hub.requestsFor(NAME).map(({ range }) => Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0));
    expect(from.some((start) => start > half / 4)).toBe(true);
  });

  it("is looked at before it is downloaded", async () => {
    const predicted = await predictMemory({ modelPath: spec, gpu: "off" });
    expect(predicted.total).toBe((await predictMemory({ modelPath: "tiny", gpu: "off" })).total);
    expect(await (await loadTokenizer({ modelPath: spec })).tokenize([item])).toHaveLength(1);
    const { model } = await diagnose({ modelPath: spec, load });
    expect(model).toMatchObject({ path: spec, fileType: "f16" });
    expect(model?.problem).toBeUndefined();
    expect(existsSync(snapshot())).toBe(false);
    hub.put("other.gguf", Buffer.concat([Buffer.from("GGUF"), Buffer.alloc(20 * 1024 * 1024, 3)]));
    await expect(loadRewardModel({ modelPath: `${spec}/other.gguf` })).rejects.toMatchObject({
      code: "ERR_INVALID_GGUF",
    });
    expect(existsSync(join(snapshot(), "..", "other.gguf"))).toBe(false);
  });

  it("has to be named where there are several, or none", async () => {
    hub.put("b.gguf", bytes);
    await expect(loadRewardModel({ modelPath: spec })).rejects.toThrow(
      /has several GGUF files \(b\.gguf, rm\.f16\.gguf\)\. Name one of them: hf:someone\/tiny-reward@main\/b\.gguf\./,
    );
    await expect(loadRewardModel({ modelPath: `${spec}/c.gguf` })).rejects.toThrow(/no file c\.gguf\. It has b\.gguf/);
    await expect(loadRewardModel({ modelPath: "hf:nobody/nothing" })).rejects.toThrow(/no nobody\/nothing at main/);
    await expect(loadRewardModel({ modelPath: "hf:nonsense" })).rejects.toThrow(/Expected OWNER\/NAME/);
  });

  it("that is a checkpoint says which command converts it, and the command does", async () => {
    const files = hub.files.get(NAME);
    hub.files.delete(NAME);
    const embedded = join(repository, "models", "starling-rm-tiny");
    for (const name of ["config.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json"])
      hub.put(name, readFileSync(join(embedded, name)));
    const index = JSON.parse(readFileSync(join(embedded, "model.safetensors.index.json"), "utf8"));
    hub.put("model.safetensors.index.json", JSON.stringify(index));
    for (const name of new Set<string>(Object.values(index.weight_map)))
      hub.put(name, readFileSync(join(embedded, name)));
    try {
      const { code, stderr } = await run(["score", "--model", spec, "--text", "a"]);
      const [, command = ""] = /`starling-rm ([^`]+)`/.exec(stderr) ?? [];
      expect([code, command]).toEqual([
        2,
        "convert hf:someone/tiny-reward -o tiny-reward.q4_k_m.gguf --stream --resume",
      ]);
      const args = command.replace("tiny-reward.q4_k_m", join(home, "made.q4_k_m")).split(" ");
      expect(await run(args)).toMatchObject({ code: 0 });
    } finally {
      if (files !== undefined) hub.files.set(NAME, files);
    }
  });
});

describe("--model", () => {
  it("takes a model on the hub, in each command that scores", async () => {
    for (const model of [spec, `${spec}/${NAME}`]) {
      const args = ["score", "--model", model, "--threads", "1", "-p", item.prompt, "-r", item.response];
      const { code, stdout } = await run(args);
      expect({ code, score: JSON.parse(stdout).score }).toEqual({ code: 0, score: expected });
    }
    const tokens = await run(["tokenize", "--model", spec, "-p", item.prompt, "-r", item.response]);
    expect(tokens.code).toBe(0);
    expect(await run(["doctor", "--model", spec, "--gpu", "off"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("fits"),
    });
  });

  it.each([
    ["score", ["--text", "a"]],
    ["rank", ["-p", "a", "-r", "b", "-r", "c"]],
    ["tokenize", ["--text", "a"]],
    ["eval", ["pairs", "--input", "preferences.jsonl"]],
    ["doctor", []],
  ])("of %s names hf: where the prefix is missing, and the command for a checkpoint folder", async (name, rest) => {
    const missing = await run([name, "--model", "someone/tiny-reward", ...rest]);
    expect(missing.code).toBe(name === "doctor" ? 1 : 2);
    expect(missing.stdout + missing.stderr).toContain(
      "The file someone/tiny-reward does not exist. A repository on the Hugging Face hub is written hf:someone/tiny-reward.",
    );
    const checkpoint = join(home, "My Model");
    cpSync(join(repository, "models", "starling-rm-tiny"), checkpoint, { recursive: true });
    const found = await run([name, "--model", checkpoint, ...rest]);
    const command = `starling-rm convert "${checkpoint}" -o "my model.q4_k_m.gguf"`;
    expect(found.stdout + found.stderr).toContain(`is a checkpoint folder: convert it once with \`${command}\``);
  });

  it("with another folder says what it holds; with a path says only that it is missing", async () => {
    mkdirSync(join(home, "models"));
    writeFileSync(join(home, "models", "rm.gguf"), bytes);
    const { stderr } = await run(["score", "--model", join(home, "models"), "--text", "a"]);
    expect(stderr).toMatch(/models is a folder; expected a GGUF file, such as rm\.gguf in it\.\n$/);
    for (const path of ["models/rm.gguf", "./someone/name", "a/b/c/d", "rm"]) {
      const missing = await run(["score", "--model", path, "--text", "a"]);
      expect(missing.stderr).toMatch(/cannot be read: it does not exist|does not exist/);
      expect(missing.stderr).not.toContain("hf:");
    }
  });

  it("of convert and inspect, too", async () => {
    const converted = await run(["convert", "someone/tiny-reward", "-o", join(home, "x.gguf")]);
    expect(converted.stderr).toContain("is written hf:someone/tiny-reward.");
    expect((await run(["inspect", "someone/tiny-reward"])).stderr).toContain("is written hf:someone/tiny-reward.");
  });
});
