/** Split GGUFs: written as llama-gguf-split does, read as one, and refused by naming the part that is wrong. */
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertCheckpoint } from "../../../src/convert/convert.ts";
import { openFile } from "../../../src/files/byte-source.ts";
import { withOutput } from "../../../src/files/output-file.ts";
import { OutputSet } from "../../../src/files/output-set.ts";
import { partName } from "../../../src/files/part-names.ts";
import { copyGguf } from "../../../src/gguf/copy.ts";
import { u16 } from "../../../src/gguf/entries.ts";
import { readHeader } from "../../../src/gguf/read-header.ts";
import { readGguf } from "../../../src/gguf/reader.ts";
import { readRewardMetadata } from "../../../src/gguf/reward-metadata.ts";
import { serializeHeader } from "../../../src/gguf/serialize.ts";
import type { GgufValue } from "../../../src/gguf/value.ts";
import { openRemoteGguf, pullGguf } from "../../../src/hub/gguf-file.ts";
import { tinyFiles, writeCheckpoint } from "../convert/make-checkpoint.ts";
import { emptyFolder, failureOf, filesBelow, QUICK, startHub } from "../hub/support.ts";

const folder = mkdtempSync(join(tmpdir(), "starling-rm-parts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const whole = join(folder, "whole.gguf");
const SIZE = 2048;
let checkpoint: string;
let parts: readonly string[];

beforeAll(async () => {
  checkpoint = await writeCheckpoint(tinyFiles());
  await convertCheckpoint({ checkpoint, output: whole, type: "f32" });
  const result = await convertCheckpoint({
    checkpoint,
    output: join(folder, "split.gguf"),
    type: "f32",
    splitSize: SIZE,
  });
  parts = result.parts ?? [];
});

/** The set in a folder of its own. */
function copied(): string[] {
  const own = mkdtempSync(join(folder, "set-"));
  return parts.map((part) => {
    const path = join(own, basename(part));
    copyFileSync(part, path);
    return path;
  });
}

const first = (set: readonly string[]) => set[0] as string;
const second = (set: readonly string[]) => set[1] as string;

/** A part with other metadata; its tensors are the same. */
async function rewritten(path: string, change: (metadata: Map<string, GgufValue>) => void): Promise<void> {
  const file = await openFile(path);
  const header = await readHeader(file);
  await file.close();
  const metadata = new Map(header.metadata);
  change(metadata);
  const data = readFileSync(path).subarray(header.dataPosition);
  writeFileSync(path, Buffer.concat([serializeHeader(metadata, header.tensors).bytes, data]));
}

describe("a split GGUF", () => {
  it("has the names and keys of llama-gguf-split, and files within the size", async () => {
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map((part) => basename(part))).toEqual(parts.map((_, i) => partName("split", i + 1, parts.length)));
    for (const [i, part] of parts.entries()) {
      const file = await openFile(part);
      const { metadata, tensors } = await readHeader(file);
      expect(metadata.get("split.no")).toEqual(u16(i));
      expect(metadata.get("split.count")).toEqual(u16(parts.length));
      expect(metadata.get("split.tensors.count")).toEqual({ type: "i32", value: 20 });
      expect(metadata.has("general.architecture")).toBe(i === 0);
      expect(file.size <= SIZE || tensors.length === 1).toBe(true);
      await file.close();
    }
  });

  it("is read as the whole one is, tensor for tensor", async () => {
    const [joined, plain] = [await readGguf(first(parts)), await readGguf(whole)];
    expect(readRewardMetadata(joined, "split")).toEqual(readRewardMetadata(plain, "split"));
    expect(joined.tensors.map(({ position: _, ...rest }) => rest)).toEqual(
      plain.tensors.map(({ position: _, ...rest }) => rest),
    );
    const all = Buffer.concat(parts.map((part) => readFileSync(part)));
    const bytes = readFileSync(whole);
    for (const [i, { position, size }] of joined.tensors.entries()) {
      const at = plain.tensors[i]?.position ?? 0;
      expect(all.subarray(position, position + size).equals(bytes.subarray(at, at + size))).toBe(true);
    }
  });

  it("of one part is the plain file under the plain name", async () => {
    const output = join(folder, "large.gguf");
    const result = await convertCheckpoint({ checkpoint, output, type: "f32", splitSize: 2 ** 32 });
    expect(result).toMatchObject({ output });
    expect(result).not.toHaveProperty("parts");
    expect(readFileSync(output).equals(readFileSync(whole))).toBe(true);
  });

  it("is the same however often it is written, and comes of a copy, too", async () => {
    const again = await convertCheckpoint({
      checkpoint,
      output: join(folder, "again.gguf"),
      type: "f32",
      splitSize: SIZE,
    });
    for (const [i, part] of (again.parts ?? []).entries())
      expect(readFileSync(part).equals(readFileSync(parts[i] as string))).toBe(true);
    const output = join(folder, "copied.gguf");
    const result = await withOutput(output, { overwrite: false }, (claimed) =>
      copyGguf(claimed, whole, { splitSize: SIZE, overwrite: false, signal: undefined }),
    );
    expect(result.parts?.length).toBe(parts.length);
    expect((await readGguf(result.output)).tensors.length).toBe(20);
  });
});

describe("a set is refused by the part that is wrong", () => {
  const failure = async (path: string) => (await failureOf(readGguf(path))).message;

  it("a part that is missing", async () => {
    const set = copied();
    rmSync(second(set));
    expect(await failure(first(set))).toBe(
      `The file ${second(set)} is missing: ${first(set)} is a split GGUF, and all of its parts must be beside it.`,
    );
  });

  it("another part than the first", async () => {
    const set = copied();
    expect(await failure(second(set))).toMatch(
      `is part 2 of ${set.length} of a split GGUF: name the first one, ${first(set)}`,
    );
  });

  it("a part that is torn", async () => {
    const set = copied();
    truncateSync(second(set), 900);
    expect(await failure(first(set))).toMatch(new RegExp(`${basename(second(set))} is truncated`));
  });

  it("parts in another order", async () => {
    const set = copied();
    const spare = `${second(set)}.spare`;
    renameSync(second(set), spare);
    renameSync(set[2] as string, second(set));
    renameSync(spare, set[2] as string);
    expect(await failure(first(set))).toMatch(/is part 3 by its split.no; its name says part 2/);
  });

  it("a part of another model, of ours or with keys that differ", async () => {
    const files = tinyFiles();
    const weights = Buffer.from(files["model.safetensors"] as Buffer);
    weights[weights.length - 40] = (weights[weights.length - 40] as number) ^ 1;
    const other = await convertCheckpoint({
      checkpoint: await writeCheckpoint({ ...files, "model.safetensors": weights }),
      ...{ output: join(folder, "other.gguf"), type: "f32", splitSize: SIZE },
    });
    const set = copied();
    copyFileSync(other.parts?.[1] as string, second(set));
    expect(await failure(first(set))).toMatch(
      /part 2|-00002-of-.*belongs to another model than the first part: its starling.split.set/s,
    );
    const foreign = copied();
    for (const part of foreign) await rewritten(part, (metadata) => metadata.delete("starling.split.set"));
    await readGguf(first(foreign));
    await rewritten(second(foreign), (metadata) => metadata.set("split.tensors.count", { type: "i32", value: 21 }));
    expect(await failure(first(foreign))).toMatch(/is of a model of 21 tensors, and the first part of 20/);
  });

  it.each<[string, (metadata: Map<string, GgufValue>) => void, RegExp]>([
    ["another count", (metadata) => metadata.set("split.count", u16(9)), /of a set of 9 parts/],
    [
      "a count of another type",
      (metadata) => metadata.set("split.no", { type: "u32", value: 1 }),
      /split.no as u32; expected u16/,
    ],
    ["no number", (metadata) => metadata.delete("split.no"), /no metadata key split.no/],
    [
      "no count of tensors",
      (metadata) => metadata.delete("split.tensors.count"),
      /no metadata key split.tensors.count/,
    ],
    [
      "another alignment",
      (metadata) => metadata.set("general.alignment", { type: "u32", value: 16 }),
      /another alignment/,
    ],
  ])("%s", async (_, change, message) => {
    const set = copied();
    await rewritten(second(set), change);
    expect(await failure(first(set))).toMatch(message);
  });

  it("a tensor twice, a tensor too few, and a whole file under a part's name", async () => {
    const set = copied();
    copyFileSync(set[2] as string, second(set));
    await rewritten(second(set), (metadata) => metadata.set("split.no", u16(1)));
    expect(await failure(first(set))).toMatch(/contains the tensor ".*", which is also in/);
    const alone = join(mkdtempSync(join(folder, "alone-")), "model-00001-of-00003.gguf");
    copyFileSync(whole, alone);
    expect((await readGguf(alone)).tensors.length).toBe(20);
    const renamed = join(mkdtempSync(join(folder, "renamed-")), "model.gguf");
    copyFileSync(first(parts), renamed);
    const gguf = await readGguf(renamed);
    expect(() => readRewardMetadata(gguf, renamed)).toThrow(/one part of a split GGUF under another name/);
  });
});

describe("writing a set", () => {
  it("is locked, refuses existing parts, and leaves nothing when it is stopped", async () => {
    const own = mkdtempSync(join(folder, "out-"));
    const output = join(own, "rm.gguf");
    const convert = (options: object = {}) =>
      convertCheckpoint({ checkpoint, output, type: "f32", splitSize: SIZE, ...options });
    const both = await Promise.allSettled([convert(), convert()]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(readdirSync(own).length).toBe(parts.length);
    expect((await failureOf(convert())).message).toMatch(/00001-of-.*exists/);
    const stop = new AbortController();
    const onProgress = () => stop.abort();
    await failureOf(convert({ overwrite: true, signal: stop.signal, onProgress }));
    expect(readdirSync(own).length).toBe(parts.length);
    expect((await readGguf(join(own, partName("rm", 1, parts.length)))).tensors.length).toBe(20);
    await convert({ overwrite: true });
    expect(readdirSync(own).length).toBe(parts.length);
  });

  it("never looks whole before it is: the first part comes last, and an old one goes first", async () => {
    const own = mkdtempSync(join(folder, "kill-"));
    const names = ["a", "b", "c"].map((name) => join(own, name));
    for (const name of names) writeFileSync(name, "old");
    const outputs = await OutputSet.claim(names, { overwrite: true });
    const files = await outputs.create([3, 3, 3]);
    await files.write(Buffer.from("newnewnew"), 0);
    // A kill between two renames is a rename that never happens: the last one fails here.
    rmSync(files.paths[0] as string);
    await failureOf(outputs.publish(files));
    await files.discard();
    await outputs.release();
    expect(readdirSync(own).filter((name) => !name.startsWith("."))).toEqual([]);
  });
});

describe("on the hub", () => {
  const repository = async () =>
    startHub(Object.fromEntries(parts.map((part) => [basename(part), readFileSync(part)])));

  it("all parts are pulled, whichever is named, or none is", async () => {
    const hub = await repository();
    for (const name of ["", `/${basename(first(parts))}`, `/${basename(parts.at(-1) as string)}`]) {
      const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder() };
      const path = await pullGguf(
        `hf:${hub.repository}${name}`,
        { ...options, check: readGguf },
        { retryPolicy: QUICK },
      );
      expect(basename(path)).toBe(basename(first(parts)));
      expect((await readGguf(path)).tensors.length).toBe(20);
      expect(filesBelow(options.cacheFolder).filter((file) => file.includes("snapshots")).length).toBe(parts.length);
    }
  });

  it("are read by range, and a missing one is named", async () => {
    const hub = await repository();
    const options = { endpoint: hub.endpoint, cacheFolder: emptyFolder() };
    const file = await openRemoteGguf(`hf:${hub.repository}`, options, { retryPolicy: QUICK });
    expect((await readGguf(file)).tensors.length).toBe(20);
    await file.close();
    hub.files.delete(basename(second(parts)));
    const error = await failureOf(openRemoteGguf(`hf:${hub.repository}`, options, { retryPolicy: QUICK }));
    expect(error.message).toContain(basename(second(parts)));
  });
});
