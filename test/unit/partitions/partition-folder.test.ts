import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { FileLock } from "../../../src/files/file-lock.ts";
import { type Manifest, manifestPath } from "../../../src/partitions/manifest.ts";
import { PartitionClaim } from "../../../src/partitions/partition-claim.ts";
import { PartitionFolder, type PlacedPartition } from "../../../src/partitions/partition-folder.ts";
import { manifestOf } from "./manifest-of.ts";

const root = mkdtempSync(join(tmpdir(), "starling-rm-partitions-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const INPUT = "input\n";
const OUTPUT = "output\n";
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

let at = "";
let folder: PartitionFolder;
let partition: PlacedPartition;
beforeEach(() => {
  at = mkdtempSync(join(root, "run-"));
  const path = join(at, "in", "a.jsonl");
  mkdirSync(join(at, "in"));
  writeFileSync(path, INPUT);
  folder = new PartitionFolder(join(at, "out"));
  partition = { name: "a.jsonl", file: path, path, bytes: INPUT.length, output: "a.jsonl" };
});

const outputPath = () => folder.outputPath(partition);
const manifest = (output: Partial<Manifest["output"]> = {}): Manifest => {
  const own = manifestOf(partition.name);
  const input = { name: partition.file, bytes: INPUT.length, sha256: hashOf(INPUT) };
  return { ...own, input, output: { ...own.output, ...output } };
};

async function claimed(): Promise<PartitionClaim> {
  const claim = await folder.claim(partition);
  if (!(claim instanceof PartitionClaim)) throw new Error("another holds it");
  return claim;
}

async function publish(claim: PartitionClaim, content = OUTPUT): Promise<void> {
  const file = await claim.create();
  try {
    await file.write(Buffer.from(content), 0);
    await claim.publish(file, hashOf(content), (output) => manifest(output));
  } finally {
    await file.discard();
  }
}

async function write(content = OUTPUT): Promise<void> {
  const claim = await claimed();
  await publish(claim, content);
  await claim.release();
}

const status = async (verify = false) => (await folder.stateOf(partition, { verify })).status;

describe("a partition is whole", () => {
  it("when its output and its manifest are there, and nothing else is left", async () => {
    expect(await status()).toBe("missing");
    await write();
    expect(await status()).toBe("whole");
    expect(await status(true)).toBe("whole");
    expect(readdirSync(folder.path).sort()).toEqual(["_a.jsonl.manifest", "a.jsonl"]);
  });

  it("also where a copy changed the times of its files", async () => {
    await write();
    utimesSync(outputPath(), 1, 1);
    utimesSync(partition.path, 1, 1);
    expect(await status()).toBe("whole");
  });

  it.each([
    ["cut", () => writeFileSync(outputPath(), OUTPUT.slice(0, 3))],
    ["longer", () => writeFileSync(outputPath(), `${OUTPUT}more`)],
    ["of the same size", () => writeFileSync(outputPath(), OUTPUT.toUpperCase())],
    ["without a manifest", () => rmSync(manifestPath(outputPath()))],
    ["beside a manifest that is no JSON", () => writeFileSync(manifestPath(outputPath()), "{")],
    [
      "beside the manifest of another",
      () => writeFileSync(manifestPath(outputPath()), JSON.stringify(manifestOf("b"))),
    ],
  ])("but not when its output is %s", async (_, damage) => {
    await write();
    damage();
    expect(await status()).toBe("torn");
    expect(await status(true)).toBe("torn");
    await write();
    expect(await status()).toBe("whole");
  });

  it("but not when only the hash tells, and hashes are to be compared", async () => {
    await write();
    const found = JSON.parse(readFileSync(manifestPath(outputPath()), "utf8"));
    found.output.sha256 = hashOf("other");
    writeFileSync(manifestPath(outputPath()), JSON.stringify(found));
    expect(await status(true)).toBe("torn");
  });

  it("but of another version of the input, when that has changed", async () => {
    await write();
    writeFileSync(partition.path, INPUT.toUpperCase());
    expect(await status()).toBe("changed");
    rmSync(partition.path);
    expect(await status()).toBe("changed");
  });
});

describe("two processes", () => {
  it("do not hold one partition at the same time", async () => {
    const claim = await claimed();
    expect(await folder.claim(partition)).toMatchObject({ process: process.pid });
    expect(await folder.seemsHeld(partition)).toBe(true);
    await claim.release();
    await write();
  });

  it("leave a pair that matches: a manifest is gone before another output comes", async () => {
    await write();
    const claim = await claimed();
    const file = await claim.create();
    await file.write(Buffer.from("another"), 0);
    let there: boolean | undefined;
    const fail = claim.publish(file, hashOf("another"), () => {
      there = existsSync(manifestPath(outputPath()));
      throw new Error("killed here");
    });
    await expect(fail).rejects.toThrow("killed here");
    await claim.release();
    expect(there).toBe(false);
    expect(await status()).toBe("torn");
  });

  it("write no manifest once the partition was taken over", async () => {
    const claim = await claimed();
    const file = await claim.create();
    await file.write(Buffer.from(OUTPUT), 0);
    const lock = join(folder.path, ".a.jsonl.lock");
    const taken = claim.publish(file, hashOf(OUTPUT), (output) => {
      writeFileSync(lock, JSON.stringify({ host: "elsewhere", process: 1 }));
      return manifest(output);
    });
    await expect(taken).rejects.toThrow("another process took the partition over");
    expect(await claim.wasTaken()).toBe(true);
    expect(await status()).toBe("torn");
    rmSync(lock);
    await write();
    expect(await status()).toBe("whole");
  });

  it("remove what a process that died has left, of the output and of the manifest", async () => {
    mkdirSync(folder.path);
    const left = [".a.jsonl.0123456789ab.partial", "._a.jsonl.manifest.0123456789ab.partial"];
    for (const name of left) writeFileSync(join(folder.path, name), "half");
    expect((await folder.traces())(partition)).toBe(true);
    await write();
    expect((await folder.traces())(partition)).toBe(false);
    expect(readdirSync(folder.path).sort()).toEqual(["_a.jsonl.manifest", "a.jsonl"]);
  });
});

describe("the folder", () => {
  it("knows its files from others", async () => {
    await write();
    await folder.begin(manifestOf("x"), false);
    mkdirSync(join(folder.path, "sub"));
    for (const name of ["notes.txt", "sub/b.jsonl", ".hidden"]) writeFileSync(join(folder.path, name), "");
    expect(await folder.foreign([partition], [])).toEqual(["notes.txt", "sub/b.jsonl"]);
    expect(await folder.foreign([partition], [join(folder.path, "sub", "b.jsonl")])).toEqual(["notes.txt"]);
    expect(await folder.written()).toMatchObject([{ name: "a.jsonl", output: "a.jsonl" }]);
  });

  it("belongs to the run that was first", async () => {
    const [first, second] = [manifestOf("a"), { ...manifestOf("a"), command: "rank" }];
    const [one, two] = await Promise.all([folder.begin(first, false), folder.begin(second, false)]);
    expect(one).toEqual(two);
    expect(await folder.begin(second, true)).toEqual(second);
    expect(await folder.run()).toMatchObject({ command: "rank" });
  });

  it("writes through no link", async () => {
    mkdirSync(folder.path);
    const precious = join(at, "precious.jsonl");
    writeFileSync(precious, "mine");
    symlinkSync(precious, outputPath());
    await expect(folder.claim(partition)).rejects.toThrow("it is a symbolic link");
    expect(readFileSync(precious, "utf8")).toBe("mine");
  });

  it("remove what a process that died has left of the file that says what the folder is for, and wait for nobody", async () => {
    const { command, version, model, settings } = manifest();
    const run = { command, version, model, settings };
    await folder.begin(run, false);
    const lock = join(folder.path, "._PARTITIONS.lock");
    const own = await FileLock.acquire(lock);
    const content = JSON.parse(readFileSync(lock, "utf8"));
    await folder.removeTracesOfRun();
    expect(existsSync(lock)).toBe(true);
    await own.release();
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(lock, JSON.stringify({ ...content, process: pid, id: "dead" }));
    writeFileSync(join(folder.path, "._PARTITIONS.0123456789ab.partial"), "half");
    await folder.removeTracesOfRun();
    expect(readdirSync(folder.path)).toEqual(["_PARTITIONS"]);
    writeFileSync(join(folder.path, "._PARTITIONS.0123456789ab.partial"), "half");
    await folder.removeTracesOfRun();
    expect(readdirSync(folder.path)).toEqual(["_PARTITIONS"]);
  });
});
