import { describe, expect, it } from "vitest";
import { fileKey, isOpenFile } from "../../../src/files/same-file.ts";

/** As libuv 1.49 gives them on Windows: the volume's number has 64 bits for a name and 32 for an open file. */
const named = { dev: 0x1234_5678_9abc_def0n, ino: 9n };
const open = { dev: 0x9abc_def0n, ino: 9n };

describe("a file on Windows", () => {
  it("is the same by its name and where it is open", () => {
    expect(fileKey(open, "win32")).toBe(fileKey(named, "win32"));
    expect(isOpenFile(open, named, "win32")).toBe(true);
  });

  it("is another one with another number, however near", () => {
    // Both are the same double.
    const [one, other] = [2n ** 54n, 2n ** 54n + 1n].map((ino) => fileKey({ dev: 1n, ino }, "win32"));
    expect(one).not.toBe(other);
    expect(isOpenFile(open, { ...named, ino: 10n }, "win32")).toBe(false);
  });

  it("is open after a rename, when Wine has forgotten its volume", () => {
    expect(isOpenFile({ dev: 0n, ino: 9n }, named, "win32")).toBe(true);
  });
});

it("elsewhere needs the same device", () => {
  expect(isOpenFile(open, named, "linux")).toBe(false);
  expect(fileKey(open, "linux")).not.toBe(fileKey(named, "linux"));
});
