/** Data sets from a hub on this machine. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { benchmarks } from "../../../src/evaluation/benchmarks.ts";
import type { BenchmarkName } from "../../../src/evaluation/case.ts";
import { resolveSource } from "../../../src/evaluation/sources.ts";
import { parseDatasetSpec } from "../../../src/hub/address.ts";
import { openRows } from "../../../src/rows/open-rows.ts";
import { COMMIT, type FakeHub } from "../hub/fake-hub.ts";
import { emptyFolder, failureOf, filesBelow, QUICK, startHub } from "../hub/support.ts";
import { collect } from "../rows/support.ts";

const truth = readFileSync(join("test", "fixtures", "datasets", "truth.parquet"));
const files = {
  "README.md": "# a data set",
  "generation/validation-00000-of-00001.parquet": truth,
  "data/a.jsonl": '{"prompt":"q","chosen":"c","rejected":"r"}\n',
  "data/b.jsonl.gz": "not read",
  "data/deep/c.csv": "prompt,chosen,rejected\n1,2,3\n",
  "data/picture.png": "png",
};

async function startDataset(content: Readonly<Record<string, Buffer | string>> = files): Promise<FakeHub> {
  const hub = await startHub(content);
  hub.kind = "dataset";
  return hub;
}

const resolve = (hub: FakeHub, cacheFolder: string, spec: string | undefined, benchmark: BenchmarkName = "pairs") =>
  resolveSource(spec, benchmark, { endpoint: hub.endpoint, cacheFolder }, { retryPolicy: QUICK });

describe("a local path", () => {
  it("is taken as it is, whatever the benchmark", async () => {
    expect(await resolveSource("some/file.jsonl", "human")).toEqual([
      { name: "some/file.jsonl", path: "some/file.jsonl" },
    ]);
  });

  it("must be given where there is no data set", async () => {
    await expect(resolveSource(undefined, "pairs")).rejects.toThrow(/pairs has no data set of its own: give a file/);
    await expect(resolveSource(undefined, "truth", { cachefolder: "x" } as never)).rejects.toThrow(
      /Did you mean "cacheFolder"/,
    );
  });
});

describe("a data set on the hub", () => {
  it("comes to the cache as huggingface_hub has it, and can be read", async () => {
    const [hub, cache] = [await startDataset(), emptyFolder()];
    const spec = `hf:${hub.repository}/generation/validation-00000-of-00001.parquet`;
    const [source, ...more] = await resolve(hub, cache, spec, "truth");
    expect(more).toEqual([]);
    expect(source?.name).toBe(`hf:${hub.repository}@${COMMIT}/generation/validation-00000-of-00001.parquet`);
    expect(relative(cache, source?.path ?? "").replaceAll("\\", "/")).toBe(
      `datasets--someone--tiny-reward/snapshots/${COMMIT}/generation/validation-00000-of-00001.parquet`,
    );
    expect(readFileSync(join(cache, "datasets--someone--tiny-reward", "refs", "main"), "utf8")).toBe(COMMIT);
    expect(filesBelow(cache).filter((path) => path.includes("blobs")).length).toBe(1);
    const rows = await openRows(source?.path ?? "", { name: source?.name });
    expect((await collect(rows.rows)).length).toBe(4);
    await rows.close();
  });

  it.each([
    ["/data/a.jsonl", ["data/a.jsonl"]],
    ["/data", ["data/a.jsonl", "data/b.jsonl.gz", "data/deep/c.csv"]],
    ["/data/", ["data/a.jsonl", "data/b.jsonl.gz", "data/deep/c.csv"]],
    ["/data/*.jsonl", ["data/a.jsonl"]],
    ["/*/*.jsonl*", ["data/a.jsonl", "data/b.jsonl.gz"]],
    ["/data/picture.png", ["data/picture.png"]],
    ["@main/data/deep", ["data/deep/c.csv"]],
    [`@${COMMIT}/data/a.jsonl`, ["data/a.jsonl"]],
  ])("%s names %j", async (suffix, expected) => {
    const hub = await startDataset();
    for (const prefix of ["hf:", "hf:datasets/"]) {
      const sources = await resolve(hub, emptyFolder(), `${prefix}${hub.repository}${suffix}`);
      expect(sources.map(({ name }) => name)).toEqual(expected.map((path) => `hf:${hub.repository}@${COMMIT}/${path}`));
      for (const { path, name } of sources)
        expect(readFileSync(path)).toEqual(hub.bytesOf(name.split("/").slice(2).join("/")));
    }
  });

  it("needs no path where it has one data file", async () => {
    const hub = await startDataset({ "README.md": "x", "rows.json": "[1]" });
    expect((await resolve(hub, emptyFolder(), `hf:${hub.repository}`)).map(({ name }) => name)).toEqual([
      `hf:${hub.repository}@${COMMIT}/rows.json`,
    ]);
  });

  it("says what there is where the name is not enough, or wrong", async () => {
    const [hub, empty] = [await startDataset(), await startDataset({ "README.md": "x" })];
    const message = async (from: FakeHub, suffix: string) =>
      (await failureOf(resolve(from, emptyFolder(), `hf:${from.repository}${suffix}`))).message;
    expect(await message(hub, "")).toMatch(/several files: name one or a folder of them \(data\/a\.jsonl, data\/b/);
    expect(await message(hub, "/data/x.jsonl")).toMatch(
      /has no data\/x\.jsonl to read rows from at main\. It has data\/a\.jsonl, /,
    );
    expect(await message(hub, "/dat")).toMatch(/has no dat /);
    expect(await message(empty, "")).toMatch(/has no file with rows in a supported format/);
    expect(await message(hub, "@v2/data")).toMatch(/no such revision/);
  });

  it("says where a gated one is opened", async () => {
    const hub = await startDataset();
    hub.gate = { token: "hf_right", code: "GatedRepo" };
    const error = await failureOf(resolve(hub, emptyFolder(), `hf:${hub.repository}/data/a.jsonl`));
    expect(error).toMatchObject({ code: "ERR_HUB_ACCESS" });
    expect(error.message).toContain(`${hub.endpoint}/datasets/${hub.repository}`);
  });

  it("is no model: a model of that name is not found", async () => {
    const hub = await startHub(files);
    expect(await failureOf(resolve(hub, emptyFolder(), `hf:${hub.repository}/data/a.jsonl`))).toMatchObject({
      code: "ERR_NOT_ON_HUB",
    });
  });

  it("of a commit is asked for once, and found again without the hub", async () => {
    const [hub, cache] = [await startDataset(), emptyFolder()];
    const spec = `hf:${hub.repository}@${COMMIT}/data/a.jsonl`;
    const first = await resolve(hub, cache, spec);
    const asked = hub.seen.length;
    expect(await resolve(hub, cache, spec)).toEqual(first);
    expect(hub.seen.length).toBe(asked);
    rmSync(first[0]?.path ?? "");
    expect(await resolve(hub, cache, spec)).toEqual(first);
    expect(hub.seen.length).toBeGreaterThan(asked);
  });

  it("is found offline by a branch's name, as far as it came", async () => {
    const [hub, cache] = [await startDataset(), emptyFolder()];
    await resolve(hub, cache, `hf:${hub.repository}/data/*.jsonl`);
    const asked = hub.seen.length;
    process.env["HF_HUB_OFFLINE"] = "1";
    try {
      const [source] = await resolve(hub, cache, `hf:${hub.repository}/data`);
      expect(existsSync(source?.path ?? "")).toBe(true);
      const error = await failureOf(resolve(hub, cache, `hf:${hub.repository}/generation`));
      expect(error.message).toMatch(/HF_HUB_OFFLINE is set, and the cache .* does not have the requested files/);
      await failureOf(resolve(hub, emptyFolder(), `hf:${hub.repository}@${COMMIT}/data`));
      expect(hub.seen.length).toBe(asked);
    } finally {
      delete process.env["HF_HUB_OFFLINE"];
    }
  });

  it("goes on with a download that was cut off", async () => {
    const [hub, cache] = [await startDataset(), emptyFolder()];
    const path = "generation/validation-00000-of-00001.parquet";
    hub.faults.set(path, [{ cutAfter: 500 }]);
    // On a busy machine, a connection that ends at once takes away what was not read yet.
    let received = 0;
    hub.mayCut = () => received >= 500;
    const onProgress = ({ bytesReceived }: { readonly bytesReceived: number }) => {
      received = bytesReceived;
    };
    const options = { endpoint: hub.endpoint, cacheFolder: cache, onProgress };
    const [source] = await resolveSource(`hf:${hub.repository}/${path}`, "pairs", options, { retryPolicy: QUICK });
    expect(readFileSync(source?.path ?? "").equals(truth)).toBe(true);
    expect(hub.requestsFor(path).map(({ range }) => range)).toContain("bytes=500-");
  });
});

describe("a benchmark's own data set", () => {
  it("is pinned: its commit and files are asked for where neither is named", async () => {
    const hub = await startDataset();
    const error = await failureOf(resolve(hub, emptyFolder(), undefined, "truth"));
    expect(error).toMatchObject({ code: "ERR_NOT_ON_HUB" });
    const { repository = "", revision = "" } = benchmarks.truth.source ?? {};
    expect(hub.seen[0]?.path).toBe(`/api/datasets/${repository}/revision/${revision}`);
    await failureOf(resolve(hub, emptyFolder(), `hf:${repository}`, "truth"));
    expect(hub.seen[1]?.path).toBe(`/api/datasets/${repository}/revision/${revision}`);
    await failureOf(resolve(hub, emptyFolder(), `hf:${repository}@main`, "truth"));
    await failureOf(resolve(hub, emptyFolder(), `hf:${repository}`, "pairs"));
    expect(hub.seen.slice(2).map(({ path }) => path)).toEqual(
      [1, 2].map(() => `/api/datasets/${repository}/revision/main`),
    );
  });
});

describe("the name of a data set", () => {
  it.each([
    ["hf:a/b", "main", undefined],
    ["hf:datasets/a/b@v1", "v1", undefined],
    ["hf:a/b@refs%2Fpr%2F1/c/d.parquet", "refs/pr/1", "c/d.parquet"],
    ["hf:a/b/*.csv", "main", "*.csv"],
  ])("%s", (spec, revision, path) => {
    expect(parseDatasetSpec(spec)).toMatchObject({ repository: { id: "a/b", revision, kind: "dataset" }, path });
  });

  it.each([
    "hf:a",
    "hf:truthful_qa",
    "hf:",
    "hf:a/b/../../c",
    "hf:a/b/c\\d",
    "hf:a/b/C:/x",
    "hf:a/b//c",
    "hf:../b/c",
    "hf:a/b@../c",
  ])("refuses %s", (spec) => {
    expect(() => parseDatasetSpec(spec)).toThrow(/^Expected/);
  });
});
