import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { inspect } from "node:util";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { HubError } from "../../../src/errors.ts";
import { download } from "../../../src/hub/download.ts";
import { type HubFile, listRepository } from "../../../src/hub/listing.ts";
import { pullWith } from "../../../src/hub/pull.ts";
import { COMMIT, FakeHub, type Fault, sha256 } from "./fake-hub.ts";
import {
  checkWholeFiles,
  clientOf,
  emptyFolder,
  failureOf,
  filesBelow,
  IMPATIENT,
  incompleteFiles,
  KILOBYTE,
  pullFrom,
  QUICK,
  shardedFiles,
  startHub,
} from "./support.ts";

const SHARD = "model-00001-of-00002.safetensors";
const SIZE = 600 * KILOBYTE;

let hub: FakeHub;
let cache: string;

beforeEach(async () => {
  hub = await startHub();
  cache = emptyFolder();
});

function fail(...faults: Fault[]): void {
  hub.faults.set(SHARD, faults);
}

/** Puts a part of the shard where an earlier run would have left it. */
function leavePart(part: Uint8Array): string {
  const blobs = join(cache, "models--someone--tiny-reward", "blobs");
  mkdirSync(blobs, { recursive: true });
  const path = join(blobs, `${sha256(hub.bytesOf(SHARD))}.incomplete`);
  writeFileSync(path, part);
  return path;
}

async function succeeds(retryPolicy = QUICK): Promise<(string | undefined)[]> {
  const { files } = await pullFrom(hub, cache, {}, retryPolicy);
  expect(checkWholeFiles(hub, cache)).toBe(files.length * 2);
  expect(incompleteFiles(cache)).toEqual([]);
  return hub.requestsFor(SHARD).map(({ range }) => range);
}

async function fails(retryPolicy = QUICK): Promise<Error & { code?: string }> {
  const error = await failureOf(pullFrom(hub, cache, {}, retryPolicy));
  expect(error).toBeInstanceOf(HubError);
  expect(error.message).not.toMatch(/\n|secret-of-the-cdn/);
  checkWholeFiles(hub, cache);
  expect(filesBelow(cache).filter((path) => path.endsWith(SHARD))).toEqual([]);
  return error;
}

describe("a download that is disturbed", () => {
  it("goes on where the connection was cut", async () => {
    fail({ cutAfter: 100 * KILOBYTE }, { cutAfter: 1 }, { cutAfter: 50 * KILOBYTE });
    const cuts = [100 * KILOBYTE, 100 * KILOBYTE + 1, 150 * KILOBYTE + 1];
    const client = clientOf(hub);
    const listing = await listRepository(client, { id: hub.repository, revision: "main" });
    const path = join(cache, "file");
    let position = 0;
    hub.mayCut = () => position >= (cuts[hub.requestsFor(SHARD).length - 1] ?? 0);
    const onBytes = (bytes: number) => {
      position = bytes;
    };
    await download(client, listing, listing.files.get(SHARD) as HubFile, path, { onBytes });
    expect(readFileSync(path).equals(hub.bytesOf(SHARD))).toBe(true);
    expect(hub.requestsFor(SHARD).map(({ range }) => range)).toEqual([undefined, ...cuts.map((at) => `bytes=${at}-`)]);
  });

  it("waits for a server that comes to life again, and for one that asks for it", async () => {
    fail({ status: 503 }, { status: 429, headers: { "retry-after": "0" } }, { status: 500 });
    expect(await succeeds()).toHaveLength(4);
  });

  it("gives up a connection on which nothing comes", async () => {
    fail({ stallAfter: 10 * KILOBYTE }, { stallAfter: 0 });
    expect((await succeeds(IMPATIENT)).length).toBeGreaterThanOrEqual(3);
  });

  it("goes on with slow bytes, however long they take in all", async () => {
    hub.bytesPerSecond = 1500 * KILOBYTE;
    await succeeds();
  });

  it("goes on with what an earlier run left, and hashes all of it", async () => {
    leavePart(hub.bytesOf(SHARD).subarray(0, 1000));
    expect(await succeeds()).toEqual(["bytes=1000-"]);
  });

  it.each([
    ["is whole", (bytes: Buffer) => bytes, []],
    ["is too long", (bytes: Buffer) => Buffer.concat([bytes, bytes]), [undefined]],
    ["is damaged", (bytes: Buffer) => Buffer.alloc(bytes.length - 5, 1), [`bytes=${SIZE - 5}-`, undefined]],
    ["is whole, but damaged", (bytes: Buffer) => Buffer.alloc(bytes.length), [undefined]],
  ] as const)("ends with the right bytes when what an earlier run left %s", async (_, part, ranges) => {
    leavePart(part(hub.bytesOf(SHARD)));
    expect(await succeeds()).toEqual(ranges);
  });

  it("begins anew when the server ignores ranges", async () => {
    leavePart(hub.bytesOf(SHARD).subarray(0, 1000));
    fail({ ignoreRange: true });
    expect(await succeeds()).toEqual(["bytes=1000-"]);
  });

  it("begins anew when the file on the server is another one by its ETag", async () => {
    leavePart(hub.bytesOf(SHARD).subarray(0, 1000));
    fail({ cutAfter: 100 * KILOBYTE }, { etag: "another" });
    const ranges = await succeeds();
    expect(ranges).toHaveLength(3);
    expect([ranges[0], ranges[2]]).toEqual(["bytes=1000-", undefined]);
  });

  it("is not taken in by a proxy's page", async () => {
    fail({ page: "<html>log in first</html>" });
    await succeeds();
  });
});

describe("a download that fails", () => {
  const always = (fault: Fault) => fail(...Array.from({ length: 50 }, () => fault));

  it("throws wrong bytes away", async () => {
    fail({ damage: true });
    const error = await fails();
    expect(error).toMatchObject({
      code: "ERR_WRONG_HASH",
      message: expect.stringMatching(/SHA-256 is not [0-9a-f]{64}/),
    });
    expect(error.message).toContain(SHARD);
    expect(
      incompleteFiles(cache).filter(({ path, size }) => path.includes(sha256(hub.bytesOf(SHARD))) && size > 0),
    ).toEqual([]);
    await succeeds();
  });

  it("checks small files by git's hash", async () => {
    hub.faults.set("config.json", [{ damage: true }]);
    const error = await failureOf(pullFrom(hub, cache));
    expect(error).toMatchObject({ code: "ERR_WRONG_HASH", message: expect.stringContaining("git hash") });
  });

  it.each([
    ["cuts", { cutAfter: 100 }, "ERR_HUB_UNREACHABLE", /broke repeatedly/],
    ["is silent", { stallAfter: 100 }, "ERR_HUB_UNREACHABLE", /repeatedly sent nothing for 0\.3 s/],
    ["is broken", { status: 502 }, "ERR_HUB_UNREACHABLE", /status 502/],
    ["is overrun", { status: 429 }, "ERR_HUB_UNREACHABLE", /429, too many requests.*HF_TOKEN/],
    [
      "asks for too long a pause",
      { status: 429, headers: { "retry-after": "3600" } },
      "ERR_HUB_UNREACHABLE",
      /wait 3600 s/,
    ],
    ["has lost the file", { status: 404 }, "ERR_NOT_ON_HUB", /does not have the file model-00001/],
    ["forbids", { status: 403 }, "ERR_HUB_ACCESS", /status 403/],
    ["only has a page", { page: "x".repeat(10) }, "ERR_HUB_RESPONSE", /would send 10 bytes/],
  ] as const)("says so in one sentence when the server always %s", async (_, fault, code, message) => {
    always(fault);
    const error = await fails("stallAfter" in fault ? IMPATIENT : QUICK);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it("refuses another range than the one that was asked for", async () => {
    leavePart(hub.bytesOf(SHARD).subarray(0, 1000));
    fail({ shiftRange: 7 });
    expect(await fails()).toMatchObject({
      code: "ERR_HUB_RESPONSE",
      message: expect.stringContaining("different range from the one requested"),
    });
  });

  it("does not begin anew for ever", async () => {
    always({ cutAfter: 300 * KILOBYTE, ignoreRange: true } as Fault);
    expect(await fails()).toMatchObject({ code: "ERR_HUB_UNREACHABLE" });
    expect(hub.requestsFor(SHARD).length).toBeLessThan(12);
  });

  it("stops the other files, and keeps what they have", async () => {
    fail({ damage: true });
    hub.bytesPerSecond = 2000 * KILOBYTE;
    hub.together = 3;
    hub.files.set("model-00002-of-00002.safetensors", { bytes: Buffer.alloc(20_000 * KILOBYTE, 1), lfs: true });
    expect(await fails()).toMatchObject({ code: "ERR_WRONG_HASH" });
    expect(
      incompleteFiles(cache)
        .map(({ size }) => size)
        .some((size) => size > 0),
    ).toBe(true);
  });
});

describe("access", () => {
  it("sends the token to the hub, and to nobody else", async () => {
    hub.gate = { token: "hf_right", code: "GatedRepo" };
    await pullFrom(hub, cache, { token: "hf_right" });
    const sent = (server: string) => new Set(hub.seen.filter((s) => s.server === server).map((s) => s.authorization));
    expect([...sent("hub")]).toEqual(["Bearer hf_right"]);
    expect([...sent("cdn")]).toEqual([undefined]);
  });

  it.each([
    [undefined, /someone\/tiny-reward is gated: accept its conditions at http.*someone\/tiny-reward, .*HF_TOKEN/],
    ["hf_wrong-one", /is gated, and the account of the given token has no access/],
  ])("explains a gated repository to a token of %j", async (token, message) => {
    hub.gate = { token: "hf_right", code: "GatedRepo" };
    const error = await failureOf(pullFrom(hub, cache, token === undefined ? {} : { token }));
    expect(error).toMatchObject({ code: "ERR_HUB_ACCESS", message: expect.stringMatching(message) });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("hf_wrong-one");
    expect(filesBelow(cache)).toEqual([]);
  });

  it("says when a repository or a revision does not exist", async () => {
    const other = await failureOf(pullFrom(hub, cache, { repository: "someone/else" }));
    expect(other).toMatchObject({
      code: "ERR_NOT_ON_HUB",
      message: expect.stringMatching(/no someone\/else at main, or it is private.*HF_TOKEN/),
    });
    const revision = await failureOf(pullFrom(hub, cache, { revision: "v9" }));
    expect(revision).toMatchObject({ code: "ERR_NOT_ON_HUB", message: expect.stringMatching(/no such revision.*v9/) });
    await pullFrom(hub, cache, { revision: COMMIT });
  });

  it("says when the token itself is refused", async () => {
    hub.apiFaults.push({ status: 401 });
    const error = await failureOf(pullFrom(hub, cache, { token: "hf_expired" }));
    expect(error).toMatchObject({
      code: "ERR_HUB_ACCESS",
      message: expect.stringMatching(/does not accept the given token/),
    });
    expect(inspect(error, { depth: 10 })).not.toContain("hf_expired");
  });

  it("tries the list again, too", async () => {
    hub.apiFaults.push({ status: 500 }, { status: 429, headers: { "retry-after": new Date().toUTCString() } });
    await succeeds();
  });

  it("says in one sentence that there is no network", async () => {
    const gone = await FakeHub.start(shardedFiles());
    const { endpoint } = gone;
    await gone.stop();
    const started = hub.seen.length;
    const error = await failureOf(pullWith({ endpoint, repository: "a/b", cacheFolder: cache }));
    expect(error).toMatchObject({ code: "ERR_HUB_UNREACHABLE" });
    expect(error.message).toMatch(/^127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\): check the network.*\.$/);
    expect(hub.seen.length).toBe(started);
  });

  it("does not wait for a fetch that never settles", async () => {
    vi.stubGlobal("fetch", () => new Promise(() => {}));
    try {
      expect(await fails(IMPATIENT)).toMatchObject({ code: "ERR_HUB_UNREACHABLE" });
      const controller = new AbortController();
      const reason = new Error("enough");
      setTimeout(() => controller.abort(reason), 20);
      expect(await failureOf(pullFrom(hub, cache, { signal: controller.signal }))).toBe(reason);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("does not follow redirects in circles, to files, or for ever", async () => {
    for (const [location, message] of [
      ["/again", /in a loop/],
      ["file:///etc/passwd", /an invalid URL/],
      ["http://[", /an invalid URL/],
    ] as const) {
      const server = createServer((_, response) => void response.writeHead(302, { location }).end());
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const error = await failureOf(
        pullWith({ endpoint, repository: "a/b", cacheFolder: cache }, { retryPolicy: QUICK }),
      );
      expect(error).toMatchObject({ code: "ERR_HUB_RESPONSE", message: expect.stringMatching(message) });
      server.closeAllConnections();
      server.close();
    }
  });

  it("reads the token where huggingface_hub keeps it", async () => {
    hub.gate = { token: "hf_from_file", code: "GatedRepo" };
    const home = emptyFolder();
    writeFileSync(join(home, "token"), "hf_from_file\n");
    const before = process.env["HF_HOME"];
    process.env["HF_HOME"] = home;
    try {
      const { folder } = await pullWith({ endpoint: hub.endpoint, repository: hub.repository }, { retryPolicy: QUICK });
      expect(folder).toBe(join(home, "hub", "models--someone--tiny-reward", "snapshots", COMMIT));
      expect(readFileSync(join(folder, "config.json"))).toBeDefined();
    } finally {
      process.env["HF_HOME"] = before;
    }
  });
});
