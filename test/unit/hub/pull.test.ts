import { mkdirSync, readFileSync, readlinkSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { FileError, HubError, InvalidInputError } from "../../../src/errors.ts";
import { listRepository } from "../../../src/hub/listing.ts";
import { type PullOptions, pullWith } from "../../../src/hub/pull.ts";
import type { DownloadProgress } from "../../../src/progress.ts";
import { tinyFiles } from "../convert/make-checkpoint.ts";
import { COMMIT, type FakeHub, gitHash, sha256 } from "./fake-hub.ts";
import {
  checkWholeFiles,
  clientOf,
  emptyFolder,
  failureOf,
  filesBelow,
  incompleteFiles,
  KILOBYTE,
  pullFrom,
  QUICK,
  shardedFiles,
  someBytes,
  startHub,
} from "./support.ts";

const SHARD = "model-00001-of-00002.safetensors";
const REPOSITORY_FOLDER = "models--someone--tiny-reward";

describe("pull", () => {
  it("brings what a checkpoint needs, in the layout of huggingface_hub", async () => {
    const hub = await startHub();
    const cache = emptyFolder();
    const result = await pullFrom(hub, cache);
    const snapshot = join(cache, REPOSITORY_FOLDER, "snapshots", COMMIT);
    const names = Object.keys(shardedFiles()).filter((name) => !/README|pytorch|original/.test(name));
    expect(result).toMatchObject({ folder: snapshot, commit: COMMIT, repository: hub.repository });
    expect([...result.files].sort()).toEqual(names.sort());
    expect(filesBelow(snapshot)).toEqual(names);
    expect(result.bytes).toBe(names.reduce((sum, name) => sum + (hub.files.get(name)?.bytes.length ?? 0), 0));
    const hash = (name: string) => {
      const { bytes, lfs } = hub.files.get(name) as { bytes: Buffer; lfs: boolean };
      return lfs ? sha256(bytes) : gitHash(bytes);
    };
    for (const name of names) {
      expect(readlinkSync(join(snapshot, name))).toBe(join("..", "..", "blobs", hash(name)));
      expect(readFileSync(join(snapshot, name)).equals(hub.bytesOf(name))).toBe(true);
    }
    expect(readFileSync(join(cache, REPOSITORY_FOLDER, "refs", "main"), "utf8")).toBe(COMMIT);
    expect(filesBelow(cache).filter((path) => /incomplete|lock$/.test(path))).toEqual([]);
  });

  it("brings the files of chat templates, also where all else is there already", async () => {
    const templates = { "chat_template.jinja": "{{ 1 }}", "additional_chat_templates/rag.jinja": "{{ 2 }}" };
    const other = {
      "additional_chat_templates/notes.md": "no template",
      "templates/default.jinja": "not in its place",
    };
    const cache = emptyFolder();
    await pullFrom(await startHub(), cache);
    const hub = await startHub({ ...shardedFiles(), ...templates, ...other });
    const { folder, files } = await pullFrom(hub, cache);
    expect(files).toEqual(expect.arrayContaining(Object.keys(templates)));
    for (const [name, text] of Object.entries(templates)) expect(readFileSync(join(folder, name), "utf8")).toBe(text);
    expect(filesBelow(folder).filter((name) => Object.hasOwn(other, name))).toEqual([]);
  });

  it("gives a folder that opens as a checkpoint", async () => {
    const hub = await startHub(tinyFiles());
    const { folder } = await pullFrom(hub, emptyFolder());
    await (await openCheckpoint(folder)).close();
  });

  it("asks for nothing that is there already, whoever put it there", async () => {
    const hub = await startHub();
    const cache = emptyFolder();
    const shard = hub.bytesOf(SHARD);
    const blobs = join(cache, REPOSITORY_FOLDER, "blobs");
    mkdirSync(blobs, { recursive: true });
    writeFileSync(join(blobs, sha256(shard)), shard);
    await pullFrom(hub, cache);
    expect(hub.requestsFor(SHARD)).toEqual([]);
    hub.seen.length = 0;
    const again = await pullFrom(hub, cache);
    expect(hub.seen.filter(({ path }) => !path.startsWith("/api/"))).toEqual([]);
    expect(again.files).toContain(SHARD);
    checkWholeFiles(hub, cache);
  });

  it("brings the torch files of a repository that has no safetensors", async () => {
    const torch = { "config.json": "{}", "pytorch_model.pt": someBytes(100, 1), "training_args.bin": someBytes(9, 2) };
    const { files } = await pullFrom(await startHub(torch), emptyFolder());
    expect([...files].sort()).toEqual(["config.json", "pytorch_model.pt"]);
  });

  it("refuses a repository that is no checkpoint before anything comes", async () => {
    const hub = await startHub({ "model.gguf": someBytes(100, 1), "config.json": "{}" });
    const cache = emptyFolder();
    expect(await failureOf(pullFrom(hub, cache))).toMatchObject({ code: "ERR_INVALID_CHECKPOINT" });
    const adapter = await startHub({ "adapter_model.safetensors": someBytes(100, 1) });
    const lone = await failureOf(pullFrom(adapter, cache));
    expect(lone.message).toMatch(/has the weights of an adapter .* but no adapter_config\.json/);
    const { [SHARD]: _, ...rest } = shardedFiles();
    const incomplete = await startHub(rest);
    const error = await failureOf(pullFrom(incomplete, cache));
    expect(error).toMatchObject({ code: "ERR_NOT_ON_HUB", message: expect.stringContaining(SHARD) });
    expect(filesBelow(cache)).toEqual([]);
  });

  it("downloads several files at once, as many as it is told to", async () => {
    for (const concurrency of [1, 2]) {
      const hub = await startHub(shardedFiles(100 * KILOBYTE));
      hub.together = concurrency;
      await pullFrom(hub, emptyFolder(), { concurrency });
      expect(hub.bodies.most).toBe(concurrency);
    }
  });

  it("reports bytes that only grow, up to the total, and what came of them now", async () => {
    const hub = await startHub();
    const cache = emptyFolder();
    const seen: DownloadProgress[] = [];
    const { bytes } = await pullFrom(hub, cache, { onProgress: (progress) => seen.push(progress) });
    const done = seen.map(({ bytesDone }) => bytesDone);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({ bytesDone: bytes, bytesTotal: bytes, bytesReceived: bytes, waiting: false });
    seen.length = 0;
    await pullFrom(hub, cache, { onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toMatchObject({ bytesDone: bytes, bytesReceived: 0 });
  });

  it("brings every file that a tokenizer is read from", async () => {
    const names = ["added_tokens.json", "special_tokens_map.json", "tokenizer.json"];
    const hub = await startHub({ ...shardedFiles(), ...Object.fromEntries(names.map((name) => [name, "{}"])) });
    expect((await pullFrom(hub, emptyFolder())).files).toEqual(expect.arrayContaining(names));
  });

  it("brings one copy of files of the same content", async () => {
    const same = someBytes(50 * KILOBYTE, 7);
    const files = shardedFiles();
    for (const name of Object.keys(files)) if (/^model-/.test(name)) files[name] = same;
    const hub = await startHub(files);
    const cache = emptyFolder();
    await pullFrom(hub, cache);
    expect(hub.requestsFor(SHARD).length + hub.requestsFor(SHARD.replace("00001", "00002")).length).toBe(1);
    checkWholeFiles(hub, cache);
  });

  it("reads a list of many pages", async () => {
    const hub = await startHub();
    hub.pageSize = 2;
    await pullFrom(hub, emptyFolder());
    expect(hub.seen.filter(({ path }) => path.includes("/tree/"))).toHaveLength(5);
  });

  it("does not write where it is not allowed to, and says so", async () => {
    const hub = await startHub();
    const folder = emptyFolder();
    writeFileSync(join(folder, "file"), "");
    const error = await failureOf(pullFrom(hub, join(folder, "file", "cache")));
    expect(error).toBeInstanceOf(FileError);
    expect(error).toMatchObject({ code: "ERR_FILE_NOT_WRITABLE" });
  });

  it("refuses a disk that is too small before the first byte, with both numbers", async () => {
    const hub = await startHub();
    hub.editList = (entries) =>
      entries.map((entry) =>
        entry["path"] === SHARD ? { ...entry, size: 9e15, lfs: { oid: "0".repeat(64), size: 9e15 } } : entry,
      );
    const cache = emptyFolder();
    const error = await failureOf(pullFrom(hub, cache));
    expect(error).toMatchObject({ code: "ERR_DISK_FULL" });
    expect(error.message).toMatch(/needs 8185 TiB in .*; \d[\d.]* (?:[KMGT]iB|bytes) free on this disk/);
    expect(filesBelow(cache)).toEqual([]);
    expect(hub.seen.filter(({ server }) => server === "cdn")).toEqual([]);
  });

  it("stops promptly, keeps what has come, and goes on with it", async () => {
    const hub = await startHub();
    const cache = emptyFolder();
    hub.bytesPerSecond = 300 * KILOBYTE;
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ bytesDone }: DownloadProgress) => {
      if (bytesDone > 200 * KILOBYTE) controller.abort(reason);
    };
    expect(await failureOf(pullFrom(hub, cache, { signal: controller.signal, onProgress }))).toBe(reason);
    expect(incompleteFiles(cache).some(({ size }) => size > 0)).toBe(true);
    checkWholeFiles(hub, cache);
    hub.bytesPerSecond = undefined;
    hub.seen.length = 0;
    await pullFrom(hub, cache);
    expect(hub.requestsFor(SHARD)[0]?.range).toMatch(/^bytes=[1-9]\d*-$/);
    checkWholeFiles(hub, cache);
    expect(await failureOf(pullFrom(hub, emptyFolder(), { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it("makes copies where links are not allowed, which the next pull finds", async () => {
    const hub = await startHub();
    const cache = emptyFolder();
    const link = () => Promise.reject(Object.assign(new Error("links are not allowed"), { code: "EPERM" }));
    const options = { endpoint: hub.endpoint, repository: hub.repository, cacheFolder: cache };
    const { folder, files } = await pullWith(options, { retryPolicy: QUICK, link });
    for (const name of files) expect(statSync(join(folder, name)).isFile()).toBe(true);
    expect(filesBelow(join(cache, REPOSITORY_FOLDER, "blobs"))).toEqual([]);
    expect(checkWholeFiles(hub, cache)).toBe(files.length);
    hub.seen.length = 0;
    await pullWith(options, { retryPolicy: QUICK, link });
    expect(hub.seen.filter(({ path }) => !path.startsWith("/api/"))).toEqual([]);
    // A blob that another snapshot uses, too, is copied.
    const blob = join(cache, REPOSITORY_FOLDER, "blobs", sha256(readFileSync(join(folder, SHARD))));
    renameSync(join(folder, SHARD), blob);
    await pullWith(options, { retryPolicy: QUICK, link });
    expect(readFileSync(blob).equals(readFileSync(join(folder, SHARD)))).toBe(true);
  });

  it("lets two pulls of the same files share one download", async () => {
    const hub = await startHub();
    hub.bytesPerSecond = 3000 * KILOBYTE;
    const cache = emptyFolder();
    const waited: boolean[] = [];
    const pulls = [1, 2].map(() => pullFrom(hub, cache, { onProgress: ({ waiting }) => waited.push(waiting) }));
    const [one, two] = await Promise.all(pulls);
    expect(one).toEqual(two);
    expect(hub.requestsFor(SHARD)).toHaveLength(1);
    expect(waited).toContain(true);
    checkWholeFiles(hub, cache);
  });

  it("is content with the cache alone when it is told to be offline", async () => {
    const hub = await startHub();
    const cache = emptyFolder();
    process.env["HF_HUB_OFFLINE"] = "1";
    try {
      const error = await failureOf(pullFrom(hub, cache));
      expect(error).toMatchObject({ code: "ERR_HUB_UNREACHABLE", message: expect.stringContaining("HF_HUB_OFFLINE") });
      expect(hub.seen).toEqual([]);
      delete process.env["HF_HUB_OFFLINE"];
      const pulled = await pullFrom(hub, cache);
      process.env["HF_HUB_OFFLINE"] = "1";
      hub.seen.length = 0;
      const found = await pullFrom(hub, cache);
      expect({ ...found, files: found.files.toSorted() }).toEqual({ ...pulled, files: pulled.files.toSorted() });
      expect(hub.seen).toEqual([]);
    } finally {
      delete process.env["HF_HUB_OFFLINE"];
    }
  });

  it.each([
    [{ repository: "someone" }, /OWNER\/NAME/],
    [{ repository: "a/b", revision: "../../etc" }, /branch, tag or commit/],
    [{ repository: "a/b@c", revision: "d" }, /given twice/],
    [{ repository: "a/b", concurency: 3 }, /Did you mean "concurrency"/],
    [{ repository: "a/b", concurrency: 0 }, /1 to 16/],
    [{ repository: "a/b", endpoint: "ftp://host" }, /endpoint/],
    [{ repository: "a/b", token: "hf_a b" }, /token/],
  ])("refuses %j", async (options, message) => {
    const error = await failureOf(pullWith(options as PullOptions));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error.message).toMatch(message);
  });
});

describe("a list that cannot be trusted", () => {
  async function withList(edit: FakeHub["editList"]): Promise<Error & { code?: string }> {
    const hub = await startHub();
    hub.editList = edit;
    const cache = emptyFolder();
    const error = await failureOf(pullFrom(hub, cache));
    expect(filesBelow(cache)).toEqual([]);
    expect(error).toBeInstanceOf(HubError);
    return error;
  }

  it.each([
    "../../evil",
    "/etc/passwd",
    "a//b",
    "C:\\evil",
    "a\\..\\b",
    "c:evil",
    "a/../../b",
    ".",
    "a/",
    "\\\\host\\a",
  ])("is refused for the file name %j", async (path) => {
    const error = await withList((entries) => [...entries, { type: "file", path, size: 1, oid: "0".repeat(40) }]);
    expect(error).toMatchObject({ code: "ERR_HUB_RESPONSE", message: expect.stringContaining("lead out") });
  });

  it("is read without the names that not every system can have", async () => {
    const hub = await startHub();
    for (const name of ["nul.txt", "a/what?.png", "a\nb", "x".repeat(300), "end.", "bc:d"]) hub.put(name, "x");
    const client = clientOf(hub);
    const { files } = await listRepository(client, { id: hub.repository, revision: "main" });
    expect([...files.keys()].sort()).toEqual(Object.keys(shardedFiles()).sort());
  });

  it.each([
    ["no list at all", () => ({ error: "no" })],
    ["a file without a hash", (entries: Record<string, unknown>[]) => entries.map(({ oid, lfs, ...rest }) => rest)],
    [
      "a hash that is a path",
      (entries: Record<string, unknown>[]) =>
        entries.map((e) => ({ ...e, lfs: undefined, oid: `${"../".repeat(13)}a` })),
    ],
    [
      "a size that is none",
      (entries: Record<string, unknown>[]) => entries.map((e) => ({ ...e, lfs: undefined, size: -1 })),
    ],
    ["null", () => null],
  ] as const)("is refused when it is %s", async (_, edit) => {
    expect(await withList(edit as FakeHub["editList"])).toMatchObject({ code: "ERR_HUB_RESPONSE" });
  });
});
