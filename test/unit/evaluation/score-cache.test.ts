import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ScoreCache, type ScoreSettings } from "../../../src/evaluation/score-cache.ts";

const settings: ScoreSettings = {
  model: "0123456789abcdef".repeat(4),
  tokenization: "fast-4.41",
  specialTokens: "plain",
  maxTokens: 2048,
  backend: "cpu",
  devices: [],
  gpuLayers: 0,
  batchMode: "exact",
  llamaVersion: "0.4.0",
  contract: 4,
  cpuLibrary: "libggml-cpu-haswell.so",
  cpuFeatures: [],
  kernels: [],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "starling-scores-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function onlyFile(): string {
  const names = readdirSync(folder);
  expect(names).toHaveLength(1);
  return join(folder, names[0] as string);
}

test("what was added is there for the next run, to the last bit", () => {
  const score = Math.fround(-1.2345678);
  const first = ScoreCache.open(folder, settings);
  first.add("k".repeat(64), { score, tokenCount: 12, truncated: true });
  first.close();
  const second = ScoreCache.open(folder, settings);
  expect(second.get("k".repeat(64))).toMatchObject({ score, tokenCount: 12, truncated: true });
  expect(second.get("x".repeat(64))).toBeUndefined();
  second.close();
});

test("another model, another setting: nothing is shared", () => {
  const first = ScoreCache.open(folder, settings);
  first.add("k".repeat(64), { score: 1, tokenCount: 1, truncated: false });
  first.close();
  const others = [
    { ...settings, model: "f".repeat(64) },
    { ...settings, head: "a".repeat(64) },
    { ...settings, tokenization: "slow" },
    { ...settings, specialTokens: "reference" },
    { ...settings, maxTokens: 1024 },
    { ...settings, backend: "cuda" },
    { ...settings, batchMode: "packed" },
    { ...settings, contract: 5 },
  ];
  for (const other of others) {
    const cache = ScoreCache.open(folder, other);
    expect(cache.get("k".repeat(64))).toBeUndefined();
    cache.close();
  }
});

test("a line that a kill cut off loses itself alone", () => {
  const first = ScoreCache.open(folder, settings);
  first.add("a".repeat(64), { score: 1, tokenCount: 1, truncated: false });
  first.close();
  const path = onlyFile();
  appendFileSync(path, `{"key":"${"b".repeat(64)}","score":2.5,"tokenCo`);
  const second = ScoreCache.open(folder, settings);
  second.add("c".repeat(64), { score: 3, tokenCount: 3, truncated: false });
  second.close();
  const third = ScoreCache.open(folder, settings);
  expect(["a", "b", "c"].map((letter) => third.get(letter.repeat(64))?.score)).toEqual([1, undefined, 3]);
  third.close();
});

test("rubbish in the file is no score", () => {
  ScoreCache.open(folder, settings).close();
  const path = onlyFile();
  const sound = { score: 1, tokenCount: 1, truncated: false };
  const rubbish = [
    "null",
    "[]",
    "7",
    '{"key":1}',
    JSON.stringify({ key: "a".repeat(64), ...sound, score: "1" }),
    JSON.stringify({ key: "a".repeat(63), ...sound }),
    JSON.stringify({ key: "a".repeat(64), ...sound, truncated: 0 }),
    JSON.stringify({ key: "a".repeat(64), ...sound, tokenCount: 1.5 }),
    `{"key":"${"a".repeat(64)}","score":1e999,"tokenCount":1,"truncated":false}`,
    "\u0000\uffff",
  ];
  writeFileSync(path, `${readFileSync(path, "utf8")}${rubbish.join("\n")}\n`);
  const cache = ScoreCache.open(folder, settings);
  expect(cache.get("a".repeat(64))).toBeUndefined();
  expect(cache.problem).toBeUndefined();
  cache.close();
});

test("a folder that cannot be made costs the cache, not the run", () => {
  const blocked = join(folder, "file");
  writeFileSync(blocked, "");
  const told: string[] = [];
  const cache = ScoreCache.open(join(blocked, "below"), settings, (problem) => told.push(problem));
  expect(told).toEqual([expect.stringContaining("ENOTDIR")]);
  cache.add("a".repeat(64), { score: 1, tokenCount: 1, truncated: false });
  expect(cache.get("a".repeat(64))?.score).toBe(1);
  expect(cache.problem).toContain("ENOTDIR");
  expect(told).toHaveLength(1);
  cache.close();
});
