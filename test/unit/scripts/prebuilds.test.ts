/** What `npm run prebuilds` checks after each build, on real libraries and on such that were altered. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { chosenTargets, prebuiltPath } from "../../../scripts/prebuilds/build.mjs";
import { checkPrebuilt, EXPORTS, MAX_BYTES, readLibrary } from "../../../scripts/prebuilds/check.mjs";
import { TARGETS } from "../../../scripts/prebuilds/targets.mjs";
import { PREBUILD_NAMES } from "../../../src/native/prebuilds.ts";

const fixtures = fileURLToPath(new URL("../../fixtures/libraries", import.meta.url));
const NAMES = ["linux-x64", "linux-arm64-musl", "darwin-arm64", "darwin-x64", "win32-arm64"];
const library = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, `${name}.node.gz`)));

/** With every occurrence of a text replaced by one of the same length. */
function altered(name: string, from: string, to: string): Buffer {
  expect(to).toHaveLength(from.length);
  const bytes = library(name);
  let count = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1), count++) bytes.write(to, at, "latin1");
  expect(count).toBeGreaterThan(0);
  return bytes;
}

/** With one byte changed. */
function poked(name: string, at: number, value: number): Buffer {
  const bytes = library(name);
  expect(bytes[at]).not.toBe(value);
  bytes[at] = value;
  return bytes;
}

/** Where a load command of a library for macOS begins. */
function command(bytes: Buffer, kind: number): number {
  for (let i = 0, at = 32; i < bytes.readUInt32LE(16); i++, at += bytes.readUInt32LE(at + 4))
    if (bytes.readUInt32LE(at) === kind) return at;
  throw new Error(`no command ${kind}`);
}
const BUILD_VERSION = 0x32;
const CODE_SIGNATURE = 0x1d;

describe("the platforms", () => {
  it("that are built are those that the loader looks for", () => {
    expect(Object.keys(TARGETS)).toEqual(PREBUILD_NAMES);
  });

  it("are all without a name, and those that are named once each", () => {
    expect(chosenTargets([])).toEqual(PREBUILD_NAMES);
    expect(chosenTargets(["win32-x64", "linux-x64", "win32-x64"])).toEqual(["win32-x64", "linux-x64"]);
    expect(() => chosenTargets(["linux-x64", "beos-x64"])).toThrow("but received beos-x64");
  });
});

describe("a library that is right", () => {
  it.each(NAMES)("passes: %s", (name) => {
    const bytes = library(name);
    expect(checkPrebuilt(name, bytes)).toEqual([]);
    expect(readLibrary(bytes).exports).toEqual(expect.arrayContaining(EXPORTS));
  });

  it.each(PREBUILD_NAMES.filter((name) => existsSync(prebuiltPath(name))))("passes as it was built: %s", (name) => {
    expect(checkPrebuilt(name, readFileSync(prebuiltPath(name)))).toEqual([]);
  });
});

describe("a library is refused", () => {
  it.each(NAMES.flatMap((name) => PREBUILD_NAMES.filter((other) => other !== name).map((other) => [name, other])))(
    "that was built for %s as one for %s",
    (name, other) => {
      // musl's name differs from glibc's only in what the library needs.
      expect(checkPrebuilt(other, library(name))[0]).toMatch(/for the platform|for the libraries it needs/);
    },
  );

  it.each(NAMES)("that exports something else: %s", (name) => {
    const [first = "", second = ""] = EXPORTS;
    const other = `nX${second.slice(2)}`;
    // Without the first letter: a table of macOS keeps a common beginning once.
    const bytes = altered(name, second.slice(1), other.slice(1));
    const problems = checkPrebuilt(name, bytes);
    expect(problems).toContain(`Expected ${second} for its exports but received none`);
    expect(problems).toContain(`Expected only ${first}, ${second} for its exports but received ${other}`);
  });

  it.each([
    ["linux-x64", "libc.so.6", "libx.so.6"],
    ["linux-arm64-musl", "libc.so", "libx.so"],
    ["darwin-arm64", "/usr/lib/libSystem.B.dylib", "/usr/lib/libOther1.B.dylib".slice(0, 26)],
    ["win32-arm64", "KERNEL32.dll", "node-abi.exe"],
  ])("that needs another library: %s", (name, from, to) => {
    expect(checkPrebuilt(name, altered(name, from, to))).toContainEqual(
      expect.stringMatching(
        new RegExp(`^Expected only the system's \\(\\w+\\) for the libraries it needs but received ${to}`),
      ),
    );
  });

  it("that needs the host under one name", () => {
    expect(checkPrebuilt("win32-arm64", altered("win32-arm64", "KERNEL32.dll", "node.exe\0\0\0\0"))).toEqual([
      "Expected only the system's (win32) for the libraries it needs but received node.exe",
    ]);
  });

  it("that needs a newer glibc", () => {
    expect(checkPrebuilt("linux-x64", altered("linux-x64", "GLIBC_2.2.5", "GLIBC_2.100"))).toEqual([
      "Expected 2.28 at most for glibc but received 2.100",
    ]);
    expect(checkPrebuilt("linux-x64", altered("linux-x64", "GLIBC_2.2.5", "GLIBC_2.028"))).toEqual([]);
  });

  it("that wants its stack executable", () => {
    const bytes = library("linux-x64");
    const table = Number(bytes.readBigUInt64LE(0x20));
    const stack = Array.from({ length: bytes.readUInt16LE(0x38) }, (_, i) => table + 0x38 * i).find(
      (at) => bytes.readUInt32LE(at) === 0x6474e551,
    ) as number;
    expect(checkPrebuilt("linux-x64", poked("linux-x64", stack + 4, 7))).toEqual([
      "Expected no executable one for its stack but received an executable one",
    ]);
  });

  it("that needs a newer macOS", () => {
    const at = command(library("darwin-x64"), BUILD_VERSION) + 12;
    expect(checkPrebuilt("darwin-x64", poked("darwin-x64", at + 2, 14))).toEqual([
      "Expected 11.0 at most for the oldest macOS but received 14.0",
    ]);
  });

  it("that was changed after it was signed, in any page", () => {
    const { length } = library("darwin-arm64");
    const end = library("darwin-arm64").readUInt32LE(command(library("darwin-arm64"), CODE_SIGNATURE) + 8);
    for (const at of [1000, 20_000, end - 1]) {
      expect(at).toBeLessThan(length);
      const problems = checkPrebuilt("darwin-arm64", poked("darwin-arm64", at, 0x5a));
      expect(problems).toContainEqual(
        expect.stringMatching(/^Expected a whole one for its signature but received the hash/),
      );
    }
  });

  it("that is not signed where the system demands it", () => {
    const bytes = library("darwin-arm64");
    bytes.writeUInt32LE(0x7f, command(bytes, CODE_SIGNATURE));
    expect(checkPrebuilt("darwin-arm64", bytes)).toEqual([
      "Expected a whole one for its signature but received it has none",
    ]);
  });

  it.each(NAMES)("that is too large: %s", (name) => {
    const bytes = Buffer.concat([library(name), Buffer.alloc(MAX_BYTES)]);
    expect(checkPrebuilt(name, bytes)).toContain(
      `Expected 1000000 bytes at most for its size but received ${bytes.length}`,
    );
  });

  it.each(NAMES)("that was cut off anywhere, in words: %s", (name) => {
    const bytes = library(name);
    for (let size = 0; size < bytes.length; size += 97) {
      const problems = checkPrebuilt(name, bytes.subarray(0, size));
      if (problems.length === 0) expect(size, "only padding may be missing").toBeGreaterThan(bytes.length / 2);
    }
    expect(checkPrebuilt(name, bytes.subarray(0, 16))).toHaveLength(1);
    expect(checkPrebuilt(name, Buffer.from("not a library at all"))).toEqual([
      `Expected an addon for ${name}, but it cannot be read: it is not a library of Linux, macOS or Windows`,
    ]);
  });
});
