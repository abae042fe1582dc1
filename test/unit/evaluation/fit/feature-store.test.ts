/** Features on the disk: what is torn, wrong or written by several runs at once. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FeatureStore } from "../../../../src/evaluation/fit/feature-store.ts";

const WIDTH = 7;
const RECORD = 32 + 4 * WIDTH + 8;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "starling-rm-features-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const hash = (i: number) => i.toString(16).padStart(64, "0");
const row = (i: number) => Float32Array.from({ length: WIDTH }, (_, k) => Math.fround(i + k / 3));
const segments = () => readdirSync(folder).map((name) => join(folder, name));

/** Writes records as one run, and leaves them. */
async function write(from: number, to: number): Promise<void> {
  const store = await FeatureStore.open(folder, WIDTH);
  for (let i = from; i < to; i++) await store.add(hash(i), row(i));
  await store.close();
}

async function known(of: number): Promise<number[]> {
  const store = await FeatureStore.open(folder, WIDTH);
  const there = Array.from({ length: of }, (_, i) => i).filter((i) => store.has(hash(i)));
  expect(store.size).toBe(there.length);
  const table = await store.load(there.map(hash));
  for (const [at, i] of there.entries()) expect(table.row(at)).toEqual(row(i));
  return there;
}

describe("the store of features", () => {
  it("gives back every bit, in any order, to the same run and to later ones", async () => {
    const store = await FeatureStore.open(folder, WIDTH);
    expect(readdirSync(folder)).toEqual([]);
    for (let i = 0; i < 30; i++) await store.add(hash(i), row(i));
    const order = [7, 29, 0, 7];
    const table = await store.load(order.map(hash));
    for (const [at, i] of order.entries()) expect(table.row(at)).toEqual(row(i));
    await store.close();
    expect(segments()).toHaveLength(1);
    expect(await known(40)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it("keeps what stands before a record that was torn anywhere, and goes on", async () => {
    await write(0, 5);
    const [path] = segments() as [string];
    const whole = readFileSync(path);
    expect(whole.length).toBe(5 * RECORD);
    for (let length = 4 * RECORD; length < 5 * RECORD; length++) {
      writeFileSync(path, whole.subarray(0, length));
      expect(await known(6)).toEqual([0, 1, 2, 3]);
    }
    await write(4, 6);
    expect(await known(6)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("does not believe a record of which any byte is another, nor zeros that a crash left", async () => {
    await write(0, 3);
    const [path] = segments() as [string];
    const whole = readFileSync(path);
    for (let at = RECORD; at < 2 * RECORD; at++) {
      const broken = Buffer.from(whole);
      broken[at] = (broken[at] as number) ^ 0x10;
      writeFileSync(path, broken);
      expect(await known(3)).toEqual([0, 2]);
    }
    writeFileSync(path, whole);
    appendFileSync(path, Buffer.alloc(2 * RECORD));
    expect(await known(3)).toEqual([0, 1, 2]);
  });

  it("takes what several runs write at the same time", async () => {
    const stores = await Promise.all([0, 1, 2].map(() => FeatureStore.open(folder, WIDTH)));
    await Promise.all(
      stores.map(async (store, s) => {
        for (let i = 0; i < 20; i++) await store.add(hash(10 * s + i), row(10 * s + i));
        await store.close();
      }),
    );
    expect(segments()).toHaveLength(3);
    expect(await known(60)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it("leaves other files alone", async () => {
    writeFileSync(join(folder, "notes.txt"), "mine".repeat(RECORD));
    await write(0, 1);
    expect(await known(2)).toEqual([0]);
    expect(readFileSync(join(folder, "notes.txt"), "utf8")).toHaveLength(4 * RECORD);
  });

  it("refuses rows of another width, and items that are not there", async () => {
    const store = await FeatureStore.open(folder, WIDTH);
    await expect(store.add(hash(1), new Float32Array(3))).rejects.toBeInstanceOf(RangeError);
    await expect(store.load([hash(1)])).rejects.toThrow(/No features stored for/);
    await store.close();
  });

  it("says where it cannot write", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const store = await FeatureStore.open(join(file, "inside"), WIDTH);
    await expect(store.add(hash(1), row(1))).rejects.toMatchObject({
      code: "ERR_FILE_NOT_WRITABLE",
      message: expect.stringContaining("STARLING_RM_CACHE"),
    });
  });

  it("notices a file that changes while it is in use", async () => {
    await write(0, 3);
    const store = await FeatureStore.open(folder, WIDTH);
    const [path] = segments() as [string];
    writeFileSync(path, readFileSync(path).fill(1, RECORD, RECORD + 40));
    await expect(store.load([hash(1)])).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
    truncateSync(path, 10);
    await expect(store.load([hash(0)])).rejects.toMatchObject({ code: "ERR_FILE_NOT_READABLE" });
  });
});
