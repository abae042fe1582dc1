/** Converting from the hub without ever having all of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { openModelFolder } from "../../../src/hub/model-folder.ts";
import { emptyFolder, failureOf, filesBelow, QUICK, startHub } from "./support.ts";

const checkpoint = join("test", "fixtures", "checkpoints", "gqa4-bf16-sharded");
const files = Object.fromEntries(readdirSync(checkpoint).map((name) => [name, readFileSync(join(checkpoint, name))]));
const shards = Object.keys(files).filter((name) => name.endsWith(".safetensors"));
const folder = mkdtempSync(join(tmpdir(), "starling-rm-stream-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function stream(hub: Awaited<ReturnType<typeof startHub>>, cacheFolder: string, output: string, most = () => {}) {
  const { folder: place, source } = await openModelFolder(
    `hf:${hub.repository}`,
    { stream: true, endpoint: hub.endpoint, cacheFolder },
    { retryPolicy: QUICK },
  );
  return convertCheckpoint({
    checkpoint: place,
    output,
    type: "f16",
    source: source ?? {},
    onProgress: most,
    overwrite: true,
  });
}

it("comes to the bytes of a conversion from the folder, with at most two shards on the disk", async () => {
  const hub = await startHub(files);
  const cacheFolder = emptyFolder();
  const output = join(folder, "streamed.gguf");
  let most = 0;
  await stream(hub, cacheFolder, output, () => {
    most = Math.max(most, filesBelow(cacheFolder).filter((name) => !name.includes(".lock")).length);
  });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(2);
  expect(filesBelow(cacheFolder)).toEqual([]);
  const local = join(folder, "local.gguf");
  const revision = "0123456789abcdef0123456789abcdef01234567";
  await convertCheckpoint({ checkpoint, output: local, type: "f16", source: { name: hub.repository, revision } });
  // The name in the header comes from the folder, as config.json has none.
  const weights = async (path: string) => readFileSync(path).subarray((await readGguf(path)).dataPosition);
  expect((await weights(output)).equals(await weights(local))).toBe(true);
  for (const shard of shards) expect(hub.requestsFor(shard).length).toBeGreaterThan(0);
});

it("is refused for a shard of other bytes, and leaves nothing", async () => {
  const hub = await startHub(files);
  const last = shards.at(-1) as string;
  hub.faults.set(
    last,
    Array.from({ length: 8 }, () => ({ damage: true }) as const),
  );
  const cacheFolder = emptyFolder();
  const error = await failureOf(stream(hub, cacheFolder, join(folder, "refused.gguf")));
  expect(error.code).toBe("ERR_WRONG_HASH");
  expect(readdirSync(folder).filter((name) => name.includes("refused"))).toEqual([]);
});

it.each([true, false])(
  "is refused before anything comes where an adapter lies beside the weights (stream: %s)",
  async (all) => {
    const hub = await startHub({ ...files, "adapter_config.json": "{}" });
    const cacheFolder = emptyFolder();
    const options = { stream: all, endpoint: hub.endpoint, cacheFolder };
    const opened = openModelFolder(`hf:${hub.repository}`, options, { retryPolicy: QUICK });
    expect(await failureOf(opened)).toMatchObject({
      code: "ERR_INVALID_CHECKPOINT",
      message: expect.stringContaining("adapter_config.json describes an adapter"),
    });
    expect(filesBelow(cacheFolder)).toEqual([]);
  },
);
