import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { findPartitions, folderOfPattern } from "../../../src/partitions/find-partitions.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "starling-rm-find-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

for (const name of ["in/a.jsonl", "in/sub/a.jsonl", "in/-x y é.csv", "in/out/a.jsonl", "in/notes.txt"]) {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), "{}\n");
}
symlinkSync(join(root, "in", "out"), join(root, "link"));

const names = async (inputs: readonly string[], except = join(root, "none")) =>
  (await findPartitions(inputs, { except })).map(({ name }) => name);

it("names files of a folder below it, those of a pattern below what comes before its wildcards, and others by themselves", async () => {
  const all = ["-x y é.csv", "a.jsonl", "out/a.jsonl", "sub/a.jsonl"];
  expect(await names([join(root, "in")])).toEqual(all);
  expect(await names([`${join(root, "in")}/`])).toEqual(all);
  expect(await names([join(root, "in", "**", "*.jsonl")])).toEqual(["a.jsonl", "out/a.jsonl", "sub/a.jsonl"]);
  expect(await names([join(root, "in", "s*", "a.jsonl")])).toEqual(["sub/a.jsonl"]);
  expect(await names([join(root, "in", "sub", "a.jsonl")])).toEqual(["a.jsonl"]);
});

it("leaves out the folder of the outputs, by whatever name", async () => {
  for (const except of [join(root, "in", "out"), `${join(root, "link")}/`])
    expect(await names([join(root, "in")], except)).toEqual(["-x y é.csv", "a.jsonl", "sub/a.jsonl"]);
});

it("leaves out the folder of the outputs where a link in the input leads to it", async () => {
  for (const name of ["far/b.jsonl", "far/out/b.jsonl"]) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), "{}\n");
  }
  mkdirSync(join(root, "linking"));
  symlinkSync(join(root, "far"), join(root, "linking", "data"));
  expect(await names([join(root, "linking")])).toEqual(["data/b.jsonl", "data/out/b.jsonl"]);
  expect(await names([join(root, "linking")], join(root, "far", "out"))).toEqual(["data/b.jsonl"]);
});

it("takes no input away that is the folder of the outputs, or is in it: that is refused elsewhere", async () => {
  expect(await names([join(root, "in", "sub")], join(root, "in", "sub"))).toEqual(["a.jsonl"]);
  expect(await names([join(root, "in", "sub", "a.jsonl")], join(root, "in"))).toEqual(["a.jsonl"]);
  expect(await names([join(root, "in", "sub")], join(root, "in"))).toEqual(["a.jsonl"]);
});

it.each([
  ["data/*.jsonl", "data"],
  ["*.jsonl", "."],
  ["/*.jsonl", "/"],
  ["/a/b/{c,d}/e.jsonl", "/a/b"],
])("takes %s for a pattern in %s", (pattern, folder) => {
  expect(folderOfPattern(pattern)).toBe(folder);
});
