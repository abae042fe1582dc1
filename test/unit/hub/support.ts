/** What the tests of the hub share: a hub with a checkpoint, an empty cache, and a quick retry policy. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterAll, expect } from "vitest";
import { HubClient } from "../../../src/hub/client.ts";
import { type PullOptions, type PullResult, pullWith } from "../../../src/hub/pull.ts";
import type { RetryPolicy } from "../../../src/hub/retry.ts";
import { randomOf } from "../../random.ts";
import { FakeHub, gitHash, sha256 } from "./fake-hub.ts";

export const QUICK: RetryPolicy = {
  attempts: 4,
  firstWaitMs: 1,
  maxWaitMs: 5,
  maxRetryAfterMs: 2_000,
  stallMs: 10_000,
};
/** For tests of silence. Other tests must not take a busy machine for a silent one. */
export const IMPATIENT: RetryPolicy = { ...QUICK, stallMs: 300 };

export const KILOBYTE = 1024;

const made = new Map<string, Buffer>();

/** Bytes that differ everywhere, the same in each run; not to be written to. */
export function someBytes(length: number, seed: number): Buffer {
  const key = `${length} ${seed}`;
  const next = randomOf(seed);
  const bytes = made.get(key) ?? Buffer.from(Uint8Array.from({ length }, () => next(256)));
  made.set(key, bytes);
  return bytes;
}

/** Two shards, their index, and small files; not weights that could be read. */
export function shardedFiles(shardBytes = 600 * KILOBYTE): Record<string, Buffer | string> {
  const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  return {
    "config.json": JSON.stringify({ model_type: "llama", hidden_size: 8 }),
    "tokenizer.model": someBytes(5 * KILOBYTE, 1),
    "tokenizer_config.json": "{}",
    "model.safetensors.index.json": JSON.stringify({ weight_map: { a: shards[0], b: shards[1] } }),
    [shards[0] as string]: someBytes(shardBytes, 2),
    [shards[1] as string]: someBytes(shardBytes + 17, 3),
    "README.md": "not part of a checkpoint",
    "pytorch_model.bin": someBytes(100, 4),
    "original/consolidated.00.pth": someBytes(100, 5),
  };
}

// What the machine that runs the tests is logged in as does not count, nor its proxy.
for (const name of Object.keys(process.env))
  if (/^(?:HF_|HUGGING|TRANSFORMERS_OFFLINE|XDG_CACHE_HOME|https?_proxy$)/i.test(name)) delete process.env[name];
process.env["HF_HOME"] = join(tmpdir(), "starling-hub-nobody");

const hubs: FakeHub[] = [];
const folders: string[] = [];

afterAll(async () => {
  for (const hub of hubs) await hub.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export async function startHub(files: Readonly<Record<string, Buffer | string>> = shardedFiles()): Promise<FakeHub> {
  const hub = await FakeHub.start(files);
  hubs.push(hub);
  return hub;
}

export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "starling-hub-"));
  folders.push(folder);
  return folder;
}

export function clientOf(hub: FakeHub, retryPolicy = QUICK): HubClient {
  return new HubClient({ endpoint: hub.endpoint, retryPolicy });
}

export function pullFrom(
  hub: FakeHub,
  cacheFolder: string,
  options: Partial<PullOptions> = {},
  retryPolicy = QUICK,
): Promise<PullResult> {
  const { endpoint, repository } = hub;
  return pullWith({ endpoint, repository, cacheFolder, ...options }, { retryPolicy });
}

export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const error = await promise.then(
    () => expect.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error & { code?: string };
}

/** All files below a folder, links followed, as paths relative to it. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Every file in a cache that claims to be whole is what the hub has. Returns how many there are. */
export function checkWholeFiles(hub: FakeHub, cacheFolder: string): number {
  const hashes = new Map(
    [...hub.files.values()].flatMap(
      ({ bytes }) =>
        [
          [sha256(bytes), bytes],
          [gitHash(bytes), bytes],
        ] as const,
    ),
  );
  const whole = filesBelow(cacheFolder).filter(
    (path) => /(?:blobs|snapshots)/.test(path) && !path.endsWith(".incomplete"),
  );
  for (const path of whole) {
    const bytes = readFileSync(join(cacheFolder, path));
    const [, name] = /snapshots[\\/][0-9a-f]{40}[\\/](.*)$/.exec(path) ?? [];
    const expected = name === undefined ? hashes.get(basename(path)) : hub.files.get(name.replaceAll("\\", "/"))?.bytes;
    expect(expected, path).toBeDefined();
    expect(bytes.equals(expected as Buffer), path).toBe(true);
  }
  return whole.length;
}

export function incompleteFiles(cacheFolder: string): { path: string; size: number }[] {
  return filesBelow(cacheFolder)
    .filter((path) => path.endsWith(".incomplete"))
    .map((path) => ({ path, size: statSync(join(cacheFolder, path)).size }));
}
