import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { readExactly } from "../../../src/files/byte-source.ts";
import { TemporaryFile } from "../../../src/files/temporary-file.ts";
import { serializeHeader } from "../../../src/gguf/serialize.ts";
import { tensorTypeByName } from "../../../src/gguf/types.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { GgufWriter } from "../../../src/gguf/writer.ts";
import { fileAddress, fileSubject } from "../../../src/hub/download.ts";
import { listRepository } from "../../../src/hub/listing.ts";
import { openModelFolder } from "../../../src/hub/model-folder.ts";
import { RemoteFile } from "../../../src/hub/remote-file.ts";
import { inspectModel } from "../../../src/inspect.ts";
import { randomOf } from "../../random.ts";
import { writeCheckpoint } from "../convert/make-checkpoint.ts";
import { COMMIT, type FakeHub, type Fault } from "./fake-hub.ts";
import {
  checkWholeFiles,
  clientOf,
  emptyFolder,
  failureOf,
  IMPATIENT,
  incompleteFiles,
  KILOBYTE,
  QUICK,
  shardedFiles,
  someBytes,
  startHub,
} from "./support.ts";

const NAME = "model.safetensors";

async function openAt(hub: FakeHub, retryPolicy = QUICK, name = NAME): Promise<RemoteFile> {
  const client = clientOf(hub, retryPolicy);
  const listing = await listRepository(client, { id: hub.repository, revision: "main" });
  const file = listing.files.get(name);
  if (file === undefined) throw new Error(`${name} is not there`);
  const [address, subject] = [fileAddress(client, listing, file), fileSubject(listing, file)];
  return RemoteFile.open({ client, address, path: `hub/${name}`, subject, size: file.size });
}

const embedded = join(import.meta.dirname, "..", "..", "..", "models", "starling-rm-tiny");
const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const names = ["config.json", "tokenizer.model", "tokenizer_config.json", "model.safetensors.index.json", ...shards];
const embeddedFiles = () => Object.fromEntries(names.map((name) => [name, readFileSync(join(embedded, name))]));

/** A GGUF whose header takes more than one reading, and whose weights take more than the header. */
async function writeGguf(path: string): Promise<string> {
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { type: "string", value: "llama" }],
    ["long", { type: "string", value: "a".repeat(3_000_000) }],
  ]);
  const file = await TemporaryFile.create(path);
  const plans = [{ name: "a", type: tensorTypeByName("f32"), dims: [3_000_000] }];
  const writer = await GgufWriter.create(file, serializeHeader(metadata, plans));
  await writer.write("a", 0, new Uint8Array(12_000_000));
  await writer.finish();
  await file.publish(false);
  return path;
}

describe("RemoteFile", () => {
  it("gives the bytes of any range, as the file has them", async () => {
    const bytes = someBytes(3000 * KILOBYTE + 123, 9);
    const file = await openAt(await startHub({ [NAME]: bytes }));
    expect(file.size).toBe(bytes.length);
    const below = randomOf(5);
    for (let i = 0; i < 200; i++) {
      const position = below(bytes.length);
      const length = below(Math.min(bytes.length - position, [10, 1000, 3_000_000][i % 3] as number) + 1);
      const read = await readExactly(file, position, length);
      expect(read.equals(bytes.subarray(position, position + length)), `${length} at ${position}`).toBe(true);
    }
    await expect(readExactly(file, bytes.length - 5, 6)).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
    await file.close();
  });

  it("needs one request for a header in small pieces, and few for what lies behind", async () => {
    const hub = await startHub({ [NAME]: someBytes(2000 * KILOBYTE, 9) });
    const file = await openAt(hub);
    for (let at = 0; at < 200 * KILOBYTE; at += 997) await readExactly(file, at, 16);
    expect(hub.requestsFor(NAME)).toHaveLength(1);
    for (let at = 900 * KILOBYTE; at < 1000 * KILOBYTE; at += 997) await readExactly(file, at, 16);
    expect(hub.requestsFor(NAME).length).toBeLessThanOrEqual(3);
  });

  it.each([
    ["is cut", { cutAfter: 1000 }],
    ["is silent", { stallAfter: 10 }],
    ["is overrun", { status: 429, headers: { "retry-after": "0" } }],
  ] as const)("tries again when the server %s", async (_, fault) => {
    const bytes = someBytes(700 * KILOBYTE, 9);
    const hub = await startHub({ [NAME]: bytes });
    hub.faults.set(NAME, [fault]);
    const file = await openAt(hub, "stallAfter" in fault ? IMPATIENT : QUICK);
    hub.faults.set(NAME, [fault, fault]);
    expect((await readExactly(file, 400_000, 300_000)).equals(bytes.subarray(400_000, 700_000))).toBe(true);
  });

  it.each([
    ["ignores ranges", { ignoreRange: true }, /does not support range requests for/],
    ["sends another range", { shiftRange: 5 }, /does not support range requests for/],
    ["has another file by now", { etag: "another" }, /changed during the read/],
  ] as const)("refuses a server that %s", async (_, fault: Fault, message) => {
    const hub = await startHub({ [NAME]: someBytes(700 * KILOBYTE, 9) });
    const file = await openAt(hub);
    hub.faults.set(NAME, [fault]);
    const error = await failureOf(readExactly(file, 400_000, 100));
    expect(error).toMatchObject({ code: "ERR_HUB_RESPONSE", message: expect.stringMatching(message) });
  });
});

describe("openModelFolder", () => {
  const spec = "hf:someone/tiny-reward";

  it("opens a local folder, and pulls a repository to the cache", async () => {
    expect((await openModelFolder(embedded)).folder.path).toBe(embedded);
    const hub = await startHub(embeddedFiles());
    const cacheFolder = emptyFolder();
    const { folder, source } = await openModelFolder(
      spec,
      { endpoint: hub.endpoint, cacheFolder },
      { retryPolicy: QUICK },
    );
    expect(source).toEqual({ name: hub.repository, revision: COMMIT });
    await (await openCheckpoint(folder)).close();
    expect(checkWholeFiles(hub, cacheFolder)).toBe(names.length * 2);
  });

  it("streams: the same tensors as of the files, one shard on the disk at a time, none left", async () => {
    const hub = await startHub(embeddedFiles());
    const cacheFolder = emptyFolder();
    const options = { endpoint: hub.endpoint, cacheFolder, stream: true };
    const { folder, source } = await openModelFolder(spec, options, { retryPolicy: QUICK });
    expect(source).toEqual({ name: hub.repository, revision: COMMIT });
    const [remote, local] = [await openCheckpoint(folder), await openCheckpoint(embedded)];
    expect([...remote.tensors.keys()]).toEqual([...local.tensors.keys()]);
    for (const shard of shards) {
      hub.faults.set(shard, [{ cutAfter: 1_000_000 }]);
      await remote.useWhole(shard);
      const onDisk = incompleteFiles(cacheFolder).filter(({ size }) => size > 0);
      expect(onDisk.map(({ size }) => size)).toEqual([hub.bytesOf(shard).length]);
      for (const [name, tensor] of remote.tensors) {
        if (tensor.fileName !== shard) continue;
        const [a, b] = [Buffer.alloc(tensor.size), Buffer.alloc(tensor.size)];
        await remote.readTensor(tensor, 0, a);
        await local.readTensor(local.tensors.get(name) ?? tensor, 0, b);
        expect(a.equals(b), name).toBe(true);
      }
    }
    await remote.close();
    await local.close();
    expect(incompleteFiles(cacheFolder)).toEqual([]);
    expect(checkWholeFiles(hub, cacheFolder)).toBe(0);
  });

  it("streams what the cache has from the cache, and leaves it there", async () => {
    const hub = await startHub(embeddedFiles());
    const cacheFolder = emptyFolder();
    const options = { endpoint: hub.endpoint, cacheFolder };
    await openModelFolder(spec, options, { retryPolicy: QUICK });
    hub.seen.length = 0;
    const { folder } = await openModelFolder(spec, { ...options, stream: true }, { retryPolicy: QUICK });
    const checkpoint = await openCheckpoint(folder);
    await checkpoint.useWhole(shards[0] as string);
    await checkpoint.close();
    expect(hub.seen.filter(({ path }) => !path.startsWith("/api/"))).toEqual([]);
    expect(checkWholeFiles(hub, cacheFolder)).toBe(names.length * 2);
  });

  it("takes the tokenizer from elsewhere, all of it, and none of the weights there", async () => {
    const hub = await startHub(embeddedFiles());
    const cacheFolder = emptyFolder();
    const options = { endpoint: hub.endpoint, cacheFolder, tokenizer: spec };
    const { "tokenizer.model": _, ...withoutModel } = embeddedFiles();
    const local = await writeCheckpoint({ ...withoutModel, "tokenizer_config.json": "not JSON" });
    await expect(openCheckpoint(local)).rejects.toThrow();
    const { folder, source } = await openModelFolder(local, options, { retryPolicy: QUICK });
    expect(source).toBeUndefined();
    await (await openCheckpoint(folder)).close();
    expect(hub.requestsFor(shards[0] as string)).toEqual([]);
    expect([...(await folder.list())].sort()).toEqual([...names].sort());
    process.env["HF_HUB_OFFLINE"] = "1";
    try {
      await (await openCheckpoint((await openModelFolder(local, options)).folder)).close();
      const never = openModelFolder(local, { ...options, tokenizer: "hf:a/b" });
      expect(await failureOf(never)).toMatchObject({ code: "ERR_HUB_UNREACHABLE" });
    } finally {
      delete process.env["HF_HUB_OFFLINE"];
    }
    const none = openModelFolder(local, { ...options, endpoint: (await startHub({ "a.txt": "" })).endpoint });
    expect(await failureOf(none)).toMatchObject({ code: "ERR_NOT_ON_HUB" });
  });

  it("finds the chat template of a repository, however it is read", async () => {
    const template = { "chat_template.jinja": "{{ 'of the hub' }}", "additional_chat_templates/rag.jinja": "R" };
    const hub = await startHub({ ...embeddedFiles(), ...template });
    const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder() };
    const expected = { kind: "template", text: "{{ 'of the hub' }}", from: "chat_template.jinja" };
    const local = await writeCheckpoint({ ...embeddedFiles(), "chat_template.jinja": "stale" });
    for (const [place, more] of [
      [spec, { stream: true }],
      [local, { tokenizer: spec }],
      [spec, {}],
    ] as const) {
      const { folder } = await openModelFolder(place, { ...options, ...more }, { retryPolicy: QUICK });
      const checkpoint = await openCheckpoint(folder);
      await checkpoint.close();
      expect(checkpoint.chatTemplate).toEqual(expected);
    }
  });

  it("does not stream wrong bytes", async () => {
    const hub = await startHub(embeddedFiles());
    const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder(), stream: true };
    const { folder } = await openModelFolder(spec, options, { retryPolicy: QUICK });
    hub.faults.set(shards[0] as string, [{ damage: true }]);
    expect(await failureOf(folder.openWhole(shards[0] as string))).toMatchObject({ code: "ERR_WRONG_HASH" });
    await (await folder.openWhole(shards[0] as string)).close();
    hub.faults.set("tokenizer.model", [{ damage: true }]);
    expect(await failureOf(folder.open("tokenizer.model"))).toMatchObject({ code: "ERR_WRONG_HASH" });
  });

  it("notices when a header that came in part was another file's", async () => {
    const name = "big.safetensors";
    const hub = await startHub({ [name]: someBytes(9000 * KILOBYTE, 9) });
    const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder(), stream: true };
    const { folder } = await openModelFolder(spec, options, { retryPolicy: QUICK });
    hub.faults.set(name, [{ damage: true }]);
    await folder.open(name);
    expect(await failureOf(folder.openWhole(name))).toMatchObject({ code: "ERR_WRONG_HASH" });
    const again = (await openModelFolder(spec, options, { retryPolicy: QUICK })).folder;
    await again.open(name);
    await (await again.openWhole(name)).close();
  });
});

describe("inspectModel of what is elsewhere", () => {
  it("reads a checkpoint's headers and its head, and not its weights", async () => {
    const hub = await startHub(embeddedFiles());
    const cacheFolder = emptyFolder();
    const found = await inspectModel({ modelPath: "hf:someone/tiny-reward", endpoint: hub.endpoint, cacheFolder });
    const here = await inspectModel({ modelPath: embedded });
    // What is free differs from moment to moment.
    const comparable = (result: Awaited<ReturnType<typeof inspectModel>>) => ({
      ...result,
      path: "",
      memory: { ...("memory" in result ? result.memory : {}), available: 0 },
    });
    expect(comparable(found)).toEqual(comparable(here));
    expect(found.path).toBe("hf:someone/tiny-reward@main");
    expect(found.head?.mean).toBeCloseTo(here.head?.mean ?? Number.NaN, 12);
    expect(existsSync(join(cacheFolder, "models--someone--tiny-reward"))).toBe(false);
  });

  it("reads a GGUF's header by hub name, by address, and by the address of its page", async () => {
    const path = await writeGguf(join(emptyFolder(), "small.gguf"));
    const hub = await startHub({ "small.gguf": readFileSync(path) });
    const here = await inspectModel({ modelPath: path });
    const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder() };
    const resolve = `${hub.endpoint}/someone/tiny-reward/resolve/${COMMIT}/small.gguf`;
    for (const place of [
      "hf:someone/tiny-reward/small.gguf",
      `hf:someone/tiny-reward@${COMMIT}/small.gguf`,
      resolve,
      resolve.replace("/resolve/", "/blob/"),
      `${resolve}?download=true`,
    ]) {
      const found = await inspectModel({ modelPath: place, ...options });
      expect({ ...found, path: "" }).toEqual({ ...here, path: "" });
      expect(found.path).not.toContain("?");
    }
    // The header has 3 MB, the file 15: each reading took the one and not the other.
    expect(hub.bytesSent).toBeLessThan(5 * 5_000_000);
  });

  it("says what is wrong with an address", async () => {
    const hub = await startHub(shardedFiles());
    const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder() };
    for (const [place, code] of [
      [`${hub.endpoint}/nothing.gguf`, "ERR_NOT_ON_HUB"],
      ["hf:someone/tiny-reward/none.gguf", "ERR_NOT_ON_HUB"],
      ["hf:someone/tiny-reward/../x.gguf", "ERR_INVALID_ARGUMENT"],
      ["hf:nobody", "ERR_INVALID_ARGUMENT"],
      ["http://", "ERR_INVALID_ARGUMENT"],
    ] as const)
      expect(await failureOf(inspectModel({ modelPath: place, ...options })), place).toMatchObject({ code });
    const secret = await failureOf(inspectModel({ modelPath: "https://me:password@example.com/a.gguf", ...options }));
    expect(secret.message).not.toMatch(/password@|me:/);
    const signed = await failureOf(inspectModel({ modelPath: `${hub.cdn}/x/${shards[0]}?Signature=abc`, ...options }));
    expect(signed).toMatchObject({ code: "ERR_INVALID_GGUF", message: expect.not.stringContaining("Signature") });
  });
});
